import type { ImageAutoencoder } from "../../autoencoder/index.js";
import { VqkitError } from "../../core/errors.js";
import type { WeightValue } from "../../nn/index.js";
import type { KeptCodes, QuantizerConfig } from "../../quantizers/index.js";

/** A model with fewer codes: what a model file holds. */
export interface SmallerModel {
  readonly quantizer: QuantizerConfig;
  readonly weights: ReadonlyMap<string, WeightValue>;
}

/**
 * Refuses quantizers of which no code can be taken out.
 *
 * @returns what takes out all codes but some
 * @throws VqkitError("codes")
 */
export function checkPrunable({
  quantizer,
}: ImageAutoencoder): (kept: readonly (readonly number[])[]) => Promise<KeptCodes> {
  const { pruning, config } = quantizer;
  if (pruning !== undefined && "keep" in pruning) return pruning.keep;
  const reason = pruning?.refusal ?? "which is not a codebook of vqkit's. Prune it where it is defined";
  throw new VqkitError(
    "codes",
    `quantizer.kind: expected a quantizer with a table of codes, got ${JSON.stringify(config.kind)}, ${reason}.`,
  );
}

const PREFIX = "quantizer/";

/** The model with only the codes at `kept` of each codebook, in that order. @throws as `checkPrunable` */
export async function withCodes(
  model: ImageAutoencoder,
  kept: readonly (readonly number[])[],
): Promise<SmallerModel> {
  const { config, state } = await checkPrunable(model)(kept);
  const others = [...(await model.copyWeights())].filter(([name]) => !name.startsWith(PREFIX));
  const codes = [...state].map(([name, value]) => [PREFIX + name, value] as const);
  return { quantizer: config, weights: new Map<string, WeightValue>([...others, ...codes]) };
}
