import { allCodes } from "./all-codes.js";
import { type Similarity, scoreBias } from "./nearest-code.js";
import type { Quantizer } from "./quantizer.js";
import { tf } from "./tfjs.js";

/** K codes of D numbers, row by row, and what is added to the inner product with each in the search for the nearest. */
export interface CodeTable {
  readonly codebookSize: number;
  readonly codeDim: number;
  /** [K, D] */
  readonly codes: Float32Array;
  /** [K]: −½‖e_k‖² as the engine computes it, or zeros where the inner product alone decides. */
  readonly bias: Float32Array;
}

/**
 * The codes as they are used: a moving average divided by its counts, a linear layer applied to its table. The bias is
 * computed by the operations of `nearestCode`, so that it is rounded as there.
 */
export async function readCodeTable(
  quantizer: Quantizer,
  similarity: Similarity = "distance",
): Promise<CodeTable> {
  const { codebookSize, codeDim } = quantizer;
  const [codes, bias] = tf.tidy(() => {
    const table = allCodes(quantizer);
    return [table, scoreBias(table, similarity)];
  });
  try {
    return {
      codebookSize,
      codeDim,
      codes: Float32Array.from(await codes.data()),
      bias: Float32Array.from(await bias.data()),
    };
  } finally {
    tf.dispose([codes, bias]);
  }
}
