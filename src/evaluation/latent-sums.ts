import * as tf from "../tf/index.js";
import { LARGEST_RANK_DIMENSION } from "./figures/index.js";

/**
 * The sums of one batch that `LatentStatistics.add` takes, in one tensor so that they are read at once:
 * Σ‖z‖, Σ‖q‖, the mean of z [D] and, up to `LARGEST_RANK_DIMENSION`, Σ (z − mean)(z − mean)ᵀ [D, D].
 *
 * Centred here and not afterwards, where a mean far from 0 would cancel in float32.
 *
 * @param latents z, [N, H, W, D]
 * @param quantized q, [N, H, W, D]
 */
export function latentSums(latents: tf.Tensor4D, quantized: tf.Tensor4D): tf.Tensor1D {
  return tf.tidy(() => {
    const [n, h, w, d] = latents.shape;
    const rows = tf.reshape(latents, [n * h * w, d]); // [M, D]
    const mean = tf.mean(rows, 0); // [D]
    const parts = [sumOfNorms(latents), sumOfNorms(quantized), mean];
    if (d <= LARGEST_RANK_DIMENSION) {
      const centred = tf.sub(rows, mean);
      parts.push(tf.matMul(centred, centred, true, false).reshape([d * d]));
    }
    return tf.concat(parts.map((part) => part.reshape([part.size]))) as tf.Tensor1D;
  });
}

function sumOfNorms(vectors: tf.Tensor4D): tf.Tensor {
  return tf.sum(tf.sqrt(tf.sum(tf.square(vectors), 3)));
}
