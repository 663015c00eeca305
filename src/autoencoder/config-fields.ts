/** The functions that may stand before a convolution. silu is x·sigmoid(x), also called swish. */
export const activations = ["relu", "silu"] as const;
export type Activation = (typeof activations)[number];

/** Image side ÷ latent-grid side. */
export const downsamplingFactors = [2, 4, 8, 16, 32] as const;
export type DownsamplingFactor = (typeof downsamplingFactors)[number];

/**
 * Where a model changes size and width. "strided": its first convolution halves the image and its last one doubles to
 * it, so that nothing works at full size; the convolutions that halve and double carry the widths. "full-size": as in
 * VQGAN and latent diffusion, a 3×3 convolution reads the image and another writes it, blocks carry the widths.
 */
export const modelLayouts = ["strided", "full-size"] as const;
export type ModelLayout = (typeof modelLayouts)[number];

/**
 * How a grid is halved. "3x3": a convolution of stride 2 after zeros below and to the right (VQGAN); "3x3-symmetric":
 * with zeros on all sides (Open-MAGVIT2); "4x4": a 4×4 one with zeros on all sides; "average": the mean of 2×2
 * (MaskGIT), without weights.
 */
export const downKinds = ["3x3", "3x3-symmetric", "4x4", "average"] as const;
export type DownKind = (typeof downKinds)[number];

/**
 * How a grid is doubled. "nearest": each position four times, then a 3×3 convolution; "depth-to-space": a 3×3
 * convolution to four times the channels, which become 2×2 positions, block-major (Open-MAGVIT2).
 */
export const upKinds = ["nearest", "depth-to-space"] as const;
export type UpKind = (typeof upKinds)[number];

/**
 * Norms of the decoder. "spatial": a group norm times one 1×1 convolution of the codes plus another (MoVQ,
 * arXiv 2209.09002); "adaptive": before each stage a group norm whose scale and offset are linear in the deviation and
 * the mean of the codes over each image (Open-MAGVIT2, arXiv 2409.04410).
 */
export const decoderNorms = ["group", "spatial", "adaptive"] as const;
export type DecoderNorm = (typeof decoderNorms)[number];

/** The convolutions between latents and codes. "auto": 1×1 where their channels differ, else none. */
export const quantConvolutions = ["auto", "none", "1x1", "3x3"] as const;
export type QuantConvolution = (typeof quantConvolutions)[number];

/** What a network's weights take and make for black and white. */
export const pixelRanges = ["-1..1", "0..1"] as const;
export type PixelRange = (typeof pixelRanges)[number];

/** The description of an autoencoder, every choice written out. JSON. S is the number of its stages. */
export interface AutoencoderConfig {
  readonly layout: ModelLayout;
  /**
   * Image side ÷ latent-grid side. What the wavelets leave of it are 2^d: the grid is halved d times. A "strided" model
   * has S = d stages, each after its halving; a "full-size" one S > d, and the first d end with one.
   */
  readonly downsamplingFactor: DownsamplingFactor;
  /** Side of the squares of pixels that Haar wavelets make channels of, before all else (Cosmos: 4); 1 is none. */
  readonly waveletPatch: 1 | 2 | 4;
  /** Channels that the multipliers multiply. */
  readonly baseWidth: number;
  /** Channels that the first convolution of a "full-size" encoder makes; null is `baseWidth`. */
  readonly inputWidth: number | null;
  /** Stage i has baseWidth · widthMultipliers[i] channels; S entries, the largest grid first. */
  readonly widthMultipliers: readonly number[];
  /** Residual blocks of each stage of the encoder; S entries. */
  readonly residualBlocks: readonly number[];
  /** The same of the decoder, in the same order. By default as the encoder's, in "full-size" one more. */
  readonly decoderBlocks: readonly number[];
  /** Stages of the encoder whose blocks are each followed by attention over the grid; 0 is the largest grid. */
  readonly attentionStages: readonly number[];
  /** The same of the decoder; by default the encoder's. */
  readonly decoderAttentionStages: readonly number[];
  /** Residual blocks on the smallest grid, after the encoder's stages and before the decoder's. */
  readonly middleBlocks: number;
  /** Whether attention follows the first of them. */
  readonly middleAttention: boolean;
  /** Channels between the two networks and the quantizer's own convolutions. */
  readonly latentChannels: number;
  readonly quantConvolution: QuantConvolution;
  readonly activation: Activation;
  /** Whether a normalisation stands before every activation, and before attention. */
  readonly groupNorm: boolean;
  /** Groups of a norm at most: as many as share the channels out evenly. */
  readonly normGroups: number;
  /** Added to a norm's variance. */
  readonly normEpsilon: number;
  readonly decoderNorm: DecoderNorm;
  readonly down: DownKind;
  readonly up: UpKind;
  /** What the 1×1 convolution beside a block that changes the width reads: the block's input, or (MaskGIT) its output. */
  readonly shortcut: "input" | "output";
  /** Side of the kernel of the encoder's last convolution. */
  readonly encoderOutKernel: 1 | 3;
  /** Whether the first convolution of a "full-size" encoder has biases. */
  readonly inputBias: boolean;
  /** Whether the convolutions of residual blocks have biases. */
  readonly blockBias: boolean;
  /** What the weights were trained on. Callers have -1..1 in any case. */
  readonly pixelRange: PixelRange;
  /** false for an encoder by itself, whose decoder was not published. */
  readonly decoder: boolean;
}

/** Channels of each stage, the largest grid first. */
export function stageWidths({
  baseWidth,
  widthMultipliers,
}: Pick<AutoencoderConfig, "baseWidth" | "widthMultipliers">): number[] {
  return widthMultipliers.map((multiplier) => baseWidth * multiplier);
}
