import path from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import type { EvaluationFigures } from "../../src/evaluation/index.js";
import * as tf from "../../src/tf/index.js";
import { monitored } from "../../src/training/early-stop.js";
import { resolveRun, Trainer } from "../../src/training/index.js";
import { useEngine } from "../engine.js";
import { batchOf, gradientsOf, lossesOf, made, worstDifference } from "./accumulation-cases.js";
import { adversarialRun, expectSameBytes } from "./adversarial-runs.js";
import { drained, logged, tinyFolders, tinyRun, train } from "./tiny-runs.js";

const { images, runs } = await tinyFolders();

beforeAll(useEngine);

const ema = {
  kind: "vq",
  codebookSize: 7,
  codeDim: 6,
  codebook: "ema",
  initialization: "normal",
  emaDecay: 0.9,
};

describe("gradients of a batch in parts", () => {
  it("have the mean of the whole batch's", async () => {
    const [whole, parts] = [
      await gradientsOf(ema, batchOf(ema, 8, 1), 1),
      await gradientsOf(ema, batchOf(ema, 8, 1), 4),
    ];
    expect(whole.size).toBeGreaterThan(10);
    expect(worstDifference(whole, parts)).toBeLessThan(1e-5);
    // They are not those of a part alone.
    expect(worstDifference(whole, await gradientsOf(ema, batchOf(ema, 2, 1), 1))).toBeGreaterThan(1e-2);
  });

  it("move weights, moments and moving averages as a step of one part does, to the last bit", async () => {
    const [plain, one] = [made(ema, null), made(ema, 1)];
    for (let step = 1; step <= 3; step++) {
      const outcomes = [
        await plain.maker.run(batchOf(ema, 8, step), step),
        await one.maker.run(batchOf(ema, 8, step), step),
      ];
      expect(outcomes[1]).toEqual(outcomes[0]);
    }
    const [a, b] = [await plain.model.copyWeights(), await one.model.copyWeights()];
    expect(b).toEqual(a);
    for (const each of [plain, one]) each.dispose();
  });

  it("end at the same losses, moving averages included", async () => {
    const [whole, parts] = [await lossesOf(ema, null, 10), await lossesOf(ema, 4, 10)];
    for (const [i, expected] of whole.entries()) {
      expect(Math.abs((parts[i] as number) - expected) / expected).toBeLessThan(1e-3);
    }
    expect(whole[9]).not.toBe(whole[0]);
  });
});

it("a run shows the same images as one of the larger batch, and counts them", async () => {
  const changes = { steps: 3, evaluateUntrained: false, reconstructionStrips: 0, timelineRecords: 0 };
  const [a, b] = ["whole", "parts"].map((name) => path.join(runs, name)) as [string, string];
  await train(tinyRun(images, { ...changes, batchSize: 4, out: a }));
  await train(tinyRun(images, { ...changes, batchSize: 2, accumulate: 2, out: b }));
  const [whole, parts] = [await logged(a), await logged(b)];
  for (const [i, record] of whole.entries()) {
    expect(parts[i]?.samplesBatch).toBe(record.samplesBatch);
    expect(Number(parts[i]?.totalLoss) / Number(record.totalLoss)).toBeCloseTo(1, 4);
    expect(Number(parts[i]?.gradientNorm) / Number(record.gradientNorm)).toBeCloseTo(1, 3);
    expect(Object.keys(parts[i] ?? {}).sort()).toEqual(Object.keys(record).sort());
  }
});

it("ends in the same bytes when it was killed, a discriminator beside it", async () => {
  const adversarial = { start: 2, lecamWeight: 0.1 };
  const changes = { steps: 4, batchSize: 2, accumulate: 2, out: path.join(runs, "killed") };
  await expectSameBytes(adversarialRun(images, adversarial, changes), [2]);
});

it("frees its sums", async () => {
  const before = tf.memory().numTensors;
  await train(tinyRun(images, { steps: 2, batchSize: 2, accumulate: 2, evaluateUntrained: false }));
  expect(tf.memory().numTensors).toBe(before);
});

describe("learning rates of parts", () => {
  it("move each part by its own", async () => {
    const run = async (partLearningRates: object, learningRate = 4e-3) => {
      const options = { steps: 1, learningRate, warmupSteps: 0, partLearningRates, evaluateUntrained: false };
      const made = await Trainer.create(tinyRun(images, options));
      const start = await made.model.copyWeights();
      for await (const _ of made.run());
      const end = await made.model.copyWeights();
      made.dispose();
      return { start, end };
    };
    const { start, end: plain } = await run({});
    const { end: slower } = await run({ encoder: 4e-4 });
    for (const [name, { data }] of start) {
      const moved = (weights: typeof start) =>
        [...(weights.get(name)?.data ?? [])].map((value, i) => value - (data[i] as number));
      const [a, b] = [moved(plain), moved(slower)];
      const factor = name.startsWith("encoder/") ? 0.1 : 1;
      const largest = Math.max(...a.map(Math.abs));
      for (const [i, value] of a.entries()) {
        expect(Math.abs((b[i] as number) - factor * value), name).toBeLessThanOrEqual(
          2e-2 * largest * factor + 1e-9,
        );
      }
    }
  });

  it("are positive, and of parts that there are", () => {
    const run = (partLearningRates: object) => () => resolveRun({ data: "photos", partLearningRates });
    expect(run({ encoder: 0 })).toThrow(/partLearningRates\.encoder/);
    expect(run({ middle: 1 })).toThrow(/partLearningRates.*middle/);
  });
});

describe("stopping early", () => {
  const changes = {
    steps: 12,
    evaluateEvery: 2,
    evaluateUntrained: false,
    reconstructionStrips: 0,
    timelineRecords: 0,
  };

  it("ends when evaluations in a row were no better, with a model that is evaluated and saved", async () => {
    const out = path.join(runs, "stopped");
    // Too slow to move a float32: every evaluation is the first one again.
    const options = tinyRun(images, { ...changes, learningRate: 1e-30, stopAfter: 2, out });
    const { steps, trainer } = await train(options);
    expect(new Set(steps.flatMap(({ evaluationPsnr }) => evaluationPsnr ?? [])).size).toBe(1);
    // Evaluations at steps 2, 4 and 6: the first, and two that are no better.
    expect(steps.map(({ step }) => step)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(trainer.result?.training.steps).toBe(6);
    // What it stopped for may be changed, and it continues.
    const resumed = await Trainer.resume(out, {}, { stopAfter: null });
    expect(resumed.resumed?.step).toBe(6);
    expect((await drained(resumed.run())).map(({ step }) => step)).toEqual([7, 8, 9, 10, 11, 12]);
    resumed.dispose();
  });

  it("knows which figures are to rise and which to fall", () => {
    const of = (monitor: "psnr" | "reconstructionLoss", values: readonly (number | null)[]) =>
      values.reduce<{ best: number | null; since: number }>(
        (state, value) =>
          monitored(state, { [monitor]: value } as unknown as EvaluationFigures, { monitor, stopAfter: 2 }),
        { best: null, since: 0 },
      );
    expect(of("psnr", [20, 22, 21, null])).toEqual({ best: 22, since: 2 });
    expect(of("reconstructionLoss", [0.5, 0.6, 0.4])).toEqual({ best: 0.4, since: 0 });
  });

  it("needs evaluations in training", () => {
    expect(() => resolveRun({ data: "photos", stopAfter: 3 })).toThrow(/^stopAfter: expected evaluations/);
    expect(() => resolveRun({ data: "photos", stopAfter: 3, evaluateEvery: 5, monitor: "speed" })).toThrow(
      /monitor/,
    );
  });
});
