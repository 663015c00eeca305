import type { RunOptions } from "../../../src/training/index.js";

/** What a case differs in from a small run; images are 16×24 unless `size` says otherwise. */
export interface ParityCase {
  readonly run: Partial<RunOptions>;
  readonly size?: readonly [height: number, width: number];
}

/** Widths that no group count and no tile divides evenly, a projection beside the quantizer. */
const tiny = { preset: "tiny", baseWidth: 6, latentChannels: 7 } as const;
const vectors = { codebookSize: 20, codeDim: 5, initialization: "data" } as const;

function quantized(quantizer: object, run: Partial<RunOptions> = {}): ParityCase {
  return { run: { model: tiny, quantizer: quantizer as { kind: string }, ...run } };
}

const square = { size: [20, 20] } as const;

/** Every kind, codebook, gradient estimator and loss of quantizers. */
const quantizers: Readonly<Record<string, ParityCase>> = {
  vq: quantized({ kind: "vq", ...vectors }),
  "vq with entropy and orthogonality": quantized({
    ...{ kind: "vq", ...vectors, entropyWeight: 0.1, entropyTemperature: 0.5, diversityWeight: 0.75 },
    orthogonalWeight: 2,
  }),
  "vq with replacement": quantized({
    ...{ kind: "vq", ...vectors, replaceBelow: 0.4, replaceEvery: 3, replaceDecay: 0.5 },
  }),
  rotation: quantized({ kind: "rotation", ...vectors }),
  "rotation, not radial": quantized({ kind: "rotation", ...vectors, radialGradient: false }),
  reflection: quantized({ kind: "rotation", gradient: "reflection", ...vectors }),
  simvq: quantized({ kind: "simvq", ...vectors }),
  "simvq without bias, diveq-detach": quantized({
    ...{ kind: "simvq", gradient: "diveq-detach", linearBias: false, ...vectors },
  }),
  "moving averages": quantized({ kind: "vq", codebook: "ema", ...vectors, initialization: "kmeans" }),
  "moving averages with replacement, rotation": quantized({
    ...{ kind: "rotation", codebook: "ema", ...vectors, emaDecay: 0.8 },
    ...{ replaceBelow: 0.5, replaceEvery: 2, replaceAfter: 3, replaceDecay: 0.6 },
  }),
  sphere: quantized({ kind: "vq", codebook: "sphere", ...vectors, entropyWeight: 0.1 }),
  "sphere averages": quantized({ kind: "vq", codebook: "ema-sphere", ...vectors, replaceBelow: 0.3 }),
  "inner product": quantized({
    ...{ kind: "vq", codebook: "inner-product", ...vectors, entropyWeight: 0.1, entropyTemperature: 0.5 },
  }),
  frozen: quantized({ kind: "vq", codebook: "frozen", ...vectors }),
  bridge: quantized({
    ...{ kind: "vq", codebook: "bridge", ...vectors, bridgeGroup: 3, bridgeWidth: 8, bridgeHeads: 2 },
  }),
  diveq: quantized({ kind: "vq", gradient: "diveq", noiseVariance: 0.01, ...vectors }),
  nsvq: quantized({ kind: "vq", gradient: "nsvq", ...vectors }),
  "softmax by inner product": quantized({
    ...{ kind: "vq", codebook: "inner-product", gradient: "softmax", ...vectors },
  }),
  "softmax by distance": quantized({ kind: "vq", gradient: "softmax", softmaxTemperature: 0.5, ...vectors }),
  "gumbel-softmax": quantized({ kind: "vq", gradient: "gumbel-softmax", gumbelSteps: 30, ...vectors }),
  fsq: quantized({ kind: "fsq", levels: [8, 5, 6] }),
  "fsq, symmetric, with noise": quantized({
    ...{ kind: "fsq", levels: [7, 5, 4], bound: "symmetric", noiseDropout: 0.5 },
  }),
  "fsq by a sigmoid": quantized({ kind: "fsq", levels: [9, 4, 5], bound: "sigmoid" }),
  fsp: quantized({ kind: "fsp", levels: [8, 5, 6], quantizeRate: 0.3 }),
  lfq: quantized({ kind: "lfq", codeDim: 7, temperature: 0.5, bitsTogether: 4 }),
  bsq: quantized({ kind: "bsq", codeDim: 6, commitmentWeight: 0.1 }),
  residual: quantized({
    ...{ kind: "residual", numQuantizers: 3, quantizerDropout: 0.5 },
    quantizer: { kind: "vq", codebook: "ema", ...vectors },
  }),
  "residual, rotation": quantized({
    ...{ kind: "residual", numQuantizers: 2, quantizer: { kind: "rotation", ...vectors } },
  }),
  grouped: quantized({
    kind: "grouped",
    quantizers: [
      { kind: "simvq", ...vectors, codeDim: 3 },
      { kind: "vq", codebook: "sphere", ...vectors, codeDim: 4 },
    ],
  }),
  "residual fsq": quantized({
    ...{ kind: "residual-fsq", levels: [5, 4, 3], numQuantizers: 3, quantizerDropout: 0.5 },
  }),
  "multi-scale": {
    ...quantized({
      ...{ kind: "multi-scale", scales: [1, 2, 3, 5], phiCount: 3, quantizerDropout: 0.5 },
      quantizer: { kind: "vq", ...vectors },
    }),
    ...square,
  },
  "multi-scale of moving averages, no phi": {
    ...quantized({
      ...{ kind: "multi-scale", scales: [2, 3, 5], phiRatio: 0 },
      quantizer: { kind: "vq", codebook: "ema", ...vectors },
    }),
    ...square,
  },
};

