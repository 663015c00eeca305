import { expect, it } from "vitest";
import { CurveBuilder, newest, tenths } from "../../../src/reports/diagnosis/curve.js";

function curveOf(values: readonly number[]) {
  const builder = new CurveBuilder();
  for (const value of values) builder.add(value);
  return builder.curve();
}

it("keeps every value of a short curve apart", () => {
  const curve = curveOf(Array.from({ length: 30 }, (_, i) => i));
  // Tenth i holds 3i, 3i + 1, 3i + 2.
  expect(tenths(curve)).toEqual(
    Array.from({ length: 10 }, (_, i) => ({ median: 3 * i + 1, max: 3 * i + 2 })),
  );
  expect(newest(curve)).toBe(29);
});

it("keeps means and spikes of a long curve in a bounded number of bins", () => {
  const length = 100_000;
  const curve = curveOf(Array.from({ length }, (_, i) => (i === 77_777 ? 1e6 : i)));
  expect(curve.records).toBe(length);
  expect(curve.bins.length).toBeLessThan(400);
  expect(curve.bins.reduce((sum, { count }) => sum + count, 0)).toBe(length);
  expect(curve.bins.reduce((sum, bin) => sum + bin.sum, 0)).toBe((length * (length - 1)) / 2 - 77_777 + 1e6);
  const parts = tenths(curve);
  expect(parts.map(({ max }) => max).indexOf(1e6)).toBe(7);
  // One wild step does not move the median of its tenth, whose values are 70,000..79,999 but for bins at its ends.
  expect(Math.abs((parts[7]?.median as number) - 75_000)).toBeLessThan(600);
});
