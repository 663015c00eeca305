import { formatSignificant } from "../../drawing/index.js";
import { AVERAGING_CODEBOOKS } from "./alternatives.js";
import { tenths } from "./curve.js";
import { fine, found, type Rule, unknown, withTrend } from "./rule.js";
import { hasVectors, isFree, settingsOf } from "./settings.js";

/** The last tenth of the run against its middle. */
const GROWING = { warning: 2, critical: 10 };

export const commitmentGrowing: Rule = {
  name: "commitment-growing",
  title: "The commitment loss is growing",
  remedies: [
    "raise commitmentWeight (beta): the encoder runs away from its codes",
    { text: "lower the learning rate: the codebook cannot follow", helps: hasVectors },
    { text: "lower the learning rate", helps: (settings) => !hasVectors(settings) },
    { text: `${AVERAGING_CODEBOOKS}, which follows the latents`, helps: isFree },
    { text: "a smaller emaDecay, which follows faster", helps: ({ learning }) => learning === "averages" },
  ],
  judge: (record) =>
    withTrend(record, "commitmentLoss", (curve) => {
      const parts = tenths(curve).map(({ median }) => median);
      const [middle, last] = [((parts[4] as number) + (parts[5] as number)) / 2, parts[9] as number];
      const seen = `commitment loss: ${formatSignificant(last)} in the last tenth of the run, ${formatSignificant(middle)} in the middle`;
      if (last > GROWING.critical * middle)
        return found("critical", `${seen}; over ${GROWING.critical} times`);
      if (last > GROWING.warning * middle) return found("warning", `${seen}; over ${GROWING.warning} times`);
      return fine(seen);
    }),
};

/** The larger of both mean norms against the smaller. */
const GAP = { warning: 2, critical: 10 };

export const normGap: Rule = {
  name: "norm-gap",
  title: "Latents and codes differ in length",
  remedies: [
    {
      text: "raise commitmentWeight when latents are longer than their codes, codebookWeight when codes lag behind",
      helps: ({ learning = "chosen" }) => learning === "chosen" || learning === "all",
    },
    {
      text: "raise commitmentWeight when latents are longer than their codes",
      helps: ({ learning }) => learning === "averages" || learning === "never",
    },
    {
      text: `initialization kmeans or ${AVERAGING_CODEBOOKS}, which put codes where the latents are`,
      helps: isFree,
    },
    { text: "a smaller codeDim, which leaves less for the codes to miss", helps: hasVectors },
  ],
  judge: ({ final, curves, config }) => {
    // Without a commitment loss nothing asks latents to lie near codes: FSQ's z stands before its bound.
    if (curves.commitmentLoss === undefined) {
      return unknown("no commitment loss was recorded, so latents and codes need not be alike");
    }
    if (!settingsOf(config).comparesLengths) {
      return unknown("codes are chosen by direction alone, so latents may have any length");
    }
    const { latentNorm = null, codeNorm = null } = final ?? {};
    if (latentNorm === null || codeNorm === null) {
      return unknown(
        "the norms of latents and codes are not recorded (by earlier versions, or while a run is under way)",
      );
    }
    const [shorter, longer] = latentNorm < codeNorm ? [latentNorm, codeNorm] : [codeNorm, latentNorm];
    const seen = `mean norm ${formatSignificant(latentNorm)} of the latents, ${formatSignificant(codeNorm)} of their codes`;
    if (longer > GAP.critical * shorter) return found("critical", `${seen}; over ${GAP.critical} times`);
    if (longer > GAP.warning * shorter) return found("warning", `${seen}; over ${GAP.warning} times`);
    return fine(seen);
  },
};

/** Effective rank as a part of D; in few dimensions the fixed limit is what counts. */
const RANK = { warning: 1 / 8, critical: 1.5 };

export const lowRankLatents: Rule = {
  name: "low-rank-latents",
  title: "The latents use few of their dimensions",
  remedies: [
    { text: "a smaller codeDim: the dimensions that do not vary only dilute distances", helps: hasVectors },
    {
      text: "levels with fewer dimensions, of more values each: a dimension that does not vary has one value",
      helps: ({ sizedBy }) => sizedBy === "levels",
    },
    "more training, or a larger or deeper encoder, where the images do vary",
    {
      text: "look at dead-codes and commitment-growing first: a collapsed codebook pulls all latents to a few points",
      helps: hasVectors,
    },
  ],
  judge: ({ final, codeDim }) => {
    if (codeDim === 1) return fine("one dimension");
    const rank = final?.latentEffectiveRank ?? null;
    if (rank === null || codeDim === null) {
      return unknown("the effective rank is not recorded (by earlier versions, or while a run is under way)");
    }
    const seen = `effective rank ${formatSignificant(rank)} of ${codeDim} dimensions`;
    if (rank < RANK.critical) return found("critical", `${seen}; under ${RANK.critical}`);
    if (rank < RANK.warning * codeDim)
      return found("warning", `${seen}; under ${formatSignificant(RANK.warning * codeDim)}`);
    return fine(seen);
  },
};