const fsq = { kind: "fsq", levels: [8, 5, 6] };

/** Every layout and layer, and what else a run can say of how it learns. */
const runs: Readonly<Record<string, ParityCase>> = {
  "preset base, narrow, factor 8; L1 and SSIM": {
    run: {
      model: { preset: "base", downsamplingFactor: 8, baseWidth: 8, residualBlocks: 1 },
      quantizer: fsq,
      loss: { l1: 1, ssim: 0.3 },
    },
  },
  "preset vqgan, narrow, attention; Huber and MS-SSIM; AdamW": {
    run: {
      model: { preset: "vqgan", downsamplingFactor: 4, baseWidth: 8, residualBlocks: 1, latentChannels: 10 },
      quantizer: { kind: "vq", ...vectors },
      loss: { huber: 1, huberDelta: 0.3, msSsim: 0.2 },
      optimizer: { kind: "adamw", weightDecay: 0.1, beta1: 0.5 },
    },
    size: [24, 32],
  },
  "spatial norms; Sobel; part rates; an average": {
    run: {
      model: {
        ...{ preset: "vqgan", downsamplingFactor: 4, baseWidth: 8, widthMultipliers: [1, 1, 2] },
        ...{ residualBlocks: 1, latentChannels: 12, decoderNorm: "spatial" },
      },
      quantizer: { kind: "vq", ...vectors },
      loss: { l2: 1, sobel: 2 },
      // Faster codebooks let codes change places from step to step, and then weights moved by 1e-7 of themselves move vqkit's
      // own losses by 2e-3: nothing could be compared.
      partLearningRates: { codebook: 1e-3, decoder: 2.5e-4 },
      weightAverageDecay: 0.5,
    },
  },
  "adaptive norms, depth to space, pixels in 0..1; L2 decay, no clipping": {
    run: {
      model: {
        ...{ preset: "vqgan", downsamplingFactor: 4, baseWidth: 8, widthMultipliers: [1, 1, 2] },
        ...{
          residualBlocks: 1,
          decoderBlocks: 1,
          attentionStages: [],
          middleBlocks: 1,
          middleAttention: false,
        },
        ...{ latentChannels: 3, quantConvolution: "none", decoderNorm: "adaptive", down: "3x3-symmetric" },
        ...{
          up: "depth-to-space",
          shortcut: "output",
          encoderOutKernel: 1,
          inputBias: false,
          blockBias: false,
        },
        pixelRange: "0..1",
      },
      quantizer: { kind: "fsq", levels: [5, 4, 3] },
      optimizer: { weightDecay: 0.01 },
      gradientClip: null,
      schedule: "linear",
    },
  },
  "wavelets, halved by means, 3×3 beside the quantizer; constant rate": {
    run: {
      model: {
        ...{
          preset: "vqgan",
          downsamplingFactor: 8,
          waveletPatch: 4,
          baseWidth: 8,
          widthMultipliers: [1, 2],
        },
        ...{ residualBlocks: 1, attentionStages: [], down: "average", quantConvolution: "3x3" },
        latentChannels: 10,
      },
      quantizer: { kind: "bsq", codeDim: 5 },
      schedule: "constant",
    },
  },
};

export const parityCases: Readonly<Record<string, ParityCase>> = { ...quantizers, ...runs };
