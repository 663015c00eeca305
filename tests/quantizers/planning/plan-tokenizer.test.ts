import { describe, expect, it } from "vitest";
import { parseQuantizerConfig, planTokenizer } from "../../../src/quantizers/index.js";

/** 256 pixels over 16: 16 × 16 positions. */
const image = { imageSize: 256, downsamplingFactor: 16 };

describe("planTokenizer", () => {
  it("plans the paper's sizes, and says which size to compare at", () => {
    const plan = planTokenizer({ ...image, codebookSize: 1024, images: 1000, codebooks: [1] });
    expect(plan).toMatchObject({ gridHeight: 16, gridWidth: 16, positions: 256, budgetBits: 2560 });
    const [table, grid, matched] = plan.candidates;
    expect(plan.candidates).toHaveLength(3);
    expect(table).toMatchObject({
      quantizer: { kind: "vq", codebookSize: 1024 },
      codesPerImage: 256,
      bitsPerCode: 10,
      bitsPerImage: 2560,
      bitsPerPixel: 2560 / 65_536,
      packedBytesPerMillion: 320e6, // 2560 bits are 320 bytes
      npyBytesPerMillion: 512e6,
      drawsPerCode: 250, // 1000 · 256 / 1024
      levels: null,
    });
    expect(grid).toMatchObject({
      quantizer: { kind: "fsq", levels: [8, 5, 5, 5] },
      codebookSize: 1000,
      nominalCodebookSize: 1024,
      levelBits: [3, Math.log2(5), Math.log2(5), Math.log2(5)],
      packedBytesPerMillion: 320e6, // ⌈log2 1000⌉ = 10
    });
    expect(grid?.bitsPerCode).toBeCloseTo(9.965784, 6); // log2 1000
    expect(matched?.quantizer).toEqual({ kind: "vq", codebookSize: 1000 });
    expect(plan.advice).toEqual([
      "Matched size: compare fsq [8,5,5,5], which has 1,000 codes, with vq at 1,000 codes, and say both numbers: it stands for a nominal 1,024.",
    ]);
  });

  it("plans a sequence of scales, whose codes share the bits of an image", () => {
    const scales = [1, 2, 4, 8, 16];
    const plan = planTokenizer({ ...image, codebookSize: 1024, images: 1000, codebooks: [1], scales });
    const found = plan.candidates.at(-1);
    // 1 + 4 + 16 + 64 + 256 = 341 codes; 2,560 bits are 7.507 for each, and 2^7.507 = 181.9.
    expect(found).toMatchObject({
      quantizer: { kind: "multi-scale", scales, codebookSize: 181 },
      ...{ numCodebooks: 1, codebookSize: 181, codesPerImage: 341, drawsPerCode: 341_000 / 181 },
    });
    expect(found?.bitsPerImage).toBeLessThanOrEqual(2560);
    expect(() => parseQuantizerConfig(found?.quantizer)).not.toThrow();
    expect(() => planTokenizer({ ...image, codebookSize: 1024, scales: [1, 8] })).toThrow(
      /scales: .*16x16 and 8/,
    );
    expect(() => planTokenizer({ ...image, bitsPerPixel: 0.005, scales })).toThrow(/scales: .*341 codes/);
    expect(() => planTokenizer({ ...image, codebookSize: 1024, scales: [4, 2, 16] })).toThrow(
      /above 4, got 2/,
    );
  });

  it("divides the bits of a position among codebooks, and never exceeds the budget", () => {
    const plan = planTokenizer({ ...image, bitsPerImage: 256 * 12, codebooks: [4, 1, 2, 2] });
    // 4096, 64 and 8 are products of levels, so that no table of another size is needed beside them.
    expect(plan.candidates.map(({ numCodebooks }) => numCodebooks)).toEqual([1, 1, 2, 2, 4, 4]);
    const tables = [0, 2, 4].map((i) => plan.candidates[i]);
    expect(tables.map((table) => table?.codebookSize)).toEqual([4096, 64, 8]); // 12, 6 and 3 bits
    for (const each of plan.candidates) {
      expect(each.bitsPerImage).toBeLessThanOrEqual(3072 + 1e-9);
      expect(each.bitsPerImage).toBeCloseTo(256 * each.numCodebooks * Math.log2(each.codebookSize), 9);
      if (each.levels !== null) {
        expect(each.levels.reduce((a, b) => a * b)).toBe(each.codebookSize);
        expect(each.levelBits?.reduce((a, b) => a + b)).toBeCloseTo(each.bitsPerCode, 9);
      }
      parseQuantizerConfig(each.quantizer); // what it proposes can be trained
    }
    expect(plan.advice.some((line) => line.startsWith("Matched rate:"))).toBe(true);
  });

  it("takes images that are not square and no multiple of the factor, and bits per pixel", () => {
    const plan = planTokenizer({
      imageSize: [30, 50],
      downsamplingFactor: 8,
      bitsPerPixel: 0.2,
      codebooks: [1],
    });
    // ⌈30/8⌉ · ⌈50/8⌉ = 4 · 7; 0.2 · 1500 / 28 = 10.714 bits a position: 2^10.714 = 1680.1 codes
    expect(plan).toMatchObject({ gridHeight: 4, gridWidth: 7, positions: 28 });
    expect(plan.budgetBits).toBeCloseTo(300, 9);
    expect(plan.candidates[0]?.codebookSize).toBe(1680);
  });

  it("says what a data set can show: 1 - (1 - 1/K)^N", () => {
    const plan = planTokenizer({ ...image, codebookSize: 65_536, images: 256, codebooks: [1] });
    // As many draws as codes: 1 − 1/e, but for 1/(2eK).
    expect(plan.candidates[0]?.drawsPerCode).toBe(1);
    expect(plan.candidates[0]?.expectedUsage).toBeCloseTo(0.632123, 6);
    expect(plan.advice.join("\n")).toContain("of 65,536 codes even a uniform source shows 63.2 %");
    expect(plan.advice.join("\n")).toContain("Up to 13,107 codes"); // 65,536 / 5
  });

  it.each([
    [{ ...image }, "", /expected a budget/],
    [{ ...image, bitsPerImage: 100, codebookSize: 8 }, "codebookSize", /expected one budget/],
    [{ ...image, bitsPerImage: 100 }, "budget", /at least 1 bit for a code, got 0\.3906/],
    [{ ...image, bitsPerImage: 256 * 200 }, "budget", /at most 24 bits/],
    [{ ...image, imageSize: 0, codebookSize: 8 }, "imageSize", /expected/],
  ])("refuses %j", (request, path, message) => {
    expect(() => planTokenizer(request)).toThrow(
      expect.objectContaining({ path, message: expect.stringMatching(message) }),
    );
  });
});
