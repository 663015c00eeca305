import { beforeAll, expect, it } from "vitest";
import {
  ImageAutoencoder,
  type PixelBatch,
  pixelsToTensor,
  resolveModel,
} from "../../src/autoencoder/index.js";
import { Random } from "../../src/core/random.js";
import { WeightAverage } from "../../src/nn/optimizer/index.js";
import { createQuantizer, registerQuantizer } from "../../src/quantizers/index.js";
import * as tf from "../../src/tf/index.js";
import { trainingSchema } from "../../src/training/index.js";
import { modelPhase } from "../../src/training/model-phase.js";
import { TrainingStep } from "../../src/training/training-step.js";
import { useEngine } from "../engine.js";
import { ownLosses } from "../quantizers/own-losses.js";

beforeAll(useEngine);

const config = resolveModel({
  preset: "tiny",
  downsamplingFactor: 2,
  baseWidth: 4,
  residualBlocks: 1,
  latentChannels: 6,
});
const batch: PixelBatch & { files: string[] } = {
  pixels: Uint8Array.from({ length: 2 * 6 * 8 * 3 }, (_, i) => (i * 53 + (i >> 3)) % 256),
  count: 2,
  height: 6,
  width: 8,
  files: ["a", "b"],
};
const loss = { l1: 0.5, l2: 2, huber: 0, ssim: 0, huberDelta: 1 };

function build(quantizer: object) {
  const model = ImageAutoencoder.create({ config, quantizer: createQuantizer(quantizer, 5), seed: 5 });
  return { model };
}

/** Steps of the model's phase alone, at a learning rate of 0.001. */
function stepOf(
  model: ImageAutoencoder,
  { gradientClip, average = null }: { gradientClip: number | null; average?: WeightAverage | null },
) {
  const { optimizer: adam } = trainingSchema.parse({});
  const phase = modelPhase(model, { loss, optimizer: adam, gradientClip, learningRate: () => 1e-3 });
  return { step: new TrainingStep({ model, phases: [phase], average }), optimizer: phase.optimizer };
}

/** What a plain pass over the same batch gives, by sums in JavaScript. */
async function byHand(model: ImageAutoencoder) {
  const pass = tf.tidy(() => {
    const pixels = pixelsToTensor(batch);
    const { reconstruction, latents, quantization } = model.forward(pixels);
    return {
      pixels,
      reconstruction,
      latents,
      quantized: quantization.quantized,
      indices: quantization.indices,
    };
  });
  const values: Record<string, Float32Array | Int32Array> = {};
  for (const [name, tensor] of Object.entries(pass)) values[name] = (await tensor.data()) as Float32Array;
  tf.dispose(pass);
  const differences = (a: string, b: string) =>
    [...(values[a] as Float32Array)].map((value, i) => value - (values[b]?.[i] as number));
  const errors = differences("reconstruction", "pixels");
  const distances = differences("latents", "quantized");
  const meanOf = (list: number[], f: (x: number) => number) =>
    list.reduce((sum, x) => sum + f(x), 0) / list.length;
  return {
    l1: meanOf(errors, Math.abs),
    l2: meanOf(errors, (x) => x * x),
    distance: meanOf(distances, (x) => x * x),
    latents: values.latents as Float32Array,
    indices: [...(values.indices as Int32Array)],
  };
}

it("reports the losses of the weights it starts from, raw and weighted", async () => {
  const { model } = build({ kind: "vq", codebookSize: 7, codeDim: 6, initialization: "normal" });
  const { step, optimizer } = stepOf(model, { gradientClip: null });
  const expected = await byHand(model);
  const { losses, quantizationError, indices } = await step.run(batch, 1);
  expect(losses.l1Loss).toBeCloseTo(expected.l1, 5);
  expect(losses.weightedL1Loss).toBeCloseTo(0.5 * expected.l1, 5);
  expect(losses.weightedL2Loss).toBeCloseTo(2 * expected.l2, 5);
  expect(losses.reconstructionLoss).toBeCloseTo(0.5 * expected.l1 + 2 * expected.l2, 5);
  expect(losses.codebookLoss).toBeCloseTo(expected.distance, 6);
  expect(losses.weightedCodebookLoss).toBe(losses.codebookLoss);
  expect(losses.totalLoss).toBeCloseTo(0.5 * expected.l1 + 2 * expected.l2 + 1.25 * expected.distance, 5);
  expect(quantizationError).toBeCloseTo(6 * expected.distance, 5);
  expect([...indices]).toEqual(expected.indices);
  expect(indices).toHaveLength(2 * 3 * 4);
  model.dispose();
  optimizer.dispose();
});

