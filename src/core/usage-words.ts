/**
 * Which codebook usage a figure is: the words for the indices that it was counted on, the same on the terminal, on pages
 * and in the doctor's findings. Usage depends on their number, so no usage stands without them.
 */

/** The indices of a single step. */
export const ONE_BATCH = "one batch";

/** The indices of the present epoch. */
export const EPOCH_SO_FAR = "the epoch so far";

/** The sliding window. @param steps how many; undefined where that was not recorded */
export function lastSteps(steps?: number): string {
  if (steps === undefined) return "the last steps";
  return steps === 1 ? "the last step" : `the last ${steps} steps`;
}

/** The images of an evaluation. @param heldOut whether they were kept out of training; undefined where that is not known */
export function evaluationImages(heldOut?: boolean): string {
  if (heldOut === undefined) return "the evaluation images";
  return heldOut ? "held-out images" : "images trained on";
}

/** How many steps are in the window of a record of metrics: its indices by those of a batch; undefined without these. */
export function stepsInWindow(
  record: { readonly samplesBatch?: unknown; readonly samplesWindow?: unknown } | undefined,
): number | undefined {
  const { samplesBatch, samplesWindow } = record ?? {};
  if (typeof samplesBatch !== "number" || typeof samplesWindow !== "number") return undefined;
  const steps = Math.round(samplesWindow / samplesBatch);
  return steps >= 1 && Number.isFinite(steps) ? steps : undefined;
}
