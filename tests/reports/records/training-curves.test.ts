import { appendFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { expectedUniformUsage } from "../../../src/metrics/index.js";
import { readCurves, ThinnedCurve, trainingScopes } from "../../../src/reports/records/training-curves.js";
import { temporaryFolder, writeMetrics, writeRun } from "../runs.js";

describe("ThinnedCurve", () => {
  it("keeps all points while they are few", () => {
    const curve = new ThinnedCurve(3);
    const points = Array.from({ length: 6 }, (_, i) => [i, i * i] as const);
    for (const point of points) curve.add(point);
    expect(curve.points()).toEqual(points);
  });

  it("keeps evenly spaced ones when they are many, and the newest", () => {
    const curve = new ThinnedCurve(3);
    for (let i = 0; i < 30; i++) {
      curve.add([i, -i]);
      expect(curve.points().length).toBeLessThanOrEqual(7);
      expect(curve.points().at(-1)).toEqual([i, -i]);
    }
    expect(curve.points().map(([x]) => x)).toEqual([0, 8, 16, 24, 29]);
  });
});

describe("readCurves", () => {
  it("reads every figure where it is there", async () => {
    const run = await writeRun(join(await temporaryFolder(), "a"));
    await writeMetrics(run, [
      { step: 1, totalLoss: 0.5, evaluationPsnr: null },
      { step: 3, totalLoss: 0.25, evaluationPsnr: 21 },
    ]);
    await appendFile(run.path("metrics"), '{"step":4,"tot'); // what a killed process leaves
    const { records, last, curves } = await readCurves(run);
    expect(records).toBe(2);
    expect(last).toEqual({ step: 3, totalLoss: 0.25, evaluationPsnr: 21 });
    expect(Object.fromEntries(curves)).toEqual({
      totalLoss: [
        [1, 0.5],
        [3, 0.25],
      ],
      evaluationPsnr: [[3, 21]],
    });
  });

  it("of a run that never stepped are none; a broken file is an error", async () => {
    const run = await writeRun(join(await temporaryFolder(), "a"));
    expect(await readCurves(run)).toEqual({ records: 0, last: undefined, curves: new Map() });
    await writeFile(run.path("metrics"), "{\n");
    await expect(readCurves(run)).rejects.toMatchObject({ code: "format" });
  });
});

describe("trainingScopes", () => {
  it("are the last batch and window, with what they were counted on", () => {
    const last = { step: 1400, usageBatch: 0.5, samplesBatch: 64, perplexityBatch: 20, usageWindow: 0.75 };
    expect(trainingScopes({ records: 1, curves: new Map(), last }, 128)).toEqual([
      {
        scope: "one batch of training (step 1,400)",
        samples: 64,
        usage: 0.5,
        expectedUniformUsage: expectedUniformUsage(64, 128),
        perplexity: 20,
      },
      {
        scope: "the last steps of training (step 1,400)",
        samples: null,
        usage: 0.75,
        expectedUniformUsage: null,
        perplexity: null,
      },
    ]);
    expect(trainingScopes({ records: 0, curves: new Map(), last: undefined }, 128)).toEqual([]);
  });
});
