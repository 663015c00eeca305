import { type AutoencoderConfig, stageWidths } from "../../autoencoder/index.js";
import type { Quantizer } from "../../quantizers/index.js";

/** What a `VQModel` needs of a model, and why another is refused. */
interface Need {
  /** What is expected; a few words. */
  readonly what: string;
  holds(config: AutoencoderConfig): boolean;
}

const allEqual = (values: readonly number[]): boolean => values.every((value) => value === values[0]);

const needs: readonly Need[] = [
  { what: 'layout "full-size" (preset vqgan or vqgan-f8)', holds: ({ layout }) => layout === "full-size" },
  { what: "a decoder", holds: ({ decoder }) => decoder },
  { what: "no wavelets (waveletPatch 1)", holds: ({ waveletPatch }) => waveletPatch === 1 },
  { what: "norms of groups (groupNorm)", holds: ({ groupNorm }) => groupNorm },
  { what: "plain or spatial norms in the decoder", holds: ({ decoderNorm }) => decoderNorm !== "adaptive" },
  { what: "norms with epsilon 1e-6", holds: ({ normEpsilon }) => normEpsilon === 1e-6 },
  {
    what: "32 groups beside spatial norms",
    holds: ({ decoderNorm, normGroups }) => decoderNorm !== "spatial" || normGroups === 32,
  },
  {
    what: "widths that the norms' groups divide",
    holds: (config) => stageWidths(config).every((width) => width % config.normGroups === 0),
  },
  { what: 'activation "silu"', holds: ({ activation }) => activation === "silu" },
  { what: 'down "3x3" and up "nearest"', holds: ({ down, up }) => down === "3x3" && up === "nearest" },
  { what: 'shortcut "input"', holds: ({ shortcut }) => shortcut === "input" },
  { what: "biases everywhere", holds: ({ blockBias, inputBias }) => blockBias && inputBias },
  {
    what: "an encoder that ends in a 3×3 convolution",
    holds: ({ encoderOutKernel }) => encoderOutKernel === 3,
  },
  {
    what: "no 3×3 convolution beside the quantizer",
    holds: ({ quantConvolution }) => quantConvolution !== "3x3",
  },
  { what: "pixels in -1..1", holds: ({ pixelRange }) => pixelRange === "-1..1" },
  { what: "two blocks in the middle", holds: ({ middleBlocks }) => middleBlocks === 2 },
  {
    what: "as many blocks in every stage, and one more in the decoder's",
    holds: ({ residualBlocks, decoderBlocks }) =>
      allEqual(residualBlocks) &&
      allEqual(decoderBlocks) &&
      decoderBlocks[0] === (residualBlocks[0] ?? 0) + 1,
  },
  {
    what: "a halving after every stage but the last",
    holds: ({ downsamplingFactor, widthMultipliers }) =>
      2 ** (widthMultipliers.length - 1) === downsamplingFactor,
  },
  {
    what: "an input convolution as wide as the first stage",
    holds: (config) => (config.inputWidth ?? config.baseWidth) === stageWidths(config)[0],
  },
];

/** What a model would have to be to be a `VQModel`; undefined for one that is. */
export function missingNeed(config: AutoencoderConfig): string | undefined {
  return needs.find((need) => !need.holds(config))?.what;
}

/** The configuration of the `VQModel`. */
export function vqModelConfig(config: AutoencoderConfig, quantizer: Quantizer, version: string): object {
  const last = config.widthMultipliers.length - 1;
  const stages = config.widthMultipliers.map((_, i) => i);
  return {
    _class_name: "VQModel",
    _vqkit_version: version,
    act_fn: "silu",
    block_out_channels: stageWidths(config),
    down_block_types: stages.map((i) =>
      config.attentionStages.includes(i) ? "AttnDownEncoderBlock2D" : "DownEncoderBlock2D",
    ),
    in_channels: 3,
    latent_channels: config.latentChannels,
    layers_per_block: config.residualBlocks[0],
    lookup_from_codebook: false,
    mid_block_add_attention: config.middleAttention,
    norm_num_groups: config.normGroups,
    norm_type: config.decoderNorm,
    num_vq_embeddings: quantizer.codebookSize,
    out_channels: 3,
    sample_size: 32,
    up_block_types: stages.map((k) =>
      config.decoderAttentionStages.includes(last - k) ? "AttnUpDecoderBlock2D" : "UpDecoderBlock2D",
    ),
    vq_embed_dim: quantizer.codeDim,
  };
}
