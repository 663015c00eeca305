import { VqkitError } from "../core/errors.js";

/** The same figure from several runs. JSON-safe. */
export interface Spread {
  readonly mean: number;
  /** Sample standard deviation (divides by n - 1); null for a single value, which has none. */
  readonly std: number | null;
  readonly values: readonly number[];
}

/** Arithmetic mean. @throws VqkitError("numerics") for no values, or one that is not finite. */
export function mean(values: readonly number[]): number {
  check(values);
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/**
 * Sample standard deviation: divides by n - 1; null for a single value.
 *
 * @throws VqkitError("numerics") for no values, or one that is not finite
 */
export function sampleStandardDeviation(values: readonly number[]): number | null {
  const centre = mean(values);
  if (values.length === 1) return null;
  // Two passes: squares of differences do not cancel as differences of squares do.
  const squares = values.reduce((sum, value) => sum + (value - centre) ** 2, 0);
  return Math.sqrt(squares / (values.length - 1));
}

/** Middle value; the mean of the two middle ones when their number is even. @throws as `mean` */
export function median(values: readonly number[]): number {
  check(values);
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  const upper = sorted[half] as number;
  return sorted.length % 2 === 1 ? upper : ((sorted[half - 1] as number) + upper) / 2;
}

/** Mean, spread and the values themselves. @throws as `mean` */
export function spread(values: readonly number[]): Spread {
  return { mean: mean(values), std: sampleStandardDeviation(values), values: [...values] };
}

function check(values: readonly number[]): void {
  if (values.length === 0) throw new VqkitError("numerics", "values: expected at least one, got none.");
  const bad = values.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) {
    throw new VqkitError("numerics", `values[${bad}]: expected a finite number, got ${values[bad]}.`);
  }
}
