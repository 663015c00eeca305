import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Random } from "../../src/core/random.js";
import {
  bitsPerPixel,
  CodeCounts,
  type CodeCountsJson,
  expectedDistinctCodes,
  expectedUniformUsage,
  leastUsedCodes,
  mostUsedCodes,
  rankFrequency,
  usageFigures,
} from "../../src/metrics/index.js";

function counted(codebookSize: number, indices: readonly number[], numCodebooks = 1): CodeCounts {
  const counts = new CodeCounts(codebookSize, numCodebooks);
  counts.add(Int32Array.from(indices));
  return counts;
}

const codesError = expect.objectContaining({ code: "codes" });

describe("CodeCounts", () => {
  it("counts each codebook by itself: element i belongs to codebook i mod Q", () => {
    const counts = counted(4, [3, 1, 3, 2, 0, 1], 2);
    expect(counts.samples).toBe(3);
    expect([...counts.counts(0)]).toEqual([1, 0, 0, 2]);
    expect([...counts.counts(1)]).toEqual([0, 2, 1, 0]);
    expect([counts.used(0), counts.used(1)]).toEqual([2, 2]);
    expect(counts.count(3)).toBe(2);
  });

  it("takes every index type", () => {
    const counts = new CodeCounts(300);
    counts.add(Uint16Array.of(299, 7));
    counts.add(Uint32Array.of(7));
    counts.add(Uint8Array.of(255));
    expect(counts.usedCodes()).toEqual([
      { index: 7, count: 2 },
      { index: 255, count: 1 },
      { index: 299, count: 1 },
    ]);
  });

  it.each([
    ["an index of K", () => counted(4, [0, 4])],
    ["a negative index", () => counted(4, [1, -1])],
    ["a length that Q does not divide", () => counted(4, [1, 2, 3], 2)],
    ["K = 0", () => new CodeCounts(0)],
    ["Q = 1.5", () => new CodeCounts(4, 1.5)],
    ["another codebook's size", () => counted(4, [1]).merge(counted(5, [1]))],
    ["a codebook that is not there", () => counted(4, [1]).counts(1)],
    ["removing what was not counted", () => counted(4, [1]).remove(Int32Array.of(2))],
    ["removing more than was counted", () => counted(4, [1]).remove(Int32Array.of(1, 1))],
    ["listing 2^30 codes", () => counted(2 ** 30, [1]).counts()],
  ])("refuses %s", (_, act) => {
    expect(act).toThrow(codesError);
  });

  it("counts nothing of a batch that it refuses", () => {
    const counts = counted(4, [2]);
    expect(() => counts.add(Int32Array.of(1, 9))).toThrow(codesError);
    expect([...counts.counts()]).toEqual([0, 0, 1, 0]);
    expect(counts.samples).toBe(1);
  });

  it("merges like counting everything at once, with itself too", () => {
    const parts = counted(5, [4, 4, 1]);
    parts.merge(counted(5, [1, 0]));
    expect(parts.toJSON()).toEqual(counted(5, [4, 4, 1, 1, 0]).toJSON());
    parts.merge(parts);
    expect([...parts.counts()]).toEqual([2, 4, 0, 0, 4]);
    expect(parts.samples).toBe(10);
  });

  it("holds an implicit codebook of 2^30 codes sparsely, with the same answers", () => {
    const counts = counted(2 ** 30, [2 ** 30 - 1, 5, 5]);
    counts.remove(Int32Array.of(2 ** 30 - 1));
    expect(counts.usedCodes()).toEqual([{ index: 5, count: 2 }]);
    expect(counts.used()).toBe(1);
    counts.add(Int32Array.of(9, 3));
    expect(counts.usedCodes().map(({ index }) => index)).toEqual([3, 5, 9]);
  });

  it("survives JSON for any indices", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(6), fc.nat(6)), { maxLength: 40 }), (pairs) => {
        const counts = counted(7, pairs.flat(), 2);
        const copy = CodeCounts.fromJSON(JSON.parse(JSON.stringify(counts)) as CodeCountsJson);
        expect(copy.toJSON()).toEqual(counts.toJSON());
        expect(usageFigures(copy)).toEqual(usageFigures(counts));
      }),
      { seed: 1 },
    );
  });

  it.each<[string, CodeCountsJson]>([
    ["an index twice", json([{ indices: [1, 1], counts: [1, 1] }])],
    ["an index of K", json([{ indices: [4], counts: [1] }])],
    ["a count of 0", json([{ indices: [1], counts: [0] }])],
    ["a missing count", json([{ indices: [1, 2], counts: [1] }])],
    ["a missing codebook", { ...json([{ indices: [1], counts: [1] }]), numCodebooks: 2 }],
    ["a codebook more than there is memory for", { ...json([]), numCodebooks: 2 ** 50 }],
    [
      "codebooks that disagree on N",
      json([
        { indices: [1], counts: [2] },
        { indices: [1], counts: [3] },
      ]),
    ],
  ])("refuses JSON with %s", (_, value) => {
    expect(() => CodeCounts.fromJSON(value)).toThrow(codesError);
  });
});

function json(codebooks: CodeCountsJson["codebooks"]): CodeCountsJson {
  return { codebookSize: 4, numCodebooks: codebooks.length, codebooks };
}

