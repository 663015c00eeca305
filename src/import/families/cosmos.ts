import { VqkitError } from "../../core/errors.js";
import { type Family, type FoundWeights, hasName, ldmFields } from "../family.js";
import { tamingNames } from "./ldm-names.js";

/** Levels of the published DI models, by the number of channels. */
const LEVELS: ReadonlyMap<number, readonly number[]> = new Map([[6, [8, 8, 8, 5, 5, 5]]]);

/**
 * Cosmos's discrete image tokenizers, DI8×8 and DI16×16 (NVIDIA 2025, https://arxiv.org/abs/2501.03575): Haar wavelets
 * before and after VQGAN's network, and FSQ. Files are TorchScript archives.
 */
export const cosmos: Family = {
  name: "cosmos",
  title: "Cosmos's discrete image tokenizer",
  matches: (found) =>
    hasName(found, "encoder.down.0.block.0.") &&
    hasName(found, "quant_conv.") &&
    !hasName(found, "quantize.") &&
    [12, 48].includes(found.shapes.get("encoder.conv_in.weight")?.[1] ?? 0),
  names: () => tamingNames(),
  // What is computed from the configuration: wavelets, levels and the list of all codes.
  leftOut: [/(^|\.)(patcher|unpatcher)\./, /^(inv_quant\.)?quantizer\./],
  fixed: () => ldmFields,
  quantizer: ({ codeDim }, found) => ({ kind: "fsq", levels: levelsOf(codeDim, found) }),
};

function levelsOf(channels: number, { config }: FoundWeights): readonly number[] {
  const stated = config?.content.levels;
  const levels = Array.isArray(stated) ? stated : LEVELS.get(channels);
  if (levels === undefined || levels.length !== channels) {
    throw new VqkitError(
      "format",
      `levels: expected ${channels}, one for each channel of the code, got ${JSON.stringify(stated) ?? "none"}. Give them in a configuration: levels: [8, 8, …].`,
    );
  }
  return levels;
}
