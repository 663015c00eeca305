import { z } from "zod";
import { parseConfig } from "../core/config.js";
import { ConfigError, messageOf, VqkitError } from "../core/errors.js";
import { parseQuantizerConfig, type QuantizerConfig, quantizerFacts } from "../quantizers/index.js";
import { resolveModel } from "./config.js";
import { type AutoencoderConfig, stageWidths } from "./config-fields.js";
import { describeModel } from "./describe.js";

/** A weight as a file has it, of whatever element type. */
interface StoredWeight {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data: ArrayLike<number | bigint>;
}

/** Other fields may stand beside these: whoever wrote the file may know more about the model. */
const configSchema = z.looseObject({
  model: z.record(z.string(), z.unknown()),
  quantizer: z.record(z.string(), z.unknown()),
});

/**
 * Reads the configuration that stands beside a model's weights. It is held against them before anything is built: a
 * configuration may claim any size, but no more numbers than the file has.
 *
 * @throws ConfigError naming the field that is wrong; VqkitError("format") for a model larger than its weights
 */
export function parseStoredModel(
  config: unknown,
  weights: ReadonlyMap<string, StoredWeight>,
): { readonly model: AutoencoderConfig; readonly quantizer: QuantizerConfig } {
  const parts = parseConfig(configSchema, config, "config");
  const model = resolveModel(parts.model, "config.model");
  const quantizer = parseQuantizerConfig(parts.quantizer);
  const values = [...weights.values()].reduce((sum, { data }) => sum + data.length, 0);
  const most = claimedSize(model, quantizer, values);
  if (most > values) {
    throw new VqkitError(
      "format",
      `config: expected a model of the file's ${values} numbers, got one of at least ${most}.`,
    );
  }
  return { model, quantizer };
}

/**
 * Runs `work` on the content of a model file; what is wrong with it is told with the file's name, and never as wrong
 * usage.
 */
export function withModelPathInErrors<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof VqkitError)) throw error;
    const ofOnesOwn = error instanceof ConfigError && error.path === "quantizer.kind";
    const next = ofOnesOwn ? " Load the module that registers it first (option quantizerModules)." : "";
    throw new VqkitError("format", `${path}: ${messageOf(error)}${next}`, { cause: error });
  }
}

/** A model without what depends on the code dimension, which the quantizer has. */
function leastOf(layout: AutoencoderConfig): AutoencoderConfig {
  return { ...layout, decoderNorm: "group" };
}

/** The code dimension with which the convolutions beside the quantizer are smallest, or are not there. */
function ofProjections({ quantConvolution, latentChannels }: AutoencoderConfig): number {
  return quantConvolution === "1x1" || quantConvolution === "3x3" ? 1 : latentChannels;
}

/** Numbers that a model has at least. What is beyond `limit` is not looked at closely. */
function claimedSize(layout: AutoencoderConfig, quantizer: QuantizerConfig, limit: number): number {
  const { inputWidth, latentChannels, middleBlocks } = layout;
  const claims = [
    quantizerFacts(quantizer)?.numbers ?? 0,
    // At least one number a channel, and one a residual block: small enough, then, to be described.
    Math.max(latentChannels, inputWidth ?? 0, ...stageWidths(layout)),
    [...layout.residualBlocks, ...(layout.decoder ? layout.decoderBlocks : [])].reduce(
      (sum, blocks) => sum + blocks,
      middleBlocks,
    ),
  ];
  const side = layout.downsamplingFactor;
  if (claims.every((claim) => claim <= limit)) {
    claims.push(describeModel(leastOf(layout), ofProjections(layout), [side, side]).parameters);
  }
  return Math.max(...claims);
}
