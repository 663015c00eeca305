import { describe, expect, it } from "vitest";
import { linearAxis, logAxis } from "../../src/reports/axis.js";
import { logSpacedRanks } from "../../src/reports/log-scale.js";

describe("linearAxis", () => {
  it("has round ticks inside the range", () => {
    // (3.4 - 0.7) / 5 = 0.54, the next of 1, 2, 5 times a power of ten is 1
    const axis = linearAxis([3.4, 0.7, 2]);
    expect(axis.ticks).toEqual([1, 2, 3]);
    expect(axis.position(0.7)).toBe(0);
    expect(axis.position(3.4)).toBe(1);
    expect(axis.position(2.05)).toBeCloseTo(0.5);
  });

  it("has ticks without the error of binary fractions", () => {
    expect(linearAxis([0, 0.5]).ticks).toEqual([0, 0.1, 0.2, 0.3, 0.4, 0.5]);
    expect(linearAxis([0, 4e-4]).ticks).toEqual([0, 1e-4, 2e-4, 3e-4, 4e-4]);
  });

  it.each([0, 7, -3])("of the one value %d has a height", (value) => {
    const { ticks, position } = linearAxis([value]);
    expect(ticks.length).toBeGreaterThan(1);
    expect(position(value)).toBeGreaterThanOrEqual(0);
    expect(position(value)).toBeLessThan(1);
  });
});

describe("logAxis", () => {
  it("gives equal lengths to equal ratios", () => {
    const { position } = logAxis([2, 200]);
    expect(position(2)).toBe(0);
    expect(position(20)).toBeCloseTo(0.5);
    expect(position(200)).toBe(1);
  });

  it("has powers of ten, and more where there are few", () => {
    expect(logAxis([3, 4000]).ticks).toEqual([10, 100, 1000]);
    expect(logAxis([3, 40]).ticks).toEqual([5, 10, 20]);
    expect(logAxis([1e-9, 1e9]).ticks).toEqual([1e-9, 1e-6, 1e-3, 1, 1e3, 1e6, 1e9]);
  });

  it("always has two ticks", () => {
    expect(logAxis([3, 4]).ticks).toEqual([3, 4]);
    expect(logAxis([8]).ticks).toEqual([5, 10]);
  });
});

describe("logSpacedRanks", () => {
  it("keeps both ends and all small ranks", () => {
    const ranks = logSpacedRanks(10_000, 50);
    expect(ranks.slice(0, 4)).toEqual([1, 2, 3, 4]);
    expect(ranks.at(-1)).toBe(10_000);
    expect(ranks.length).toBeLessThanOrEqual(50);
    expect(ranks).toEqual([...new Set(ranks)].sort((a, b) => a - b));
  });

  it("of few ranks is all of them, of none none", () => {
    expect(logSpacedRanks(3, 200)).toEqual([1, 2, 3]);
    expect(logSpacedRanks(1, 200)).toEqual([1]);
    expect(logSpacedRanks(0, 200)).toEqual([]);
  });
});
