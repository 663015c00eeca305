import { withoutGradient } from "../../quantizers/index.js";
import * as tf from "../../tf/index.js";

/** Added to lengths, LPIPS's. */
const EPSILON = 1e-10;

/**
 * How far images are apart by their features (Zhang et al. 2018, https://arxiv.org/abs/1801.03924, equation 1): at each
 * position of each feature the channels are divided by their length; the squared differences are summed over the
 * channels, each times its weight, and the sums are averaged over positions and added up over features.
 *
 * @param a, b features of the same images' two sides, each [N, h, w, C]
 * @param heads weights [C] of each feature's channels; null weighs all by 1
 * @returns [N]
 */
export function featureDistance(
  a: readonly tf.Tensor4D[],
  b: readonly tf.Tensor4D[],
  heads: readonly tf.Tensor[] | null,
): tf.Tensor1D {
  const distances = a.map((feature, i) => {
    const squared = tf.square(tf.sub(ofLengthOne(feature), ofLengthOne(b[i] as tf.Tensor4D)));
    const weighted = heads === null ? squared : tf.mul(squared, heads[i] as tf.Tensor);
    return tf.mean(tf.sum(weighted, 3), [1, 2]) as tf.Tensor1D;
  });
  return distances.reduce((sum, each) => tf.add(sum, each));
}

/** Channels that are all 0 remain so, and have no gradient. */
function ofLengthOne(feature: tf.Tensor4D): tf.Tensor4D {
  const squares = tf.sum(tf.square(feature), 3, true); // [N, h, w, 1]
  const isAlive = withoutGradient(() => tf.cast(tf.greater(squares, 0), "float32"));
  const length = tf.add(tf.sqrt(tf.maximum(squares, EPSILON ** 2)), EPSILON);
  return tf.mul(feature, tf.div(isAlive, length));
}
