import { z } from "zod";
import { parseConfig } from "../core/config.js";

/** The functions that may stand before a convolution. silu is x·sigmoid(x). */
export const activations = ["relu", "silu"] as const;
export type Activation = (typeof activations)[number];

/** Image side ÷ latent-grid side; each halving is one stage. */
export const downsamplingFactors = [2, 4, 8, 16] as const;
export type DownsamplingFactor = (typeof downsamplingFactors)[number];

/** The layout of an autoencoder, every choice written out. JSON. */
export interface AutoencoderConfig {
  /** Image side ÷ latent-grid side. The model has S = log2(downsamplingFactor) stages, each half as large. */
  readonly downsamplingFactor: DownsamplingFactor;
  /** Channels that the multipliers multiply. */
  readonly baseWidth: number;
  /** Stage i has baseWidth · widthMultipliers[i] channels; S entries, the largest image first. */
  readonly widthMultipliers: readonly number[];
  /** Residual blocks of each stage, in the encoder and again in the decoder; S entries. */
  readonly residualBlocks: readonly number[];
  /** Channels between the two networks and the quantizer. */
  readonly latentChannels: number;
  /** Whether a group normalisation stands before every activation. */
  readonly groupNorm: boolean;
  readonly activation: Activation;
}

/** The ready-made layouts, the cheapest first. */
export const modelPresetNames = ["tiny", "small", "base"] as const;
export type ModelPresetName = (typeof modelPresetNames)[number];

interface Preset extends Omit<AutoencoderConfig, "widthMultipliers" | "residualBlocks"> {
  /** Width multipliers of four stages; a model with fewer halvings takes the first ones. */
  readonly ladder: readonly number[];
  readonly residualBlocks: (stages: number) => number[];
}

/** No blocks in the first stage, whose grid is the largest, unless it is the only one. */
function afterFirstStage(blocks: number): (stages: number) => number[] {
  return (stages) => Array.from({ length: stages }, (_, i) => (i === 0 && stages > 1 ? 0 : blocks));
}

const presets: Readonly<Record<ModelPresetName, Preset>> = {
  tiny: {
    downsamplingFactor: 4,
    baseWidth: 16,
    ladder: [1, 2, 2, 4],
    residualBlocks: afterFirstStage(1),
    latentChannels: 64,
    groupNorm: false,
    activation: "relu",
  },
  // The model of bench/peers/autoencoder.py.
  small: {
    downsamplingFactor: 4,
    baseWidth: 64,
    ladder: [1, 2, 2, 4],
    residualBlocks: afterFirstStage(2),
    latentChannels: 64,
    groupNorm: false,
    activation: "relu",
  },
  // VQGAN's widths (arXiv 2012.09841: 128 · [1,1,2,2,4]) without the stage that works at full image size.
  base: {
    downsamplingFactor: 16,
    baseWidth: 128,
    ladder: [1, 2, 2, 4],
    residualBlocks: (stages) => Array<number>(stages).fill(2),
    latentChannels: 64,
    groupNorm: true,
    activation: "silu",
  },
};

const count = z.int().min(0);
const size = z.int().min(1);

/**
 * A model as a person writes it: a preset and whatever differs from it. Parses to a complete `AutoencoderConfig`,
 * which itself parses to an equal one. When only `downsamplingFactor` differs, the preset supplies widths and blocks
 * for that number of stages. Inside a larger schema use `.prefault({})` to make it optional.
 */
export const autoencoderConfigSchema = z
  .strictObject({
    /** Where every field that is not given comes from. */
    preset: z.enum(modelPresetNames).default("small"),
    downsamplingFactor: z.literal(downsamplingFactors).optional(),
    baseWidth: size.optional(),
    widthMultipliers: z.array(size).optional(),
    /** One number for every stage alike, or one per stage. */
    residualBlocks: z
      .union([count, z.array(count)], { error: "expected an integer >= 0, or a list with one per stage" })
      .optional(),
    latentChannels: size.optional(),
    groupNorm: z.boolean().optional(),
    activation: z.enum(activations).optional(),
  })
  .transform((options, context): AutoencoderConfig => {
    const preset = presets[options.preset];
    const downsamplingFactor = options.downsamplingFactor ?? preset.downsamplingFactor;
    const stages = Math.log2(downsamplingFactor);
    const { residualBlocks } = options;

    const perStage = (field: string, values: readonly number[]): readonly number[] => {
      if (values.length !== stages) {
        const message =
          `expected ${stages} ${stages === 1 ? "entry" : "entries"}, one per halving of ` +
          `downsamplingFactor ${downsamplingFactor}, got ${values.length}.`;
        context.addIssue({ code: "custom", path: [field], message });
      }
      return values;
    };

    return {
      downsamplingFactor,
      baseWidth: options.baseWidth ?? preset.baseWidth,
      widthMultipliers: perStage(
        "widthMultipliers",
        options.widthMultipliers ?? preset.ladder.slice(0, stages),
      ),
      residualBlocks: perStage(
        "residualBlocks",
        typeof residualBlocks === "number"
          ? Array<number>(stages).fill(residualBlocks)
          : (residualBlocks ?? preset.residualBlocks(stages)),
      ),
      latentChannels: options.latentChannels ?? preset.latentChannels,
      groupNorm: options.groupNorm ?? preset.groupNorm,
      activation: options.activation ?? preset.activation,
    };
  });

/** What a caller may write; every field has a default. */
export type ModelOptions = z.input<typeof autoencoderConfigSchema>;

/**
 * Fills a model's options in from its preset.
 *
 * @param options `ModelOptions`, not yet trusted
 * @param where names the options in messages
 * @throws ConfigError that names the offending field
 */
export function resolveModel(options: unknown, where = "model"): AutoencoderConfig {
  return parseConfig(autoencoderConfigSchema, options, where);
}

/** Each preset, resolved at its own downsampling factor. */
export const modelPresets: Readonly<Record<ModelPresetName, AutoencoderConfig>> = {
  tiny: resolveModel({ preset: "tiny" }),
  small: resolveModel({ preset: "small" }),
  base: resolveModel({ preset: "base" }),
};
