import { describe, expect, it } from "vitest";
import { CodeCounts } from "../../../src/metrics/index.js";
import { levelLayout } from "../../../src/reports/code-charts.js";
import { usageReport } from "../../../src/reports/index.js";
import { PlaceCounter } from "../../../src/reports/index-places.js";
import { countHistogram } from "../../../src/reports/records/count-histogram.js";

describe("rarefaction", () => {
  const counts = new CodeCounts(5);
  counts.add(Int32Array.of(4, 4, 4, 1)); // code 4 three times, code 1 once

  it("is the mean over all draws", () => {
    const [codebook] = usageReport({ counts, images: 1, geometry: null }).codebooks;
    const curve = new Map(codebook?.rarefaction.map(({ samples, usage }) => [samples, 5 * usage]));
    expect(curve.get(1)).toBeCloseTo(1, 12);
    // Of the 6 pairs of indices 3 are of code 4 alone: (3·1 + 3·2) / 6
    expect(curve.get(2)).toBeCloseTo(1.5, 12);
    // Of the 4 triples one is of code 4 alone: (1 + 3·2) / 4
    expect(curve.get(3)).toBeCloseTo(1.75, 12);
    expect(curve.get(4)).toBeCloseTo(2, 12);
    expect(codebook?.rarefaction.find(({ samples }) => samples === 2)?.uniform).toBeCloseTo(1 - 0.8 ** 2, 12);
  });

  it("stands beside each smaller set, and not beside a larger one", () => {
    const scope = (samples: number | null) => ({
      scope: "batch",
      samples,
      usage: 0.2,
      expectedUniformUsage: null,
      perplexity: 1,
    });
    const otherScopes = [scope(2), scope(null), scope(9)];
    const { scopes } = usageReport({ counts, images: 1, geometry: null }, { otherScopes });
    expect(scopes.map(({ rarefiedUsage }) => rarefiedUsage)).toEqual([
      expect.closeTo(0.3, 12),
      null,
      null,
      expect.closeTo(0.4, 12),
    ]);
  });
});

describe("countHistogram", () => {
  it("bins counts by powers of two, beside the binomial distribution", () => {
    // 6 codes: two never, one once, one 3 times, two 4 and 7 times: N = 15
    const bins = countHistogram([7, 4, 3, 1], { codebookSize: 6, samples: 15 });
    expect(bins.map(({ from, to, codes }) => [from, to, codes])).toEqual([
      [0, 0, 2],
      [1, 1, 1],
      [2, 3, 1],
      [4, 7, 2],
    ]);
    // Binomial(15, 1/6): (5/6)^15, 15·(1/6)·(5/6)^14, then C(15,2) and C(15,3)
    const p = (k: number, ways: number) => 6 * ways * (1 / 6) ** k * (5 / 6) ** (15 - k);
    expect(bins[0]?.uniform).toBeCloseTo(p(0, 1), 10);
    expect(bins[1]?.uniform).toBeCloseTo(p(1, 15), 10);
    expect(bins[2]?.uniform).toBeCloseTo(p(2, 105) + p(3, 455), 10);
  });

  it("of one code that is all there is", () => {
    expect(
      countHistogram([5], { codebookSize: 1, samples: 5 }).map(({ codes, uniform }) => [codes, uniform]),
    ).toEqual([
      [0, 0],
      [0, 0],
      [0, 0],
      [1, 1],
    ]);
  });
});

describe("PlaceCounter", () => {
  it("counts positions and neighbours", () => {
    const counter = new PlaceCounter({ codebookSize: 10, codes: [7, 3] });
    // Two images of 2×3: 7 7 3 / 3 7 7 and 7 3 3 / 0 7 7
    counter.add({ indices: [7, 7, 3, 3, 7, 7, 7, 3, 3, 0, 7, 7], shape: [2, 2, 3, 1] });
    const places = counter.result();
    expect(places).toMatchObject({ rows: 2, columns: 3, isExact: true, samples: [2, 2, 2, 2, 2, 2] });
    expect(places.distinct).toEqual([1, 2, 1, 2, 1, 1]);
    expect(places.entropyBits).toEqual([0, 1, 0, 1, 0, 0]);
    expect(places.codes[0]).toEqual({ index: 7, counts: [2, 1, 0, 0, 2, 2] });
    // Across: 77 73 37 77, 73 33 07 77; down: 73 77 37, 70 37 37
    const { pairs, equal, counts, expected, expectedEqual } = places.neighbours;
    expect(pairs).toBe(14);
    expect(counts).toEqual([4, 3, 4, 1]); // 7→7, 7→3, 3→7, 3→3
    expect(equal).toBeCloseTo(5 / 14, 12);
    // First of a pair: 7 eight times, 3 five, 0 once; second: 7 nine times, 3 four, 0 once
    expect(expected.map((value) => value * 14)).toEqual(
      [72, 32, 45, 20].map((value) => expect.closeTo(value, 9)),
    );
    expect(expectedEqual).toBeCloseTo((72 + 20 + 1) / 14 ** 2, 12);
  });

  it("takes one of several codebooks, and other grids by their share of the side", () => {
    const counter = new PlaceCounter({ codebookSize: 10, numCodebooks: 2, codebook: 1, codes: [9] });
    counter.add({ indices: [0, 9, 0, 8], shape: [1, 1, 2, 2] });
    counter.add({ indices: [0, 9, 0, 9, 0, 5, 0, 9], shape: [1, 1, 4, 2] });
    const places = counter.result();
    expect(places).toMatchObject({ rows: 1, columns: 2, isExact: false, samples: [3, 3] });
    expect(places.codes[0]?.counts).toEqual([3, 1]);
  });
});

describe("levelLayout", () => {
  it("gives every code a place of its own, the first dimension slowest along its side", () => {
    const { rows, columns, placeOf } = levelLayout([3, 4, 2]);
    expect([rows, columns]).toEqual([4, 6]);
    // Index 0 + 3·2 + 12·1 = 18: digits 0, 2, 1
    expect(placeOf(18)).toEqual({ row: 2, column: 1 });
    expect(placeOf(23)).toEqual({ row: 3, column: 5 });
    const places = new Set(Array.from({ length: 24 }, (_, i) => JSON.stringify(placeOf(i))));
    expect(places.size).toBe(24);
  });
});
