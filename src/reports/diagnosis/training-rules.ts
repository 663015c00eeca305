import { formatCount, formatFixed, formatSignificant } from "../../drawing/index.js";
import { type Curve, medianOf, tenths } from "./curve.js";
import type { DiagnosisRecord } from "./record.js";
import { FEWEST_RECORDS, fine, found, type Outcome, type Rule, unknown, withTrend } from "./rule.js";
import { settingsOf } from "./settings.js";

/** dB over painting each image in its mean colour. */
const MEAN_COLOUR = { warning: 1, critical: 0 };
/** The loss in the last fifth of the run against the fifth before. */
const STILL_FALLING = 0.9;

export const underTrained: Rule = {
  name: "under-trained",
  title: "The model is not done learning",
  remedies: [
    "more steps; the schedule stretches with them",
    "a higher learning rate, if the gradient norm is calm",
    "where the loss does not fall at all: look at the other findings first",
  ],
  judge: (record) => {
    const { final, meanColourPsnr, lastStep, plannedSteps } = record;
    if (plannedSteps !== null && lastStep < plannedSteps) {
      return unknown(
        `step ${formatCount(lastStep)} of ${formatCount(plannedSteps)}: judged when the run is over`,
      );
    }
    const psnr = final?.psnr ?? null;
    if (psnr !== null && meanColourPsnr !== null) {
      const gain = psnr - meanColourPsnr;
      const seen = `PSNR ${formatFixed(psnr, 2)} dB, ${formatFixed(meanColourPsnr, 2)} dB by each image's mean colour`;
      if (gain <= MEAN_COLOUR.critical) return found("critical", `${seen}; no better`);
      if (gain < MEAN_COLOUR.warning)
        return found("warning", `${seen}; less than ${MEAN_COLOUR.warning} dB better`);
    }
    return withTrend(record, "reconstructionLoss", (curve) => {
      const { before, last } = lossFifths(curve);
      const seen = `reconstruction loss: ${formatSignificant(last)} in the last fifth of the run, ${formatSignificant(before)} in the fifth before`;
      if (last < STILL_FALLING * before) return found("warning", `${seen}; under ${STILL_FALLING} of it`);
      return fine(seen);
    });
  },
};

/** A run of fewer warm-ups than this has hardly begun when it ends; live, the doctor does not look before it either. */
export const WARMUPS = 4;

/**
 * Whether what other rules find in a run is what little training looks like, so that it says nothing of its settings:
 * the run was not trained enough, and was over before the learning rate had been at its peak for long. A loss that rose,
 * or was not finite, is no lack of training.
 */
export function explainsTheRest(record: DiagnosisRecord, ofTraining: Outcome): boolean {
  const { nonFiniteSteps, lastStep, config, curves } = record;
  const { reconstructionLoss: curve } = curves;
  if (ofTraining.status !== "found" || nonFiniteSteps > 0) return false;
  if (lastStep >= WARMUPS * settingsOf(config).warmupSteps) return false;
  if (curve === undefined || curve.records < FEWEST_RECORDS) return true;
  const { first, last } = lossFifths(curve);
  return last <= first;
}

/** Medians of the loss: its first fifth, the fifth before the last, and the last. */
function lossFifths(curve: Curve): {
  readonly first: number;
  readonly before: number;
  readonly last: number;
} {
  const parts = tenths(curve).map(({ median }) => median);
  const fifth = (at: number) => ((parts[at] as number) + (parts[at + 1] as number)) / 2;
  return { first: fifth(0), before: fifth(6), last: fifth(8) };
}

/** Growing: the last tenth against the median tenth of the first half. Spike: one step against the median. */
const EXPLODING = { growth: 10, spike: 100 };

export const explodingGradient: Rule = {
  name: "exploding-gradient",
  title: "The gradient explodes",
  remedies: [
    "lower the learning rate, or raise warmupSteps",
    {
      text: "a smaller gradientClip (1 is usual; the norm recorded is that before clipping)",
      helps: ({ gradientClip = Number.POSITIVE_INFINITY }) => gradientClip > 1,
    },
    {
      text: "a model with groupNorm, whose activations cannot grow without bound",
      helps: ({ groupNorm }) => !groupNorm,
    },
  ],
  judge: (record) => {
    if (record.nonFiniteSteps > 0) return nonFinite(record);
    return withTrend(record, "gradientNorm", (curve) => {
      const parts = tenths(curve);
      const usual = medianOf(parts.map(({ median }) => median));
      const early = medianOf(parts.slice(1, 6).map(({ median }) => median));
      const last = (parts[9] as (typeof parts)[number]).median;
      // The first tenth is left out: fresh weights have gradients of another size.
      const largest = Math.max(...parts.slice(1).map(({ max }) => max));
      const seen = `gradient norm: usually ${formatSignificant(usual)}, ${formatSignificant(last)} in the last tenth of the run, at most ${formatSignificant(largest)}`;
      if (last > EXPLODING.growth * early)
        return found("critical", `${seen}; grown over ${EXPLODING.growth} times`);
      if (largest > EXPLODING.spike * usual)
        return found("warning", `${seen}; a spike of over ${EXPLODING.spike} times`);
      return fine(seen);
    });
  },
};

function nonFinite({ nonFiniteSteps, lastStep }: DiagnosisRecord): Outcome {
  return found(
    "critical",
    `${formatCount(nonFiniteSteps)} of ${formatCount(lastStep)} steps had a loss or gradient that was not finite`,
  );
}
