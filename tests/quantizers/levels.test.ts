import { describe, expect, it } from "vitest";
import { planLevels } from "../../src/quantizers/index.js";

describe("planLevels", () => {
  // Mentzer et al. 2023, Table 1; the products by hand.
  it.each([
    [256, [8, 6, 5], 240],
    [1024, [8, 5, 5, 5], 1000],
    [4096, [7, 5, 5, 5, 5], 4375],
    [16384, [8, 8, 8, 6, 5], 15360],
    [65536, [8, 8, 8, 5, 5, 5], 64000],
  ])("follows the paper's table at %i", (size, levels, exact) => {
    expect(planLevels(size)).toEqual({ levels, codebookSize: exact });
  });

  it.each([
    [2, [2], 2],
    [100, [10, 10], 100],
    [124, [5, 5, 5], 125],
    [24, [24], 24],
    [25, [5, 5], 25],
    [512, [8, 8, 8], 512],
    [2048, [7, 7, 7, 6], 2058], // against [8, 8, 6, 5] = 1920 and [8, 7, 6, 6] = 2016
    [190, [6, 6, 5], 180], // 180 and 200 are equally close; the smaller
  ])("takes the closest product at %i", (size, levels, exact) => {
    expect(planLevels(size)).toEqual({ levels, codebookSize: exact });
  });

  it("stays within a tenth of the size and within the largest exact size", () => {
    for (const size of [100, 777, 8192, 32768, 131072, 1_000_000, 2 ** 24]) {
      const { levels, codebookSize } = planLevels(size);
      expect(levels.reduce((product, level) => product * level)).toBe(codebookSize);
      expect(Math.abs(codebookSize - size) / size).toBeLessThan(0.1);
      expect(codebookSize).toBeLessThanOrEqual(2 ** 24);
      expect(Math.min(...levels)).toBeGreaterThanOrEqual(5);
    }
  });
});
