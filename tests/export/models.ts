import { mkdtemp } from "node:fs/promises";
import { join } from "node:path";
import { ImageAutoencoder, pixelsToTensor, resolveModel } from "../../src/autoencoder/index.js";
import type { JsonObject } from "../../src/files/index.js";
import { createQuantizer } from "../../src/quantizers/index.js";
import { RunFolder } from "../../src/runs/index.js";
import * as tf from "../../src/tf/index.js";
import { rawImage } from "../tokenizer/model.js";

/**
 * A run folder of an untrained model whose codes are samples of its own latents, so that most of them are in use.
 *
 * @param options.model what a person writes under `model`
 * @param options.run further fields of config.json
 * @returns its path, inside `folder`
 */
export async function runFolder(
  folder: string,
  {
    model,
    quantizer,
    run = {},
  }: { readonly model: object; readonly quantizer: object; readonly run?: JsonObject },
): Promise<string> {
  const seed = 5;
  const layout = resolveModel(model);
  const autoencoder = ImageAutoencoder.create({
    config: layout,
    quantizer: createQuantizer(quantizer, seed),
    seed,
  });
  try {
    const { pixels, height, width } = rawImage(seed, { height: 96, width: 64 });
    const latents = tf.tidy(() => {
      const encoded = autoencoder.encode(pixelsToTensor({ pixels, height, width, count: 1 }));
      return tf.reshape(encoded, [-1, autoencoder.quantizer.codeDim]) as tf.Tensor2D;
    });
    await autoencoder.quantizer.initialize(latents);
    latents.dispose();
    const target = await RunFolder.create(await mkdtemp(join(folder, "run-")));
    const config = JSON.parse(
      JSON.stringify({ ...run, model: layout, quantizer: autoencoder.quantizer.config }),
    ) as { model: JsonObject; quantizer: JsonObject };
    await target.writeConfig(config);
    const weights = await autoencoder.copyWeights();
    await target.writeModel({
      weights: new Map([...weights].map(([name, value]) => [name, { dtype: "F32", ...value }])),
      config: { model: config.model, quantizer: config.quantizer },
    });
    return target.dir;
  } finally {
    autoencoder.dispose();
  }
}