it("takes a quantizer's losses by any name, each with its weight", async () => {
  registerQuantizer(ownLosses);
  const weights = { orthogonal: 0.3, length: 0.2, spread2: 0 };
  const { model } = build({ kind: "own-losses", codebookSize: 7, codeDim: 6, weights });
  const { step, optimizer } = stepOf(model, { gradientClip: null });
  const expected = await byHand(model);
  const codes = Array.from((await model.copyWeights()).get("quantizer/codes")?.data ?? []);
  const { losses } = await step.run(batch, 1);
  const row = (k: number) => codes.slice(6 * k, 6 * k + 6);
  let [orthogonal, square] = [0, 0];
  for (let i = 0; i < 7; i++) {
    for (let j = 0; j < 7; j++) {
      const product = row(i).reduce((sum, x, d) => sum + x * (row(j)[d] as number), 0);
      orthogonal += (product - (i === j ? 1 : 0)) ** 2 / 49;
    }
  }
  for (const z of expected.latents) square += z ** 2 / expected.latents.length;
  expect(losses.orthogonalLoss).toBeCloseTo(orthogonal, 5);
  expect(losses.weightedOrthogonalLoss).toBeCloseTo(0.3 * orthogonal, 5);
  expect(losses.lengthLoss).toBeCloseTo(square, 5);
  expect(losses.weightedSpread2Loss).toBe(0);
  expect(losses.spread2Loss).toBeGreaterThan(0);
  const quantizer = 1.25 * expected.distance + 0.3 * orthogonal + 0.2 * square;
  expect(losses.totalLoss).toBeCloseTo(0.5 * expected.l1 + 2 * expected.l2 + quantizer, 5);
  model.dispose();
  optimizer.dispose();
});

it.each([
  [
    "without a weight",
    { orthogonal: 0.3, length: 0.2 },
    /spread2: expected the weight of that loss, got undefined/,
  ],
  [
    "with a weight that is no number",
    { orthogonal: Number.NaN, length: 0, spread2: 0 },
    /orthogonal: .* got NaN/,
  ],
])("refuses a quantizer's loss %s, by its name", async (_, weights, message) => {
  registerQuantizer(ownLosses);
  const { model } = build({ kind: "own-losses", codebookSize: 7, codeDim: 6, weights });
  const { step, optimizer } = stepOf(model, { gradientClip: null });
  await expect(step.run(batch, 1)).rejects.toMatchObject({
    code: "config",
    message: expect.stringMatching(message),
  });
  model.dispose();
  optimizer.dispose();
});

it.each(["total", "reconstruction", "l2"])(
  "refuses a quantizer's loss by the name %s, which is taken",
  async (name) => {
    const { model } = build({ kind: "vq", codebookSize: 7, codeDim: 6 });
    const { quantizer } = model;
    const original = quantizer.quantize.bind(quantizer);
    quantizer.quantize = (z) => {
      const output = original(z);
      return { ...output, losses: { ...output.losses, [name]: output.losses.commitment as tf.Scalar } };
    };
    const { step, optimizer } = stepOf(model, { gradientClip: null });
    await expect(step.run(batch, 1)).rejects.toMatchObject({
      code: "config",
      path: `quantizer.lossWeights.${name}`,
    });
    model.dispose();
    optimizer.dispose();
  },
);

it("moves every weight that has a gradient by the learning rate, as Adam's first step does", async () => {
  const { model } = build({ kind: "fsq", levels: [5, 4] });
  const { step, optimizer } = stepOf(model, { gradientClip: 1 });
  const before = await model.copyWeights();
  await step.run(batch, 1);
  const after = await model.copyWeights();
  const changes = [...before].flatMap(([name, { data }]) =>
    [...data].map((value, i) => Math.abs((after.get(name)?.data[i] as number) - value)),
  );
  // g/(|g| + ε) is 1, or 0 behind a ReLU that is off everywhere; gradients near ε = 1e-8 are rare.
  const moved = changes.filter((change) => Math.abs(change - 1e-3) < 1e-5).length;
  const still = changes.filter((change) => change === 0).length;
  expect(moved).toBeGreaterThan(0.5 * changes.length);
  expect(moved + still).toBeGreaterThan(0.98 * changes.length);
  expect(Math.max(...changes)).toBeLessThan(1.001e-3);
  model.dispose();
  optimizer.dispose();
});

it("reports the gradient norm before clipping: that of the same step without it", async () => {
  const norms: number[] = [];
  for (const gradientClip of [null, 1e-3]) {
    const { model } = build({ kind: "simvq", codebookSize: 9, codeDim: 6 });
    const { step, optimizer } = stepOf(model, { gradientClip });
    norms.push((await step.run(batch, 1)).gradientNorm);
    model.dispose();
    optimizer.dispose();
  }
  expect(norms[0]).toBeGreaterThan(1e-2);
  expect(norms[1]).toBeCloseTo(norms[0] as number, 6);
});

