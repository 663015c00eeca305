import type { Tensor2D, Tensor4D } from "../tf/index.js";
import type { Quantizer } from "./quantizer.js";
import { tf } from "./tfjs.js";

/**
 * Every code as the decoder receives it.
 *
 * @param quantizer with one codebook
 * @returns [K, D], the caller's to dispose
 */
export function allCodes(quantizer: Quantizer): Tensor2D {
  const { codebookSize, codeDim } = quantizer;
  return tf.tidy(() => {
    const all = tf.reshape(tf.range(0, codebookSize, 1, "int32"), [1, 1, codebookSize, 1]) as Tensor4D;
    return tf.reshape(quantizer.indicesToCodes(all), [codebookSize, codeDim]) as Tensor2D;
  });
}
