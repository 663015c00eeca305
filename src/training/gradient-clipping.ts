import * as tf from "@tensorflow/tfjs";

/** What `clipByGlobalNorm` returns. */
export interface ClippedGradients {
  /** By the names that came in. */
  readonly gradients: ReadonlyMap<string, tf.Tensor>;
  /** The norm before clipping. */
  readonly norm: tf.Scalar;
}

/**
 * Scales all gradients by one factor so that the norm of their concatenation is at most `maxNorm` (arXiv 1211.5063).
 *
 * The norm is computed in any case, because it is recorded. The factor is maxNorm / max(norm, maxNorm): exactly 1, and
 * the gradients unchanged to the last bit, when the norm is within the limit. A norm that is not finite makes every
 * clipped gradient NaN or 0; look at the returned norm.
 *
 * Call it inside `tf.tidy`. The gradients that come in stay the caller's.
 *
 * @param maxNorm > 0; null returns the gradients as they came
 */
export function clipByGlobalNorm(
  gradients: ReadonlyMap<string, tf.Tensor>,
  maxNorm: number | null,
): ClippedGradients {
  const norm = globalNorm([...gradients.values()]);
  if (maxNorm === null) return { gradients, norm };
  const factor = tf.tidy(() => {
    const limit = tf.scalar(maxNorm);
    return tf.div(limit, tf.maximum(norm, limit));
  });
  const clipped = new Map<string, tf.Tensor>();
  for (const [name, gradient] of gradients) clipped.set(name, tf.mul(gradient, factor));
  return { gradients: clipped, norm };
}

/** sqrt(Σ of all squared elements); 0 for no tensors. */
function globalNorm(tensors: readonly tf.Tensor[]): tf.Scalar {
  return tf.tidy(() => {
    if (tensors.length === 0) return tf.scalar(0);
    const squares = tensors.map((tensor) => tf.reshape(tf.sum(tf.square(tensor)), [1]) as tf.Tensor1D);
    return tf.sqrt(tf.sum(tf.concat(squares))) as tf.Scalar;
  });
}