/** Models that together have every layer, codebook and layout there is. */
export const variants = {
  "vq, relu": {
    model: { preset: "tiny", baseWidth: 8 },
    quantizer: { kind: "vq", codebookSize: 60, codeDim: 64, initialization: "data" },
  },
  "vq with moving averages, projected": {
    model: { preset: "tiny", baseWidth: 8, latentChannels: 12 },
    quantizer: { kind: "vq", codebookSize: 50, codeDim: 5, codebook: "ema", initialization: "data" },
  },
  "simvq, group norm, silu, factor 8": {
    model: {
      preset: "tiny",
      downsamplingFactor: 8,
      baseWidth: 8,
      groupNorm: true,
      activation: "silu",
      residualBlocks: 1,
    },
    quantizer: { kind: "simvq", codebookSize: 40, codeDim: 16, initialization: "data" },
  },
  "rotation, group norm, relu, factor 2": {
    model: { preset: "tiny", downsamplingFactor: 2, baseWidth: 6, latentChannels: 7, groupNorm: true },
    quantizer: { kind: "rotation", codebookSize: 288, codeDim: 7, initialization: "data" },
  },
  "vq on the unit sphere": {
    model: { preset: "tiny", baseWidth: 8, latentChannels: 8 },
    quantizer: { kind: "vq", codebook: "sphere", codebookSize: 272, codeDim: 8, initialization: "data" },
  },
  "simvq by diveq-detach": {
    model: { preset: "tiny", baseWidth: 8, latentChannels: 10 },
    quantizer: {
      kind: "simvq",
      gradient: "diveq-detach",
      codebookSize: 45,
      codeDim: 6,
      initialization: "data",
    },
  },
  residual: {
    model: { preset: "tiny", baseWidth: 8, latentChannels: 9 },
    quantizer: {
      kind: "residual",
      numQuantizers: 3,
      quantizer: { kind: "vq", codebook: "ema", codebookSize: 48, codeDim: 9, initialization: "data" },
    },
  },
  "grouped, one of them projected": {
    model: { preset: "tiny", baseWidth: 8, latentChannels: 8 },
    quantizer: {
      kind: "grouped",
      quantizers: [
        { kind: "simvq", codebookSize: 40, codeDim: 3, initialization: "data" },
        { kind: "vq", codebook: "sphere", codebookSize: 40, codeDim: 4, initialization: "data" },
      ],
    },
  },
  "multi-scale": {
    model: { preset: "tiny", baseWidth: 8, latentChannels: 6 },
    quantizer: {
      kind: "multi-scale",
      scales: [1, 2, 3, 5],
      quantizer: { kind: "vq", codebookSize: 30, codeDim: 6, initialization: "data" },
      phiCount: 3,
    },
  },
  "residual fsq": {
    model: { preset: "tiny", baseWidth: 8 },
    quantizer: { kind: "residual-fsq", levels: [5, 4, 3], numQuantizers: 3 },
  },
  "vq by inner product": {
    model: { preset: "tiny", baseWidth: 8, latentChannels: 9 },
    quantizer: {
      kind: "vq",
      codebook: "inner-product",
      codebookSize: 272,
      codeDim: 9,
      initialization: "data",
    },
  },
  lfq: {
    model: { preset: "tiny", baseWidth: 8 },
    quantizer: { kind: "lfq", codeDim: 18 },
  },
  "moving averages on the unit sphere": {
    model: { preset: "tiny", baseWidth: 8, latentChannels: 8 },
    quantizer: { kind: "vq", codebook: "ema-sphere", codebookSize: 50, codeDim: 8, initialization: "data" },
  },
  "a bridge": {
    model: { preset: "tiny", baseWidth: 8 },
    quantizer: {
      ...{ kind: "vq", codebook: "bridge", codebookSize: 50, codeDim: 8, initialization: "data" },
      ...{ bridgeGroup: 8, bridgeWidth: 16 },
    },
  },
  "a frozen table": {
    model: { preset: "tiny", baseWidth: 8, latentChannels: 8 },
    quantizer: { kind: "vq", codebook: "frozen", codebookSize: 50, codeDim: 8, initialization: "data" },
  },
  bsq: {
    model: { preset: "tiny", baseWidth: 8 },
    quantizer: { kind: "bsq", codeDim: 12 },
  },
  "fsq by a sigmoid": {
    model: { preset: "tiny", baseWidth: 8 },
    quantizer: { kind: "fsq", levels: [9, 5, 6], bound: "sigmoid", noiseDropout: 0.5 },
  },
  fsp: {
    model: { preset: "tiny", baseWidth: 8 },
    quantizer: { kind: "fsp", levels: [8, 5, 6] },
  },
  "vq in a VQGAN with norms by the codes": {
    model: {
      preset: "vqgan",
      downsamplingFactor: 4,
      baseWidth: 8,
      widthMultipliers: [1, 1, 2],
      residualBlocks: 1,
      latentChannels: 12,
      decoderNorm: "spatial",
    },
    quantizer: { kind: "vq", codebookSize: 40, codeDim: 5, initialization: "data" },
  },
  "fsq in Open-MAGVIT2's layout, on 0..1": {
    model: {
      preset: "vqgan",
      downsamplingFactor: 4,
      baseWidth: 8,
      widthMultipliers: [1, 1, 2],
      residualBlocks: 1,
      decoderBlocks: 1,
      attentionStages: [],
      middleBlocks: 1,
      middleAttention: false,
      latentChannels: 3,
      quantConvolution: "none",
      decoderNorm: "adaptive",
      down: "3x3-symmetric",
      up: "depth-to-space",
      shortcut: "output",
      encoderOutKernel: 1,
      inputBias: false,
      blockBias: false,
      pixelRange: "0..1",
    },
    quantizer: { kind: "fsq", levels: [5, 4, 3] },
  },
  "fsq in Cosmos's layout": {
    model: {
      preset: "vqgan",
      downsamplingFactor: 8,
      waveletPatch: 4,
      baseWidth: 8,
      widthMultipliers: [1, 2, 2],
      residualBlocks: 1,
      attentionStages: [],
      down: "average",
      quantConvolution: "3x3",
      latentChannels: 10,
    },
    quantizer: { kind: "fsq", levels: [8, 5, 5] },
  },
  fsq: {
    model: { preset: "tiny", baseWidth: 8 },
    quantizer: { kind: "fsq", levels: [8, 5, 6] },
  },
} as const;