describe("usageFigures", () => {
  it("matches figures worked out by hand", () => {
    // p = 1/2, 1/4, 1/4: entropy = 1.5 bits, perplexity = 2^1.5. Uniform: 1 - (4/5)^4 = 0.5904.
    const figures = usageFigures(counted(5, [3, 3, 0, 4]));
    expect(figures).toMatchObject({ samples: 4, codebookSize: 5, used: 3, unused: 2, usage: 0.6 });
    expect(figures.entropyBits).toBeCloseTo(1.5, 14);
    expect(figures.perplexity).toBeCloseTo(2.8284271247461903, 13);
    expect(figures.expectedUniformUsage).toBeCloseTo(0.5904, 14);
  });

  it("is exact at both ends: one code has perplexity 1 and entropy 0, all codes alike perplexity K", () => {
    expect(usageFigures(counted(9, [6, 6, 6]))).toMatchObject({ perplexity: 1, entropyBits: 0 });
    const uniform = usageFigures(
      counted(
        1000,
        Array.from({ length: 3000 }, (_, i) => i % 1000),
      ),
    );
    expect(uniform.perplexity).toBeCloseTo(1000, 8);
    expect(uniform.perplexity).toBeLessThanOrEqual(1000);
    expect(uniform.usage).toBe(1);
  });

  it("reports codebooks one by one and their means", () => {
    // codebook 0: always 1 (1 of 4 used); codebook 1: 2 and 3 alternately (2 of 4, perplexity 2)
    const figures = usageFigures(counted(4, [1, 2, 1, 3], 2));
    expect(figures.perCodebook.map(({ used }) => used)).toEqual([1, 2]);
    expect(figures).toMatchObject({ samples: 2, numCodebooks: 2, used: 1.5, unused: 2.5, usage: 0.375 });
    expect(figures.perplexity).toBeCloseTo(1.5, 14);
    expect(figures.entropyBits).toBeCloseTo(0.5, 14);
  });

  it("says what is unknown when nothing was counted, and is JSON-safe", () => {
    const figures = usageFigures(new CodeCounts(8));
    expect(figures).toMatchObject({
      samples: 0,
      used: 0,
      unused: 8,
      usage: 0,
      expectedUniformUsage: 0,
      perplexity: null,
      entropyBits: null,
    });
    expect(JSON.parse(JSON.stringify(figures))).toEqual(figures);
  });
});

describe("expectedUniformUsage", () => {
  // Published figures for 65,536 indices.
  it.each([
    [16_384, 0.982],
    [65_536, 0.632],
    [262_144, 0.221],
  ])("K = %i: %f of the codes", (codebookSize, expected) => {
    expect(expectedUniformUsage(65_536, codebookSize)).toBeCloseTo(expected, 3);
  });

  it("does not cancel for huge K: N/K to first order", () => {
    expect(expectedUniformUsage(3, 2 ** 50) / (3 / 2 ** 50)).toBeCloseTo(1, 12);
  });

  it("is whole for K = 1, and what sampling shows", () => {
    expect(expectedUniformUsage(1, 1)).toBe(1);
    const random = new Random(3, "usage");
    const counts = counted(
      512,
      Array.from({ length: 700 }, () => random.integer(512)),
    );
    // Standard deviation of the used fraction here is about 0.012.
    expect(Math.abs(usageFigures(counts).usage - expectedUniformUsage(700, 512))).toBeLessThan(0.05);
  });
});

describe("bitsPerPixel", () => {
  const geometry = { gridHeight: 4, gridWidth: 8, imageHeight: 16, imageWidth: 64, numCodebooks: 3 };

  it("spreads the entropy of all indices over the pixels", () => {
    // 4·8·3 indices of 5 bits over 16·64 pixels
    expect(bitsPerPixel(5, geometry)).toBe(480 / 1024);
    expect(bitsPerPixel(null, geometry)).toBeNull();
  });

  it("refuses a side of 0", () => {
    expect(() => bitsPerPixel(5, { ...geometry, imageWidth: 0 })).toThrow(codesError);
  });
});

describe("rankings", () => {
  const counts = counted(8, [5, 5, 5, 2, 2, 7, 7, 1]);

  it("breaks ties by lowest index and leaves unused codes out", () => {
    expect(mostUsedCodes(counts, 3).map(({ index }) => index)).toEqual([5, 2, 7]);
    expect(leastUsedCodes(counts, 3)).toEqual([
      { index: 1, count: 1 },
      { index: 2, count: 2 },
      { index: 7, count: 2 },
    ]);
    expect([...rankFrequency(counts)]).toEqual([3, 2, 2, 1]);
  });
});

describe("expectedDistinctCodes", () => {
  it("is the mean over all subsets", () => {
    const indices = [5, 5, 5, 2, 2, 7, 1];
    for (const size of [0, 1, 3, 6, 7]) {
      const subsets = choose(indices, size);
      const average = subsets.reduce((sum, subset) => sum + new Set(subset).size, 0) / subsets.length;
      expect(expectedDistinctCodes(counted(8, indices), size)).toBeCloseTo(average, 12);
    }
  });

  it("stays finite and exact at the ends for large counts", () => {
    const counts = new CodeCounts(3);
    for (let i = 0; i < 50; i++) counts.add(new Int32Array(20_000).fill(2)); // a million of code 2
    counts.add(Int32Array.of(0));
    expect(expectedDistinctCodes(counts, 1)).toBeCloseTo(1, 12);
    expect(expectedDistinctCodes(counts, 1_000_001)).toBe(2);
    // Code 0 is among n of N with probability n/N.
    expect(expectedDistinctCodes(counts, 1000)).toBeCloseTo(1 + 1000 / 1_000_001, 12);
  });

  it("refuses more samples than were counted", () => {
    expect(() => expectedDistinctCodes(counted(8, [1, 2]), 3)).toThrow(codesError);
  });
});

function choose<T>(items: readonly T[], size: number): T[][] {
  if (size === 0) return [[]];
  return items.flatMap((item, i) => choose(items.slice(i + 1), size - 1).map((rest) => [item, ...rest]));
}
