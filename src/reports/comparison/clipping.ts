import type { Interval } from "../../metrics/index.js";

/** The part of an axis that charts show. */
export interface Shown {
  readonly domain: readonly [low: number, high: number];
  /** Whether some interval reaches further. */
  readonly isCut: boolean;
}

/** Below a chart whose intervals are cut. */
export const CUT_NOTE = "Intervals that end at the edge reach further: the table has them whole.";

/**
 * An axis that shows the values well. Two seeds have intervals twelve times as wide as their spread, in which the values
 * would shrink to one point, so intervals are shown up to the values' own range beyond them.
 *
 * @param values at least one
 */
export function shownRange(values: readonly number[], intervals: readonly Interval[]): Shown {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const range = most - least || Math.abs(most) || 1;
  const low = Math.min(least, ...intervals.map((interval) => interval.low));
  const high = Math.max(most, ...intervals.map((interval) => interval.high));
  const domain = [Math.max(low, least - range / 2), Math.min(high, most + range / 2)] as const;
  if (domain[0] === domain[1]) return { domain: [least - range / 2, most + range / 2], isCut: false };
  return { domain, isCut: low < domain[0] || high > domain[1] };
}
