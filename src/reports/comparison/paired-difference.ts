import { type Interval, meanInterval, type Spread, spread } from "../../metrics/index.js";

/** How far a figure lies from the baseline's, seed by seed. JSON-safe. */
export interface PairedDifference extends Spread {
  /** The seeds that both have; entry i of `values` is of seed i. */
  readonly seeds: readonly number[];
  /** 95 % interval of the mean difference by Student's t; null for one seed. */
  readonly interval: Interval | null;
}

/** One figure of several seeds; entry i of both lists belongs together. */
export interface SeededValues {
  readonly seeds: readonly number[];
  readonly values: readonly number[];
}

/**
 * The differences `figure - baseline` of equal seeds, which share first weights, crops and their order: what both have
 * of a seed falls out, so that few seeds show more than the two means side by side. null when no seed is in both.
 */
export function pairedDifference(figure: SeededValues, baseline: SeededValues): PairedDifference | null {
  const bySeed = new Map(baseline.seeds.map((seed, i) => [seed, baseline.values[i]]));
  const pairs = figure.seeds.flatMap((seed, i) => {
    const [value, reference] = [figure.values[i], bySeed.get(seed)];
    return value === undefined || reference === undefined ? [] : [{ seed, value: value - reference }];
  });
  if (pairs.length === 0) return null;
  const values = pairs.map(({ value }) => value);
  return { seeds: pairs.map(({ seed }) => seed), ...spread(values), interval: meanInterval(values) };
}

/** Whether the interval leaves no doubt of the sign: 0 lies outside of it. */
export function isClear({ interval }: Pick<PairedDifference, "interval">): boolean {
  return interval !== null && (interval.low > 0 || interval.high < 0);
}
