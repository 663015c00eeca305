import { readFile } from "node:fs/promises";
import path from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { decodeImage } from "../../src/data/index.js";
import { type CodeTimeline, codeLives, expectedUniformUsage } from "../../src/metrics/index.js";
import { RunFolder, readCodeTimeline } from "../../src/runs/index.js";
import * as tf from "../../src/tf/index.js";
import { type RunOptions, type StepMetrics, Trainer } from "../../src/training/index.js";
import { isRecordPoint } from "../../src/training/recorded-steps.js";
import { useEngine } from "../engine.js";
import { tinyFolders, tinyRun, train } from "./tiny-runs.js";

const { images, runs } = await tinyFolders();

beforeAll(useEngine);

/** Trains, and takes a copy of a variable before the first step and after each. */
async function watched(
  options: RunOptions,
  variable: string,
): Promise<{ timeline: CodeTimeline | null; steps: StepMetrics[]; values: Float32Array[] }> {
  const trainer = await Trainer.create(options);
  const value = async () => (await trainer.model.copyWeights()).get(variable)?.data.slice() as Float32Array;
  const values = [await value()];
  const steps: StepMetrics[] = [];
  for await (const metrics of trainer.run()) {
    steps.push(metrics);
    values.push(await value());
  }
  trainer.dispose();
  const timeline = await readCodeTimeline(await RunFolder.open(options.out ?? ""));
  return { timeline, steps, values };
}

const norm = (values: Iterable<number>) => Math.hypot(...values);
const minus = (a: Float32Array, b: Float32Array) => a.map((value, i) => value - (b[i] ?? 0));

describe("isRecordPoint", () => {
  it("spreads the points evenly, and takes every step where there are too few", () => {
    const points = (steps: number, wanted: number) =>
      Array.from({ length: steps }, (_, i) => i + 1).filter((step) =>
        isRecordPoint(step, { steps, points: wanted }),
      );
    expect(points(10, 4)).toEqual([3, 5, 8, 10]);
    expect(points(3, 50)).toEqual([1, 2, 3]);
    expect(points(5, 0)).toEqual([]);
    expect(points(1000, 50)).toHaveLength(50);
    expect(points(9973, 12)).toHaveLength(12);
  });
});

