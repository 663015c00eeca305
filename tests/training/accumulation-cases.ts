import { ImageAutoencoder, resolveModel } from "../../src/autoencoder/index.js";
import type { ImageBatch } from "../../src/data/index.js";
import { createQuantizer } from "../../src/quantizers/index.js";
import * as tf from "../../src/tf/index.js";
import { AccumulatedStep } from "../../src/training/accumulated-step.js";
import { trainingSchema } from "../../src/training/index.js";
import { modelPhase } from "../../src/training/model-phase.js";
import { differentiate } from "../../src/training/phase-gradients.js";
import { gradientInputs } from "../../src/training/step-parts.js";
import { type StepMaker, TrainingStep } from "../../src/training/training-step.js";

const config = resolveModel({
  preset: "tiny",
  downsamplingFactor: 2,
  baseWidth: 4,
  residualBlocks: 1,
  latentChannels: 6,
});
const loss = { l1: 0, l2: 1, huber: 0, ssim: 0, huberDelta: 1 };
const height = 6;

/** Of images for a quantizer: they are not square, but where its scales want it. */
const widthFor = (quantizer: object): number => ("scales" in quantizer ? 6 : 8);

/** Images that differ from one to the next and from step to step. */
export function batchOf(quantizer: object, count: number, step: number): ImageBatch {
  const width = widthFor(quantizer);
  const pixels = Uint8Array.from({ length: count * height * width * 3 }, (_, i) => {
    const image = Math.floor(i / (height * width * 3));
    return (i * (31 + 7 * image) + 41 * step + ((i * i) >> 5)) % 256;
  });
  return { pixels, count, height, width, files: Array.from({ length: count }, (_, i) => `${i}`) };
}

interface Made {
  readonly model: ImageAutoencoder;
  readonly maker: StepMaker;
  dispose(): void;
}

/** A model with its step, the same at each call but for how many parts a batch has. */
export function made(quantizer: object, parts: number | null): Made {
  const model = ImageAutoencoder.create({ config, quantizer: createQuantizer(quantizer, 5), seed: 5 });
  const { optimizer } = trainingSchema.parse({});
  const phase = modelPhase(model, { loss, optimizer, gradientClip: 1, learningRate: () => 1e-3 });
  const all = { model, phases: [phase], average: null, seed: 3 };
  const maker = parts === null ? new TrainingStep(all) : new AccumulatedStep(all, parts);
  return {
    model,
    maker,
    dispose() {
      maker.dispose();
      phase.optimizer.dispose();
      model.dispose();
    },
  };
}

/** The gradients of a batch in equal parts: the mean of theirs, by name. */
export async function gradientsOf(
  quantizer: object,
  batch: ImageBatch,
  parts: number,
): Promise<Map<string, Float64Array>> {
  const { model, dispose } = made(quantizer, null);
  const { optimizer } = trainingSchema.parse({});
  const phase = modelPhase(model, { loss, optimizer, gradientClip: null, learningRate: () => 1e-3 });
  const sums = new Map<string, Float64Array>();
  const size = batch.count / parts;
  const bytes = batch.pixels.length / parts;
  for (let i = 0; i < parts; i++) {
    const part = { ...batch, count: size, pixels: batch.pixels.subarray(i * bytes, (i + 1) * bytes) };
    const gradients = tf.tidy(() => {
      const kept: tf.Tensor[] = [];
      const found = differentiate(phase, { model, inputs: gradientInputs(part, [phase], 1), kept }).gradients;
      tf.dispose(kept);
      return Object.fromEntries(found);
    });
    for (const [name, gradient] of Object.entries(gradients)) {
      const values = await gradient.data();
      const sum = sums.get(name) ?? new Float64Array(values.length);
      for (const [at, value] of values.entries()) sum[at] = (sum[at] as number) + value / parts;
      sums.set(name, sum);
    }
    tf.dispose(gradients);
  }
  phase.optimizer.dispose();
  dispose();
  return sums;
}

/** Of all gradients, the largest difference by the largest of its tensor. */
export function worstDifference(
  a: ReadonlyMap<string, Float64Array>,
  b: ReadonlyMap<string, Float64Array>,
): number {
  let worst = 0;
  for (const [name, values] of a) {
    const scale = Math.max(...values.map(Math.abs), 1e-12);
    for (const [i, value] of values.entries()) {
      worst = Math.max(worst, Math.abs(value - (b.get(name)?.[i] as number)) / scale);
    }
  }
  return worst;
}

/** The total losses of some steps of 8 images. */
export async function lossesOf(quantizer: object, parts: number | null, steps: number): Promise<number[]> {
  const { maker, dispose } = made(quantizer, parts);
  const losses: number[] = [];
  for (let step = 1; step <= steps; step++) {
    losses.push((await maker.run(batchOf(quantizer, 8, step), step)).losses.totalLoss);
  }
  dispose();
  return losses;
}
