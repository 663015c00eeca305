import type { RunConfig } from "./run-config.js";
import type { StepMetrics } from "./step-metrics.js";

/** Whether a step has a record: those that `logEvery` asks for; the first, the last and every step out of the ordinary always. */
export function isRecorded(
  { step, evaluationReconstructionLoss: evaluated, nonFinite }: StepMetrics,
  { logEvery, steps }: Pick<RunConfig, "logEvery" | "steps">,
): boolean {
  const special = evaluated !== undefined || nonFinite !== undefined;
  return step === 1 || step === steps || step % logEvery === 0 || special;
}

/**
 * Whether a step is one of `points` steps that lie evenly over a run of `steps`, the last one among them; every step
 * where there are fewer than that.
 *
 * @param step 1 for the first
 * @param spread.points an integer >= 0; 0 is never
 */
export function isRecordPoint(
  step: number,
  { steps, points }: { readonly steps: number; readonly points: number },
): boolean {
  return Math.floor((step * points) / steps) > Math.floor(((step - 1) * points) / steps);
}
