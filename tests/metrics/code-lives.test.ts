import { describe, expect, it } from "vitest";
import { type CodeTimeline, codeAges, codeLives } from "../../src/metrics/index.js";

/** A timeline of five codes from the counts of each interval. */
function timeline(intervals: readonly (readonly [step: number, counts: readonly number[]])[]): CodeTimeline {
  const records = intervals.map(([step, counts]) => {
    const used = counts.flatMap((count, index) => (count > 0 ? [{ index, count }] : []));
    return {
      step,
      samples: counts.reduce((sum, count) => sum + count, 0),
      codebooks: [
        {
          indices: Uint32Array.from(used, ({ index }) => index),
          counts: Float64Array.from(used, ({ count }) => count),
        },
      ],
      drift: null,
    };
  });
  return { codebookSize: 5, numCodebooks: 1, records };
}

const four = timeline([
  [3, [4, 0, 1, 0, 0]], //  0 and 2 are born
  [10, [2, 0, 0, 1, 0]], // 2 dies, 3 is born
  [12, [1, 0, 2, 0, 0]], // 2 comes back, 3 dies
  [20, [0, 0, 2, 1, 0]], // 0 dies, 3 comes back
]);

describe("codeLives", () => {
  it("counts births, deaths and revivals of each interval", () => {
    expect(codeLives(four).events).toMatchObject([
      { step: 3, samples: 5, used: 2, births: 2, deaths: 0, revivals: 0, neverUsed: 3 },
      { step: 10, samples: 3, used: 2, births: 1, deaths: 1, revivals: 0, neverUsed: 2 },
      { step: 12, samples: 3, used: 2, births: 0, deaths: 1, revivals: 1, neverUsed: 2 },
      { step: 20, samples: 3, used: 2, births: 0, deaths: 1, revivals: 1, neverUsed: 2 },
    ]);
    // 5 · (1 − (4/5)³)
    expect(codeLives(four).events[2]?.expectedUniformUsed).toBeCloseTo(2.44, 12);
  });

  it("follows each code", () => {
    const { bornAt, lastUsedAt, aliveSince, deaths } = codeLives(four);
    expect([...bornAt]).toEqual([3, 0, 3, 10, 0]);
    expect([...lastUsedAt]).toEqual([12, 0, 20, 20, 0]);
    expect([...aliveSince]).toEqual([0, 0, 12, 20, 0]);
    expect([...deaths]).toEqual([1, 0, 1, 1, 0]);
    expect([...codeAges(codeLives(four), 20)]).toEqual([-1, -1, 8, 0, -1]);
  });

  it("knows no life before the first record, and no codebook that is not there", () => {
    expect(codeLives(timeline([])).events).toEqual([]);
    expect(() => codeLives(four, 1)).toThrow(expect.objectContaining({ code: "codes" }));
  });

  it("counts the codes that were replaced, where any may be", () => {
    const records = four.records.map((each, i) => ({
      ...each,
      replaced: [Uint32Array.from([1, 4].slice(i))],
    }));
    expect(codeLives({ ...four, records }).events.map(({ replaced }) => replaced)).toEqual([2, 1, 0, 0]);
    expect(codeLives(four).events[0]).not.toHaveProperty("replaced");
  });

  it("of several codebooks follows the one that is asked for", () => {
    const codebook = (...indices: number[]) => ({
      indices: Uint32Array.from(indices),
      counts: Float64Array.from(indices, () => 1),
    });
    const both: CodeTimeline = {
      codebookSize: 4,
      numCodebooks: 2,
      records: [
        { step: 1, samples: 1, codebooks: [codebook(0), codebook(3)], drift: null },
        { step: 2, samples: 1, codebooks: [codebook(0), codebook(2)], drift: null },
      ],
    };
    expect([...codeLives(both, 0).bornAt]).toEqual([1, 0, 0, 0]);
    expect([...codeLives(both, 1).bornAt]).toEqual([0, 0, 2, 1]);
    expect(codeLives(both, 1).events[1]).toMatchObject({ births: 1, deaths: 1 });
  });
});
