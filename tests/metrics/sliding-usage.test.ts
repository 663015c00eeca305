import { describe, expect, it } from "vitest";
import { Random } from "../../src/core/random.js";
import { CodeCounts, SlidingUsage, usageFigures } from "../../src/metrics/index.js";

describe("SlidingUsage", () => {
  it("starts empty: code 0 is not used before it is seen", () => {
    const usage = new SlidingUsage({ codebookSize: 4, window: 3 });
    expect(usage.used()).toBe(0);
    expect(usage.figures()).toMatchObject({ samples: 0, used: 0, usage: 0, perplexity: null });
  });

  it("equals counting the last W batches afresh, at every step", () => {
    const random = new Random(5, "sliding");
    const window = 3;
    const usage = new SlidingUsage({ codebookSize: 6, numCodebooks: 2, window });
    const batches: Int32Array[] = [];
    for (let step = 0; step < 12; step++) {
      const batch = Int32Array.from({ length: 2 * (1 + random.integer(4)) }, () => random.integer(6));
      usage.add(batch);
      batches.push(batch);
      const fresh = new CodeCounts(6, 2);
      for (const recent of batches.slice(-window)) fresh.add(recent);
      expect(usage.figures()).toEqual(usageFigures(fresh));
      expect([usage.used(0), usage.used(1)]).toEqual([fresh.used(0), fresh.used(1)]);
      expect(usage.batches()).toEqual(batches.slice(-window));
    }
  });

  it("keeps its own copy of a batch", () => {
    const usage = new SlidingUsage({ codebookSize: 4, window: 1 });
    const reused = Int32Array.of(1, 1);
    usage.add(reused);
    reused.fill(3);
    usage.add(Int32Array.of(2));
    expect(usage.figures().perCodebook[0]).toMatchObject({ samples: 1, used: 1 });
  });

  it("refuses a bad batch and stays as it was", () => {
    const usage = new SlidingUsage({ codebookSize: 4, window: 2 });
    usage.add(Int32Array.of(3));
    expect(() => usage.add(Int32Array.of(4))).toThrow(expect.objectContaining({ code: "codes" }));
    expect(usage.samples).toBe(1);
    expect(usage.batches()).toEqual([Int32Array.of(3)]);
  });

  it.each([0, 1.5, Number.NaN])("refuses a window of %f", (window) => {
    expect(() => new SlidingUsage({ codebookSize: 4, window })).toThrow(
      expect.objectContaining({ code: "codes" }),
    );
  });
});
