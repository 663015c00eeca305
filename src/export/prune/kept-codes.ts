import type { ImageAutoencoder, WeightValue } from "../../autoencoder/index.js";
import { VqkitError } from "../../core/errors.js";
import { parseQuantizerConfig, type QuantizerConfig, VectorQuantizer } from "../../quantizers/index.js";
import { readCodeTable } from "../code-table.js";

/** A model with fewer codes: what a model file holds. */
export interface SmallerModel {
  readonly quantizer: QuantizerConfig;
  readonly weights: ReadonlyMap<string, WeightValue>;
}

/**
 * Refuses quantizers whose codes are not rows of a table.
 *
 * @throws VqkitError("codes")
 */
export function checkPrunable({ quantizer }: ImageAutoencoder): void {
  if (quantizer instanceof VectorQuantizer) return;
  const { kind } = quantizer.config;
  const reason =
    kind === "fsq"
      ? "whose codes are all points of a grid: none can be taken out. Train it with fewer levels"
      : "which is not a codebook of vqkit's. Prune it where it is defined";
  throw new VqkitError(
    "codes",
    `quantizer.kind: expected a quantizer with a table of codes, got ${JSON.stringify(kind)}, ${reason}.`,
  );
}

/**
 * The model with only the codes at `kept`, in that order.
 *
 * A frozen table behind a linear layer loses rows. A moving average becomes a plain table of the codes as they are: its
 * counts are smoothed over the whole codebook, so that codes would move if rows of it went.
 */
export async function withCodes(model: ImageAutoencoder, kept: readonly number[]): Promise<SmallerModel> {
  const { codeDim } = model.quantizer;
  const { emaDecay: _, emaEpsilon: __, ...config } = model.quantizer.config;
  const weights = await model.copyWeights();
  const rows = (table: Float32Array): WeightValue => ({
    shape: [kept.length, codeDim],
    data: selectRows(table, kept, codeDim),
  });
  const table = weights.get("quantizer/table");
  if (table !== undefined) {
    weights.set("quantizer/table", rows(table.data));
    return { quantizer: parseQuantizerConfig({ ...config, codebookSize: kept.length }), weights };
  }
  const { codes } = await readCodeTable(model.quantizer);
  weights.delete("quantizer/counts");
  weights.delete("quantizer/sums");
  weights.set("quantizer/codes", rows(codes));
  const quantizer = parseQuantizerConfig({ ...config, codebook: "free", codebookSize: kept.length });
  return { quantizer, weights };
}

function selectRows(table: Float32Array, kept: readonly number[], width: number): Float32Array {
  const rows = new Float32Array(kept.length * width);
  for (const [i, row] of kept.entries()) rows.set(table.subarray(row * width, (row + 1) * width), i * width);
  return rows;
}
