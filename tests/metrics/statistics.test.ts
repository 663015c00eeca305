import { describe, expect, it } from "vitest";
import {
  assertSameConventions,
  mean,
  median,
  metricCard,
  sampleStandardDeviation,
  spread,
} from "../../src/metrics/index.js";

describe("statistics", () => {
  it("divides by n - 1", () => {
    // squares around 5: 9, 1, 1, 1, 0, 0, 4, 16 → 32 / 7
    expect(sampleStandardDeviation([2, 4, 4, 4, 5, 5, 7, 9])).toBeCloseTo(Math.sqrt(32 / 7), 14);
    expect(mean([2, 4, 9])).toBe(5);
  });

  it("does not cancel far from zero", () => {
    expect(sampleStandardDeviation([1e9 + 4, 1e9 + 7, 1e9 + 13, 1e9 + 16])).toBeCloseTo(Math.sqrt(30), 12);
  });

  it("one value has a mean and no spread", () => {
    expect(spread([7])).toEqual({ mean: 7, std: null, values: [7] });
    expect(spread([1, 3])).toEqual({ mean: 2, std: Math.SQRT2, values: [1, 3] });
  });

  it("takes the median by value, not by text", () => {
    expect(median([10, 9, 100])).toBe(10);
    expect(median([4, 1, 3, 8])).toBe(3.5);
  });

  it.each([[[]], [[1, Number.NaN]], [[Number.POSITIVE_INFINITY]]])("refuses %j", (values: number[]) => {
    for (const figure of [mean, median, sampleStandardDeviation, spread]) {
      expect(() => figure(values)).toThrow(expect.objectContaining({ code: "numerics" }));
    }
  });
});

describe("metric cards", () => {
  const a = { name: "runs/a", card: metricCard({ imageHeight: 64 }) };

  it("state the conventions and survive JSON", () => {
    expect(a.card).toMatchObject({ imageHeight: 64, psnr: expect.stringContaining("range 255") });
    const copy = { name: "runs/b", card: JSON.parse(JSON.stringify(a.card)) as typeof a.card };
    expect(() => assertSameConventions([a, copy])).not.toThrow();
    expect(() => assertSameConventions([])).not.toThrow();
  });

  it.each([
    ["another value", { ...a.card, psnr: "luma only" }, '"psnr"'],
    ["a line more", { ...a.card, crop: "center" }, '"crop"'],
    ["a line less", metricCard(), '"imageHeight"'],
    ["another type", { ...a.card, imageHeight: "64" }, '"imageHeight"'],
  ])("refuse to be compared with %s", (_, card, key) => {
    const compare = () => assertSameConventions([a, a, { name: "runs/b", card }]);
    expect(compare).toThrow(expect.objectContaining({ code: "run" }));
    expect(compare).toThrow(`runs/b: expected ${key}`);
  });

  it("cannot redefine a convention", () => {
    expect(() => metricCard({ psnr: "mine" })).toThrow(expect.objectContaining({ code: "run" }));
  });
});