it("lets an EMA codebook learn from the step's own latents, and the average follow", async () => {
  const quantizer = {
    kind: "vq",
    codebook: "ema",
    codebookSize: 5,
    codeDim: 6,
    initialization: "normal",
    emaDecay: 0.9,
  };
  const { model } = build(quantizer);
  const average = new WeightAverage(model.variables(), 0.99);
  const expected = await byHand(model);
  const before = await model.copyWeights();
  const { step, optimizer } = stepOf(model, { average, gradientClip: null });
  const { losses } = await step.run(batch, 1);
  expect(losses.codebookLoss).toBeUndefined();
  const after = await model.copyWeights();
  const seen = Array.from({ length: 5 }, (_, k) => expected.indices.filter((index) => index === k).length);
  // N ← γN + (1−γ)n from N = 1; m ← γm + (1−γ)Σz.
  for (const [k, n] of seen.entries()) {
    expect(after.get("quantizer/counts")?.data[k]).toBeCloseTo(0.9 + 0.1 * n, 5);
    for (let d = 0; d < 6; d++) {
      const sum = expected.indices.reduce(
        (total, index, m) => total + (index === k ? (expected.latents[m * 6 + d] as number) : 0),
        0,
      );
      const old = before.get("quantizer/sums")?.data[k * 6 + d] as number;
      expect(after.get("quantizer/sums")?.data[k * 6 + d]).toBeCloseTo(0.9 * old + 0.1 * sum, 4);
    }
  }
  // a ← a + (1 − 2/11)(θ − a) after step 1.
  const key = [...before.keys()].find((name) => name.endsWith("kernel")) as string;
  const averaged = (await average.values().get(key)?.data()) as Float32Array;
  const old = before.get(key)?.data[0] as number;
  const now = after.get(key)?.data[0] as number;
  expect(now).not.toBe(old);
  expect(averaged[0]).toBeCloseTo(old + (9 / 11) * (now - old), 6);
  average.dispose();
  model.dispose();
  optimizer.dispose();
});

it("leaves no tensor behind, also when the loss is not finite", async () => {
  const { model } = build({ kind: "rotation", codebookSize: 7, codeDim: 6 });
  const { step, optimizer } = stepOf(model, { gradientClip: 1 });
  const before = tf.memory().numTensors;
  await step.run(batch, 1);
  expect(tf.memory().numTensors).toBe(before);
  const random = new Random(0);
  model.setWeights(
    new Map(
      [...(await model.copyWeights())].map(([name, { shape, data }]) => [
        name,
        { shape, data: data.map(() => random.normal() * 1e30) },
      ]),
    ),
  );
  await expect(step.run(batch, 2)).rejects.toMatchObject({
    code: "numerics",
    message: expect.stringMatching(/^step 2: expected a finite /),
  });
  expect(tf.memory().numTensors).toBe(before);
  model.dispose();
  optimizer.dispose();
});

it("forgets moments and averages of the rows that it replaces, and of no others", async () => {
  // Every second step, whatever has a share below 0.9 of equal use: codes that 24 latents of 2 images left alone.
  const { model } = build({ kind: "vq", codebookSize: 30, codeDim: 6, replaceBelow: 0.9, replaceEvery: 2 });
  const average = new WeightAverage(model.variables(), 0.5);
  const { step, optimizer } = stepOf(model, { gradientClip: null, average });
  const first = await step.run(batch, 1);
  expect(first.others.replacedCodes).toBe(0);
  const { others } = await step.run(batch, 2);
  expect(others.replacedCodes).toBeGreaterThan(0);
  expect(others.replacedCodes).toBeLessThan(30);
  const read = async (tensor: tf.Tensor | undefined) => {
    const values = Array.from((await tensor?.data()) ?? []);
    return Array.from({ length: 30 }, (_, row) => values.slice(6 * row, 6 * row + 6));
  };
  const shares = Array.from((await model.quantizer.variables().get("shares")?.data()) ?? []);
  const isNew = shares.map((share) => share === 1);
  expect(isNew.filter(Boolean)).toHaveLength(others.replacedCodes as number);
  const [codes, averaged, first2, second] = await Promise.all([
    read(model.quantizer.variables().get("codes")),
    read(average.values().get("quantizer/codes")),
    read(optimizer.state().get("firstMoment/quantizer/codes")),
    read(optimizer.state().get("secondMoment/quantizer/codes")),
  ]);
  for (const [row, each] of isNew.entries()) {
    const rows = [first2[row], second[row]];
    if (each) {
      expect(rows).toEqual([Array(6).fill(0), Array(6).fill(0)]);
      expect(averaged[row]).toEqual(codes[row]);
    } else {
      expect(rows.flat().some((x) => x !== 0)).toBe(true);
      expect(averaged[row]).not.toEqual(codes[row]);
    }
  }
  optimizer.dispose();
  average.dispose();
  model.dispose();
});
