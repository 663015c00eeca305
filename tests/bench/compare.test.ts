import { describe, expect, it } from "vitest";
import { compare, median, summarize } from "../../bench/lib/compare.mjs";

describe("median", () => {
  it("is the middle value, or the mean of two", () => {
    expect(median([9, 1, 4])).toBe(4);
    expect(median([9, 1, 4, 6])).toBe(5);
    expect(median([10, 9, 100])).toBe(10);
  });
});

describe("summarize", () => {
  const rounds = [
    [7, 3, 5],
    [1, 2, 12],
    [6, 6, 8],
  ];

  it("takes the median of the rounds' medians, and the best sample of all", () => {
    // Medians 5, 2, 6.
    expect(summarize(rounds, "higher")).toEqual({ median: 5, best: 12 });
    expect(summarize(rounds, "lower")).toEqual({ median: 5, best: 1 });
  });
});

describe("compare", () => {
  it("is above 1 when ours is faster in images a second", () => {
    // Ratios of the rounds: 30/10, 20/20, 40/20; of the best: 40/25.
    const result = compare([[30], [20], [40]], [[10], [15, 20, 25], [20]], "higher");
    expect(result).toEqual({ ratio: 2, spread: [1, 3], bestRatio: 1.6 });
  });

  it("is above 1 when ours takes less time or memory", () => {
    // Ratios of the rounds: 10/40, 60/20, 30/20; of the best: 10/20.
    const result = compare([[40], [20], [20]], [[10], [60], [30]], "lower");
    expect(result).toEqual({ ratio: 1.5, spread: [0.25, 3], bestRatio: 0.5 });
  });

  it("pairs the sides round by round: a slow machine in one round does not show", () => {
    const result = compare([[100], [10], [100]], [[50], [5], [50]], "higher");
    expect(result).toMatchObject({ ratio: 2, spread: [2, 2] });
  });
});
