import { fieldsOf } from "../../core/objects.js";
import { formatPercent, formatSignificant } from "../../drawing/index.js";
import { tenths } from "./curve.js";
import type { DiagnosisRecord } from "./record.js";
import { fine, found, type Rule, unknown, withTrend } from "./rule.js";

/** The options of a run's adversarial objective; undefined where it has none. */
function adversarialOf({ config }: DiagnosisRecord): Readonly<Record<string, unknown>> | undefined {
  const { objectives } = fieldsOf(config);
  if (!Array.isArray(objectives)) return undefined;
  return objectives.map(fieldsOf).find(({ kind }) => kind === "adversarial");
}

const applies = (record: DiagnosisRecord): boolean => adversarialOf(record) !== undefined;

/** Share of patches told rightly, of images and of reconstructions, in the last tenth of the run. */
const WINS = { warning: 0.95, critical: 0.99 };

export const discriminatorWins: Rule = {
  name: "discriminator-wins",
  title: "The discriminator wins",
  applies,
  remedies: [
    "a later start of the adversarial loss: the model is to reconstruct before it has to mislead",
    "a lower learning rate of the discriminator, or updates at every second step (every)",
    "R1 (r1Weight 1 to 10), LeCam (lecamWeight) or norm spectral, which keep it smooth",
    "a smaller discriminator (discriminator.width, discriminator.layers)",
  ],
  judge: (record) =>
    withTrend(record, "discriminatorRealAccuracy", (ofImages) =>
      withTrend(record, "discriminatorReconstructedAccuracy", (ofModel) => {
        const [real, reconstructed] = [ofImages, ofModel].map((curve) => tenths(curve)[9]?.median ?? 0) as [
          number,
          number,
        ];
        const seen = `patches told rightly in the last tenth of the run: ${formatPercent(real)} of images, ${formatPercent(reconstructed)} of reconstructions`;
        const least = Math.min(real, reconstructed);
        if (least > WINS.critical)
          return found("critical", `${seen}; both over ${formatPercent(WINS.critical)}`);
        if (least > WINS.warning)
          return found("warning", `${seen}; both over ${formatPercent(WINS.warning)}`);
        return fine(seen);
      }),
    ),
};

/** What the ratio of gradients is clamped at, and what is near to it. */
const CLAMP = 1e4;
const NEAR = 0.1;

export const weightAtClamp: Rule = {
  name: "adversarial-weight-at-clamp",
  title: "The adaptive weight stands at its limit",
  applies: (record) => adversarialOf(record)?.adaptive === true,
  remedies: [
    "look whether the discriminator wins: a saturated one has no gradient to give, and the weight makes up for it",
    "a fixed weight (adaptive: false)",
    "R1 or LeCam, which keep the discriminator's gradients alive",
  ],
  judge: (record) =>
    withTrend(record, "adversarialWeight", (curve) => {
      const { weight } = adversarialOf(record) ?? {};
      if (typeof weight !== "number" || weight === 0) return unknown("the factor of the weight is not known");
      const last = (tenths(curve)[9]?.median ?? 0) / weight;
      const seen = `ratio of gradients at the decoder's last layer: ${formatSignificant(last)} in the last tenth of the run; its limit is ${formatSignificant(CLAMP)}`;
      if (last >= 0.99 * CLAMP) return found("critical", `${seen}; at it`);
      if (last >= NEAR * CLAMP) return found("warning", `${seen}; over ${NEAR} of it`);
      return fine(seen);
    }),
};

/** How many times the peak at a period of 2 or 4 pixels is that of the originals. */
const CHECKERBOARD = { warning: 4, critical: 16 };

export const checkerboard: Rule = {
  name: "checkerboard",
  title: "Reconstructions have marks of upsampling",
  applies,
  remedies: [
    "a later start or a smaller weight of the adversarial loss",
    "R1, LeCam or norm spectral, against a discriminator that lives on single frequencies",
    "more training: marks of the first steps after the start fade",
  ],
  judge: ({ checkerboard: ratio }) => {
    if (ratio === null || ratio === undefined)
      return unknown("no spectrum of final reconstructions was recorded");
    const seen = `spectrum at periods of 2 and 4 pixels: stands out ${formatSignificant(ratio)} times as far as in the originals`;
    if (ratio > CHECKERBOARD.critical) return found("critical", `${seen}; over ${CHECKERBOARD.critical}`);
    if (ratio > CHECKERBOARD.warning) return found("warning", `${seen}; over ${CHECKERBOARD.warning}`);
    return fine(seen);
  },
};
