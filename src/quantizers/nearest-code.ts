import * as tf from "@tensorflow/tfjs";
import { withoutGradient } from "./gradients/stop-gradient.js";

/** 32 MiB of float32 scores at a time: the smallest block that ran as fast as larger ones at K = 1,024 to 65,536. */
const SCORES_PER_BLOCK = 2 ** 23;

export interface NearestCodeOptions {
  /** How many scores (latents × codes) may exist at once; at least one row of K is always computed. */
  readonly scoresPerBlock?: number;
}

/**
 * The index of each latent's nearest code by Euclidean distance; the lowest index where several are equally near.
 *
 * argmin_k ‖z − e_k‖² = argmax_k (z·e_k − ½‖e_k‖²): one matrix product with a bias. It goes through the latents in
 * blocks of rows and keeps only the indices, so memory does not grow with M·K. No gradient flows through it.
 *
 * @param latents [M, D]
 * @param codes [K, D]
 * @returns [M] int32, each in 0..K-1
 */
export function nearestCode(
  latents: tf.Tensor2D,
  codes: tf.Tensor2D,
  { scoresPerBlock = SCORES_PER_BLOCK }: NearestCodeOptions = {},
): tf.Tensor1D {
  const [rows, dim] = latents.shape;
  const [size] = codes.shape;
  const rowsPerBlock = Math.max(1, Math.floor(scoresPerBlock / size));
  return withoutGradient(() => {
    const bias = tf.mul(tf.sum(tf.square(codes), 1), -0.5); // [K]
    const blocks: tf.Tensor1D[] = [];
    for (let start = 0; start < rows; start += rowsPerBlock) {
      const count = Math.min(rowsPerBlock, rows - start);
      const block = count === rows ? latents : tf.slice(latents, [start, 0], [count, dim]);
      const scores = tf.tidy(() => tf.add(tf.matMul(block, codes, false, true), bias)); // [count, K]
      blocks.push(tf.argMax(scores, 1));
      scores.dispose();
    }
    return blocks.length === 1 ? (blocks[0] as tf.Tensor1D) : tf.concat(blocks);
  });
}
