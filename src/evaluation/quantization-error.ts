import * as tf from "../tf/index.js";

/**
 * The mean over latent vectors of ‖z − q‖², summed over the code dimension. Takes no gradient of its own: call it on
 * what the quantizer was given and what it returned.
 *
 * @param latents z, [N, H, W, D]
 * @param quantized q, [N, H, W, D]
 */
export function quantizationError(latents: tf.Tensor4D, quantized: tf.Tensor4D): tf.Scalar {
  return tf.tidy(() => {
    const [n, h, w] = latents.shape;
    const total = tf.sum(tf.square(tf.sub(latents, quantized)));
    return tf.div(total, n * h * w).asScalar();
  });
}
