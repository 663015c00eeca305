import type { AutoencoderConfig } from "./config-fields.js";

/** The ready-made models; of each kind the cheapest first. */
export const modelPresetNames = ["tiny", "small", "base", "vqgan-small", "vqgan-f8", "vqgan"] as const;
export type ModelPresetName = (typeof modelPresetNames)[number];

/** A configuration whose lists depend on the number of stages. */
interface Preset
  extends Omit<
    AutoencoderConfig,
    "widthMultipliers" | "residualBlocks" | "decoderBlocks" | "attentionStages" | "decoderAttentionStages"
  > {
  /** Width multipliers of so many stages. */
  readonly ladder: (stages: number) => number[];
  /** Residual blocks of each stage of the encoder. */
  readonly blocks: (stages: number) => number[];
  /** Stages with attention. */
  readonly attention: (stages: number) => number[];
}

/** The part of a description that all models have which do not say otherwise. */
const plain = {
  waveletPatch: 1,
  inputWidth: null,
  normGroups: 32,
  normEpsilon: 1e-6,
  decoderNorm: "group",
  up: "nearest",
  shortcut: "input",
  inputBias: true,
  blockBias: true,
  pixelRange: "-1..1",
  decoder: true,
} as const;

/** Models that never work at full image size: cheap enough to train on a processor. */
const strided = {
  ...plain,
  layout: "strided",
  ladder: (stages: number) => [1, 2, 2, 4, 4].slice(0, stages),
  attention: () => [],
  middleBlocks: 0,
  middleAttention: false,
  latentChannels: 64,
  quantConvolution: "auto",
  down: "4x4",
  encoderOutKernel: 1,
} as const;

/** VQGAN, arXiv 2012.09841, as taming-transformers, latent diffusion and LlamaGen have it. */
const vqgan = {
  ...plain,
  layout: "full-size",
  // 128·[1,1,2,2,4] at factor 16, 128·[1,2,2,4] at 8, 128·[1,2,4] at 4.
  ladder: (stages: number) =>
    [[4], [1, 4], [1, 2, 4], [1, 2, 2, 4], [1, 1, 2, 2, 4]][stages - 1] ?? [1, 1, 2, 2, 4, 4],
  attention: (stages: number) => [stages - 1],
  middleBlocks: 2,
  middleAttention: true,
  quantConvolution: "1x1",
  activation: "silu",
  groupNorm: true,
  down: "3x3",
  encoderOutKernel: 3,
} as const;

/** No blocks in the first stage, whose grid is the largest, unless it is the only one. */
function afterFirstStage(blocks: number): (stages: number) => number[] {
  return (stages) => Array.from({ length: stages }, (_, i) => (i === 0 && stages > 1 ? 0 : blocks));
}

function inEachStage(blocks: number): (stages: number) => number[] {
  return (stages) => Array<number>(stages).fill(blocks);
}

export const presets: Readonly<Record<ModelPresetName, Preset>> = {
  tiny: {
    ...strided,
    downsamplingFactor: 4,
    baseWidth: 16,
    blocks: afterFirstStage(1),
    groupNorm: false,
    activation: "relu",
  },
  // The model of bench/peers/autoencoder.py.
  small: {
    ...strided,
    downsamplingFactor: 4,
    baseWidth: 64,
    blocks: afterFirstStage(2),
    groupNorm: false,
    activation: "relu",
  },
  // VQGAN's widths without the stage that works at full image size.
  base: {
    ...strided,
    downsamplingFactor: 16,
    baseWidth: 128,
    blocks: inEachStage(2),
    groupNorm: true,
    activation: "silu",
  },
  "vqgan-small": {
    ...vqgan,
    downsamplingFactor: 8,
    baseWidth: 32,
    blocks: inEachStage(1),
    latentChannels: 64,
  },
  "vqgan-f8": {
    ...vqgan,
    downsamplingFactor: 8,
    baseWidth: 128,
    blocks: inEachStage(2),
    latentChannels: 256,
  },
  vqgan: { ...vqgan, downsamplingFactor: 16, baseWidth: 128, blocks: inEachStage(2), latentChannels: 256 },
};

/**
 * The dimension of a vector codebook that goes with a preset: VQGAN's 256.
 *
 * @param model a run's options of its model, not yet trusted
 * @returns undefined where the quantizer's own default serves
 */
export function presetCodeDim(model: unknown): number | undefined {
  const { preset } = (typeof model === "object" && model !== null ? model : {}) as { preset?: unknown };
  return preset === "vqgan" || preset === "vqgan-f8" ? presets[preset].latentChannels : undefined;
}
