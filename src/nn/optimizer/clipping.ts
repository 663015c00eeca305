import * as tf from "../../tf/index.js";
import { type OptimizerPart, stateless } from "./optimizer.js";

/**
 * Scales all changes by one factor so that the norm of the concatenated gradients is at most `maxNorm` (arXiv 1211.5063).
 *
 * The factor is maxNorm / max(norm, maxNorm): exactly 1, and the changes the same to the last bit, when the norm is
 * within the limit. A norm that is not finite makes every change NaN or 0; look at the norm. It is that of the gradients
 * as they came in, so clipping is the first part of a chain.
 *
 * @param maxNorm > 0
 */
export function clipping(maxNorm: number): OptimizerPart {
  return {
    ...stateless,
    scalars: () => ({}),
    apply: (updates, { norm }) => {
      const factor = tf.tidy(() => {
        const limit = tf.scalar(maxNorm);
        return tf.div(limit, tf.maximum(norm(), limit));
      });
      return new Map(
        [...updates].map(([name, update]) => [name, { ...update, change: tf.mul(update.change, factor) }]),
      );
    },
  };
}
