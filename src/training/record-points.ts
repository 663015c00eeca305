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
