import { readdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { mean } from "../../src/metrics/index.js";
import * as tf from "../../src/tf/index.js";
import { type StepMetrics, Trainer } from "../../src/training/index.js";
import { useEngine } from "../engine.js";
import {
  digestOf,
  logged,
  temporaryFolder,
  timeless,
  tinyFolders,
  tinyRun,
  train,
  writeImages,
} from "./tiny-runs.js";

const { images, runs } = await tinyFolders();

beforeAll(useEngine);

describe("training each kind", () => {
  it.each(["vq", "rotation", "simvq", "fsq"])("%s: the loss falls, the figures add up", async (kind) => {
    const quantizer = kind === "fsq" ? { kind, levels: [5, 4, 3] } : { kind, codebookSize: 16, codeDim: 8 };
    const before = tf.memory().numTensors;
    const { trainer, steps } = await train(
      tinyRun(images, { quantizer, steps: 60, evaluateUntrained: true }),
    );
    expect(tf.memory().numTensors).toBe(before);
    const losses = steps.map(({ reconstructionLoss }) => reconstructionLoss);
    expect(mean(losses.slice(-10))).toBeLessThan(0.5 * mean(losses.slice(0, 5)));
    const { evaluation, untrained, meanColour } = trainer.result ?? {};
    expect(evaluation?.figures.psnr).toBeGreaterThan((untrained?.psnr as number) + 3);
    expect(untrained?.usage).toBeGreaterThan(0);
    expect(meanColour).toMatchObject({ usage: null, quantizationError: null, images: evaluation?.images });
    for (const [i, metrics] of steps.entries()) {
      expect(metrics.step).toBe(i + 1);
      const weighted = Object.entries(metrics).filter(([name]) => /^weighted.*Loss$/.test(name));
      const sum = weighted.reduce((total, [, value]) => total + (value as number), 0);
      expect(metrics.totalLoss).toBeCloseTo(sum, 5);
      expect(metrics.reconstructionLoss).toBe(metrics.l2Loss);
      expect("commitmentLoss" in metrics).toBe(kind !== "fsq");
      if (kind !== "fsq") {
        expect(metrics.weightedCommitmentLoss).toBe(0.25 * (metrics.commitmentLoss as number));
        // The commitment loss is a mean over elements, the quantization error a sum over the 8 of a vector.
        expect(metrics.quantizationError).toBeCloseTo(8 * (metrics.commitmentLoss as number), 4);
      }
      expect(metrics.samplesBatch).toBe(4 * 6 * 8);
      expect(metrics.usage).toBe(metrics.usageWindow);
      expect(metrics.samplesWindow).toBe(Math.min(i + 1, 50) * 4 * 6 * 8);
    }
  });
});

describe("metrics", () => {
  it("are the same to the last byte for a seed, and others for another", async () => {
    const quantizer = { kind: "rotation", codebookSize: 16, codeDim: 8, initialization: "kmeans" };
    const options = { quantizer, steps: 8, evaluateEvery: 4, weightAverageDecay: 0.9 };
    const dirs = ["same-a", "same-b", "other"].map((name) => path.join(runs, name));
    for (const [i, out] of dirs.entries())
      await train(tinyRun(images, { ...options, out, seed: i === 2 ? 1 : 0 }));
    const [a, b, other] = (await Promise.all(dirs.map(timeless))) as [string, string, string];
    expect(a.split("\n")).toHaveLength(8);
    expect(b).toBe(a);
    expect(other).not.toBe(a);
    const models = await Promise.all(dirs.map((dir) => readFile(path.join(dir, "model.safetensors"))));
    const [first, second, third] = models.map(digestOf);
    expect(second).toBe(first);
    expect(third).not.toBe(first);
  });

  it("show warm-up and cosine, and name every figure", async () => {
    const { steps } = await train(
      tinyRun(images, {
        steps: 10,
        warmupSteps: 4,
        learningRate: 0.01,
        finalLearningRateFraction: 0.1,
        evaluateEvery: 5,
      }),
    );
    const rates = steps.map(({ learningRate }) => learningRate);
    expect(rates.slice(0, 4)).toEqual([0.0025, 0.005, 0.0075, 0.01]);
    // 6 steps of decay: half way (step 7) the cosine is 0, so 0.01·(0.1 + 0.9/2); at the end 0.01·0.1.
    expect(rates[6]).toBeCloseTo(0.0055, 12);
    expect(rates[9]).toBeCloseTo(0.001, 12);
    expect(Object.keys(steps[4] as StepMetrics)).toEqual([
      "step",
      "totalLoss",
      "reconstructionLoss",
      "l2Loss",
      "weightedL2Loss",
      "commitmentLoss",
      "weightedCommitmentLoss",
      "codebookLoss",
      "weightedCodebookLoss",
      "learningRate",
      "gradientNorm",
      "quantizationError",
      "usageBatch",
      "perplexityBatch",
      "samplesBatch",
      "usageWindow",
      "perplexityWindow",
      "samplesWindow",
      "usageEpoch",
      "perplexityEpoch",
      "samplesEpoch",
      "usage",
      "imagesPerSecond",
      "elapsedSeconds",
      "evaluationPsnr",
      "evaluationSsim",
      "evaluationReconstructionLoss",
      "evaluationQuantizationError",
      "evaluationUsage",
      "evaluationPerplexity",
      "evaluationBitsPerPixel",
    ]);
    expect(steps.map((metrics) => "evaluationPsnr" in metrics).indexOf(true)).toBe(4);
  });

  it("count a window of batches as usageWindow says, and logEvery thins the file out", async () => {
    const out = path.join(runs, "thin");
    const { steps } = await train(tinyRun(images, { out, steps: 8, usageWindow: 3, logEvery: 3 }));
    expect(steps.map(({ samplesWindow }) => samplesWindow / 192)).toEqual([1, 2, 3, 3, 3, 3, 3, 3]);
    expect(steps.every(({ usageWindow, usageBatch }) => usageWindow >= usageBatch)).toBe(true);
    expect((await logged(out)).map(({ step }) => step)).toEqual([1, 3, 6, 8]);
  });
});

describe("codebooks that start from data", () => {
  it.each(["data", "kmeans"])(
    "%s: the untrained model has codes near its latents",
    async (initialization) => {
      const quantizer = { kind: "vq", codebookSize: 24, codeDim: 8, initialization };
      const { trainer } = await train(tinyRun(images, { quantizer, steps: 1 }));
      const plain = await train(
        tinyRun(images, { quantizer: { ...quantizer, initialization: "normal" }, steps: 1 }),
      );
      const error = (each: Trainer) => each.result?.untrained?.quantizationError as number;
      expect(error(trainer)).toBeLessThan(0.2 * error(plain.trainer));
      expect(trainer.result?.untrained?.used).toBeGreaterThan(12);
    },
  );

  it("and so does the weight average", async () => {
    const quantizer = { kind: "vq", codebookSize: 24, codeDim: 8, initialization: "data" };
    const { trainer } = await train(
      tinyRun(images, { quantizer, steps: 1, learningRate: 1e-9, weightAverageDecay: 0.99 }),
    );
    // Nothing has been learned yet, so the averaged model is the untrained one.
    const { evaluation, untrained } = trainer.result ?? {};
    expect(evaluation?.figures.quantizationError).toBeCloseTo(untrained?.quantizationError as number, 5);
  });
});

describe("Trainer.create", () => {
  it("names broken images once, and refuses when none can be read, leaving nothing behind", async () => {
    const folder = await temporaryFolder();
    await writeImages(folder, 4);
    await writeFile(path.join(folder, "image01.png"), "no image");
    const broken: string[] = [];
    const data = { images: folder, cropSize: [12, 16] as [number, number], heldOut: 0 };
    const trainer = await Trainer.create(tinyRun(folder, { data }), {
      onBroken: ({ file }) => broken.push(path.basename(file)),
    });
    for await (const _ of trainer.run());
    trainer.dispose();
    expect(broken).toEqual(["image01.png"]);
    for (const i of [0, 2, 3]) await writeFile(path.join(folder, `image0${i}.png`), "no image");
    const out = path.join(runs, "none-readable");
    await expect(Trainer.create(tinyRun(folder, { data, out }))).rejects.toMatchObject({ code: "data" });
    await expect(readdir(out)).rejects.toMatchObject({ code: "ENOENT" });
  });

  it("describes the run without computing", async () => {
    const trainer = await Trainer.create(tinyRun(images, { quantizer: { kind: "fsq", levels: [2, 5] } }));
    const { model, quantizer, trainFiles, warnings } = trainer.describe();
    const count = [...trainer.model.variables().values()].reduce((sum, { size }) => sum + size, 0);
    expect(model.parameters + quantizer.parameters).toBe(count);
    expect(model.latents).toEqual([6, 8, 2]);
    expect(quantizer).toMatchObject({ kind: "fsq", codebookSize: 10, nominalCodebookSize: null, codeDim: 2 });
    expect(trainFiles).toBe(6);
    expect(warnings).toHaveLength(1);
    trainer.dispose();
  });
});

it("keeps tensors and data in the engine constant over 60 steps", async () => {
  const trainer = await Trainer.create(
    tinyRun(images, {
      steps: 60,
      weightAverageDecay: 0.9,
      quantizer: { kind: "vq", codebook: "ema", codebookSize: 16, codeDim: 8 },
    }),
  );
  const tensors: number[] = [];
  const buffers: number[] = [];
  for await (const _ of trainer.run()) {
    tensors.push(tf.memory().numTensors);
    buffers.push(tf.memory().numDataBuffers);
  }
  trainer.dispose();
  expect(new Set(tensors).size).toBe(1);
  // The graph's first runs may share data that later ones do not.
  expect(new Set(buffers.slice(2)).size).toBe(1);
});
