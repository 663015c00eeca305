/** How the learning rate moves after the warm-up. */
export const scheduleKinds = ["constant", "cosine", "linear"] as const;
export type ScheduleKind = (typeof scheduleKinds)[number];

/** What the learning rate of a run depends on; a part of `TrainingConfig`. */
export interface LearningRateSchedule {
  readonly schedule: ScheduleKind;
  /** The peak, reached at step `warmupSteps`. */
  readonly learningRate: number;
  /** Steps of linear rise from 0 to the peak; 0 starts at the peak. */
  readonly warmupSteps: number;
  /** The step at which the decay ends. */
  readonly steps: number;
  /** The end of the decay as a fraction of the peak, 0..1. Not used by "constant". */
  readonly finalLearningRateFraction: number;
}

/**
 * The learning rate of one step.
 *
 * Steps w = `warmupSteps` and before: peak·step/w. After that, with p = (step − w)/(steps − w) and f the final
 * fraction: "constant" stays at the peak, "linear" is peak·(1 − (1 − f)·p), "cosine" is
 * peak·(f + (1 − f)·(1 + cos πp)/2) (arXiv 1608.03983, one period). Past `steps` the final value holds, so a run that
 * is prolonged continues. A run that is shorter than its warm-up never reaches the peak.
 *
 * @param step 1 for the first step
 */
export function learningRateAt(step: number, options: LearningRateSchedule): number {
  const { schedule, learningRate, warmupSteps, steps, finalLearningRateFraction: final } = options;
  if (!Number.isInteger(step) || step < 1)
    throw new RangeError(`step: expected an integer >= 1, got ${step}.`);
  if (step <= warmupSteps) return (learningRate * step) / warmupSteps;
  const progress = Math.min(1, (step - warmupSteps) / Math.max(1, steps - warmupSteps));
  switch (schedule) {
    case "constant":
      return learningRate;
    case "linear":
      return learningRate * (1 - (1 - final) * progress);
    case "cosine":
      return learningRate * (final + ((1 - final) * (1 + Math.cos(Math.PI * progress))) / 2);
    default:
      return schedule satisfies never;
  }
}
