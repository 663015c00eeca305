import { describe, expect, it } from "vitest";
import { criticalT, meanInterval } from "../../src/metrics/index.js";

describe("criticalT", () => {
  // Two-sided, as printed in tables: NIST/SEMATECH e-Handbook of Statistical Methods, 1.3.6.7.2.
  it.each([
    [0.95, 1, 12.706],
    [0.95, 2, 4.303],
    [0.95, 3, 3.182],
    [0.95, 4, 2.776],
    [0.95, 5, 2.571],
    [0.95, 9, 2.262],
    [0.95, 30, 2.042],
    [0.95, 100, 1.984],
    [0.99, 2, 9.925],
    [0.99, 7, 3.499],
    [0.9, 6, 1.943],
    [0.8, 1, 3.078],
  ])("of %d with %d degrees of freedom is %d", (confidence, degrees, expected) => {
    expect(Math.abs(criticalT(confidence, degrees) - expected)).toBeLessThanOrEqual(5e-4);
  });

  it("agrees with the closed forms that have a closed inverse", () => {
    // One degree of freedom is Cauchy's distribution: P(|T| <= t) = 2/π atan t.
    expect(criticalT(0.95, 1)).toBeCloseTo(Math.tan((0.95 * Math.PI) / 2), 10);
    // Two: P(|T| <= t) = t/√(2 + t²), so t = p √(2 / (1 - p²)).
    expect(criticalT(0.95, 2)).toBeCloseTo(0.95 * Math.sqrt(2 / (1 - 0.95 ** 2)), 12);
  });

  it("comes near the normal distribution's 1.959964 with many", () => {
    // Cornish-Fisher: z + (z³ + z)/(4ν)
    const z = 1.959963985;
    expect(criticalT(0.95, 10_001)).toBeCloseTo(z + (z ** 3 + z) / (4 * 10_001), 7);
  });

  it.each([
    [0, 3],
    [1, 3],
    [Number.NaN, 3],
    [0.95, 0],
    [0.95, 1.5],
  ])("refuses confidence %d with %d degrees", (confidence, degrees) => {
    expect(() => criticalT(confidence, degrees)).toThrow(expect.objectContaining({ code: "numerics" }));
  });
});

describe("meanInterval", () => {
  it("of 17, 20 and 26 is 21 ± 4.3027·√21/√3", () => {
    // mean 21; deviations -4, -1, 5: s² = 42/2 = 21; s/√3 = √7 = 2.645751; t of 2 degrees = 4.302653
    const interval = meanInterval([17, 20, 26]);
    expect(interval?.low).toBeCloseTo(21 - 11.383749, 5);
    expect(interval?.high).toBeCloseTo(21 + 11.383749, 5);
  });

  it("is narrower for less confidence, a point for equal values, and none for one value", () => {
    // Two values, 50 %: t = tan(π/4) = 1, s = 2√2, s/√2 = 2
    expect(meanInterval([3, 7], 0.5)).toEqual({ low: expect.closeTo(3, 9), high: expect.closeTo(7, 9) });
    expect(meanInterval([2.5, 2.5, 2.5])).toEqual({ low: 2.5, high: 2.5 });
    expect(meanInterval([4])).toBeNull();
    expect(() => meanInterval([])).toThrow(expect.objectContaining({ code: "numerics" }));
  });
});
