import { expect, it } from "vitest";
import { ImageAutoencoder, pixelsToTensor, resolveModel } from "../../../src/autoencoder/index.js";
import { type DeviceName, selectEngine } from "../../../src/backend/index.js";
import { reconstructionLoss } from "../../../src/losses/index.js";
import { createQuantizer } from "../../../src/quantizers/index.js";
import * as tf from "../../../src/tf/index.js";
import { trainingSchema } from "../../../src/training/index.js";
import { modelPhase } from "../../../src/training/model-phase.js";
import { TrainingStep } from "../../../src/training/training-step.js";

const config = resolveModel({ preset: "tiny", downsamplingFactor: 2, baseWidth: 8, latentChannels: 8 });
const quantizer = { kind: "vq", codebookSize: 32, codeDim: 8, initialization: "normal" };
const loss = { l1: 0.5, l2: 2, huber: 0, ssim: 0, huberDelta: 1 };
const batch = {
  pixels: Uint8Array.from({ length: 2 * 8 * 12 * 3 }, (_, i) => (i * 53 + (i >> 3)) % 256),
  count: 2,
  height: 8,
  width: 12,
  files: ["a", "b"],
};

/** Loss and gradients of the first weights, then the losses of three steps. */
async function train(device: DeviceName) {
  await selectEngine({ device, threads: 1 });
  const model = ImageAutoencoder.create({ config, quantizer: createQuantizer(quantizer, 5), seed: 5 });
  const trainable = model.trainableVariables();
  const pixels = pixelsToTensor(batch);
  const { value, grads } = tf.variableGrads(() => {
    const { reconstruction, quantization } = model.forward(pixels);
    const own = Object.values(quantization.losses) as tf.Scalar[];
    return tf.addN([reconstructionLoss(pixels, reconstruction, loss).total, ...own]);
  }, [...trainable.values()]);
  const gradients = new Map<string, Float32Array>();
  for (const [name, { name: key }] of trainable) {
    gradients.set(name, (await (grads[key] as tf.Tensor).data()) as Float32Array);
  }
  const first = (await value.data())[0] as number;
  tf.dispose([pixels, value, grads]);

  const { optimizer: adam } = trainingSchema.parse({});
  const phase = modelPhase(model, { loss, optimizer: adam, gradientClip: 1, learningRate: () => 2e-3 });
  const step = new TrainingStep({ model, phases: [phase], average: null });
  const losses: number[] = [];
  for (let i = 1; i <= 3; i++) {
    losses.push((await step.run(batch, i)).losses.totalLoss);
  }
  const isThere = device === "webgpu" && [...trainable.values()].some(isOnDevice);
  model.dispose();
  phase.optimizer.dispose();
  return { first, gradients, losses, isThere };
}

function isOnDevice(variable: tf.Variable): boolean {
  try {
    variable.dataSync();
    return false;
  } catch {
    return true;
  }
}

it("a model with vq: loss, gradients and three steps agree with the CPU", async () => {
  const expected = await train("cpu");
  const actual = await train("webgpu");
  expect(actual.isThere).toBe(true);
  expect(Math.abs(actual.first - expected.first)).toBeLessThan(1e-4 * expected.first);
  expect([...actual.gradients.keys()]).toEqual([...expected.gradients.keys()]);
  for (const [name, values] of expected.gradients) {
    const found = actual.gradients.get(name) as Float32Array;
    const scale = values.reduce((largest, x) => Math.max(largest, Math.abs(x)), 0);
    const worst = values.reduce((most, x, i) => Math.max(most, Math.abs(x - (found[i] as number))), 0);
    expect(worst, name).toBeLessThanOrEqual(1e-3 * scale);
  }
  // The weights move: losses of the three steps are not the same number.
  expect(expected.losses[2]).toBeLessThan(expected.losses[0] as number);
  actual.losses.forEach((value, i) => {
    const wanted = expected.losses[i] as number;
    expect(Math.abs(value - wanted)).toBeLessThan(1e-3 * wanted);
  });
});