describe("the timeline of codes", () => {
  it("says which codes were replaced in each interval", async () => {
    const out = path.join(runs, "replaced");
    const quantizer = { kind: "vq", codebookSize: 16, codeDim: 8, replaceBelow: 0.9, replaceEvery: 2 };
    const { timeline, steps, values } = await watched(
      tinyRun(images, { out, steps: 6, timelineRecords: 6, quantizer }),
      "quantizer/shares",
    );
    const replaced = (timeline?.records ?? []).map((record) => [...(record.replaced?.[0] ?? [])]);
    // A code that is replaced has the share 1 again, which no other has: 16/96 of them is the least that one use adds.
    const renewed = values.slice(1).map((shares) => [...shares.keys()].filter((code) => shares[code] === 1));
    expect(replaced.map((codes) => codes.length)).toEqual(steps.map(({ replacedCodes }) => replacedCodes));
    expect(replaced).toEqual(renewed.map((codes, i) => (i % 2 === 0 ? [] : codes)));
    expect(replaced[1]?.length).toBeGreaterThan(0);
  });

  it("counts every index once, and measures how far each code has moved", async () => {
    const out = path.join(runs, "vq");
    const { timeline, steps, values } = await watched(
      tinyRun(images, { out, steps: 7, timelineRecords: 3 }),
      "quantizer/codes",
    );
    expect(timeline).toMatchObject({ codebookSize: 16, numCodebooks: 1 });
    const records = timeline?.records ?? [];
    expect(records.map(({ step }) => step)).toEqual([3, 5, 7]);
    const perStep = steps[0]?.samplesBatch ?? 0;
    expect(records.map(({ samples }) => samples)).toEqual([3 * perStep, 2 * perStep, 2 * perStep]);
    let from = 0;
    for (const { step, codebooks, drift } of records) {
      const used = codebooks[0]?.indices.length ?? 0;
      // No step of the interval can use more codes than the interval does.
      for (const { usageBatch } of steps.slice(from, step))
        expect(used / 16).toBeGreaterThanOrEqual(usageBatch);
      const [before, after] = [values[from], values[step]] as [Float32Array, Float32Array];
      const moved = minus(after, before);
      expect(drift?.[0]?.overall).toBeCloseTo(norm(moved) / norm(before), 6);
      for (let code = 0; code < 16; code++) {
        const row = (all: Float32Array) => all.subarray(8 * code, 8 * code + 8);
        const expected = norm(row(moved)) / norm(row(before));
        const found = drift?.[0]?.perCode[code] ?? Number.NaN;
        if (expected === 0) expect(found).toBe(0);
        else expect(Math.abs(found / expected - 1)).toBeLessThan(expected > 1e-6 ? 0.04 : 1e9);
      }
      from = step;
    }
    const { events } = codeLives(timeline as CodeTimeline);
    expect(events[0]?.births).toBe(events[0]?.used);
    expect(events[0]?.expectedUniformUsed).toBe(16 * expectedUniformUsage(3 * perStep, 16));
  });

  it("has the drift of each of several codebooks", async () => {
    const quantizer = {
      kind: "residual",
      numQuantizers: 2,
      quantizer: { kind: "vq", codebookSize: 6, codeDim: 8 },
    };
    const options = tinyRun(images, {
      quantizer,
      out: path.join(runs, "residual"),
      steps: 3,
      timelineRecords: 1,
    });
    const trainer = await Trainer.create(options);
    const tables = async () => {
      const weights = await trainer.model.copyWeights();
      return [0, 1].map((i) => weights.get(`quantizer/${i}/codes`)?.data.slice() as Float32Array);
    };
    const before = await tables();
    for await (const _ of trainer.run());
    const after = await tables();
    trainer.dispose();
    const { records } = (await readCodeTimeline(await RunFolder.open(options.out ?? ""))) ?? { records: [] };
    expect(records).toHaveLength(1);
    expect(records[0]?.codebooks).toHaveLength(2);
    const expected = [0, 1].map((i) => {
      const [old, now] = [before[i], after[i]] as [Float32Array, Float32Array];
      return norm(minus(now, old)) / norm(old);
    });
    expect(records[0]?.drift?.map(({ overall }) => overall)).toEqual(
      expected.map((each) => expect.closeTo(each, 6)),
    );
    expect(expected[0]).not.toBeCloseTo(expected[1] as number, 3);
  });

  it("has no drift where codes cannot move, and is left out when it is switched off", async () => {
    const fsq = { kind: "fsq", levels: [5, 4, 3] };
    const out = path.join(runs, "fsq");
    await train(tinyRun(images, { quantizer: fsq, out, steps: 2 }));
    const { records } = (await readCodeTimeline(await RunFolder.open(out))) ?? { records: [] };
    expect(records.map(({ drift }) => drift)).toEqual([null, null]);
    const off = path.join(runs, "off");
    const before = tf.memory().numTensors;
    await train(tinyRun(images, { out: off, steps: 2, timelineRecords: 0, reconstructionStrips: 0 }));
    expect(tf.memory().numTensors).toBe(before);
    const run = await RunFolder.open(off);
    expect(await readCodeTimeline(run)).toBeNull();
    expect(await run.strips().list()).toEqual([]);
  });
});

describe("usage of the epoch", () => {
  it("begins anew with each epoch, and says how many indices it counted", async () => {
    // 6 files to train on, 4 images a batch: batches 1 and 2 begin in epoch 0, 3 in epoch 1, 4 and 5 in epoch 2.
    const { steps } = await train(tinyRun(images, { steps: 5, usageWindow: 50 }));
    const batches = steps.map(({ samplesEpoch, samplesBatch }) => samplesEpoch / samplesBatch);
    expect(batches).toEqual([1, 2, 1, 1, 2]);
    expect(steps[1]?.usageEpoch).toBe(steps[1]?.usageWindow);
    expect(steps[2]?.usageEpoch).toBe(steps[2]?.usageBatch);
    expect(steps[2]?.perplexityEpoch).toBe(steps[2]?.perplexityBatch);
  });
});

describe("strips of reconstructions", () => {
  it("show the finished run's examples as the model of each point in training makes them", async () => {
    const out = path.join(runs, "strips");
    await train(tinyRun(images, { out, steps: 5, reconstructionStrips: 2, weightAverageDecay: 0.9 }));
    const run = await RunFolder.open(out);
    const strips = await run.strips().list();
    expect(strips.map(({ step }) => step)).toEqual([3, 5]);
    const pixels = async (file: string) => decodeImage(await readFile(file), {});
    const final = await pixels(run.path("reconstructions"));
    const [originals, , last] = [
      await pixels(run.strips().originals),
      await pixels(strips[0]?.path ?? ""),
      await pixels(strips[1]?.path ?? ""),
    ];
    // The picture of the finished run: originals over reconstructions, two white lines between them.
    const row = final.width * 3;
    expect(originals.pixels).toEqual(final.pixels.subarray(0, originals.height * row));
    expect(last.pixels).toEqual(final.pixels.subarray((originals.height + 2) * row));
    expect(await readFile(strips[0]?.path ?? "")).not.toEqual(await readFile(strips[1]?.path ?? ""));
  });
});
