import { mkdtemp } from "node:fs/promises";
import { join } from "node:path";
import { ImageAutoencoder, pixelsToTensor, resolveModel } from "../../src/autoencoder/index.js";
import { Random } from "../../src/core/random.js";
import type { StoredTensor } from "../../src/files/index.js";
import type { WeightValue } from "../../src/nn/index.js";
import { createQuantizer } from "../../src/quantizers/index.js";
import { writeModelFile } from "../../src/runs/index.js";
import * as tf from "../../src/tf/index.js";
import { noise } from "../data/temporary.js";

/** One quantizer a kind: with and without projection, codebook sizes that are no powers of two. */
export const quantizers = {
  vq: { kind: "vq", codebookSize: 60, codeDim: 8, initialization: "data" },
  rotation: { kind: "rotation", codebookSize: 50, codeDim: 5, initialization: "data" },
  simvq: { kind: "simvq", codebookSize: 60, codeDim: 8, initialization: "data" },
  fsq: { kind: "fsq", levels: [8, 5, 6] },
} as const;

const layout = resolveModel({
  baseWidth: 4,
  widthMultipliers: [1, 2],
  residualBlocks: [0, 1],
  latentChannels: 8,
});

/**
 * An untrained model whose codes lie where its latents do, so that different patches get different codes.
 *
 * @returns the path of its file, in a new folder inside `folder`
 */
export async function modelFile(folder: string, quantizer: object, seed = 5): Promise<string> {
  const model = ImageAutoencoder.create({
    config: layout,
    quantizer: createQuantizer(quantizer, seed),
    seed,
  });
  try {
    await transform(model, /^encoder\/out\/kernel$|^projection\/in\/kernel$/, (value) => 8 * value);
    await spreadCodes(model, seed);
    // As after training: the linear layer of simvq is not the identity.
    const random = new Random(seed, "test layer");
    await transform(model, /^quantizer\/(kernel|bias)$/, (value) => value + 0.05 * random.normal());
    const path = join(await mkdtemp(join(folder, "model-")), "model.safetensors");
    const config = { model: layout, quantizer: model.quantizer.config };
    await writeModelFile(path, {
      weights: stored(await model.copyWeights()),
      config: JSON.parse(JSON.stringify(config)),
    });
    return path;
  } finally {
    model.dispose();
  }
}

/** Noise of a seed as raw pixels. */
export function rawImage(seed: number, { height, width }: { height: number; width: number }) {
  return { pixels: noise(seed, { height, width }).pixels, height, width, channels: 3 as const };
}

async function spreadCodes(model: ImageAutoencoder, seed: number): Promise<void> {
  const { pixels, height, width } = rawImage(seed, { height: 64, width: 48 });
  const latents = tf.tidy(() => {
    const encoded = model.encode(pixelsToTensor({ pixels, height, width, count: 1 }));
    return tf.reshape(encoded, [-1, model.quantizer.codeDim]) as tf.Tensor2D;
  });
  await model.quantizer.initialize(latents);
  latents.dispose();
}

async function transform(
  model: ImageAutoencoder,
  names: RegExp,
  change: (value: number) => number,
): Promise<void> {
  const weights = await model.copyWeights();
  for (const [name, { shape, data }] of weights) {
    if (names.test(name)) weights.set(name, { shape, data: data.map(change) });
  }
  model.setWeights(weights);
}

function stored(weights: ReadonlyMap<string, WeightValue>): Map<string, StoredTensor> {
  return new Map([...weights].map(([name, value]) => [name, { dtype: "F32", ...value }]));
}
