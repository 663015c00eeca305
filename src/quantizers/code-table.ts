import { allCodes } from "./all-codes.js";
import type { Quantizer } from "./quantizer.js";
import { tf } from "./tfjs.js";

/** K codes of D numbers, row by row, and -½‖e_k‖² of each as the engine computes it. */
export interface CodeTable {
  readonly codebookSize: number;
  readonly codeDim: number;
  /** [K, D] */
  readonly codes: Float32Array;
  /** [K] */
  readonly bias: Float32Array;
}

/**
 * The codes as they are used: a moving average divided by its counts, a linear layer applied to its table. The bias is
 * computed by the operations of `nearestCode`, so that it is rounded as there.
 */
export async function readCodeTable(quantizer: Quantizer): Promise<CodeTable> {
  const { codebookSize, codeDim } = quantizer;
  const [codes, bias] = tf.tidy(() => {
    const table = allCodes(quantizer);
    return [table, tf.mul(tf.sum(tf.square(table), 1), -0.5)];
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
