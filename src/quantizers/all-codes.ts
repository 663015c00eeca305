import type { Tensor2D, Tensor4D } from "../tf/index.js";
import type { Quantizer } from "./quantizer.js";
import { tf } from "./tfjs.js";

/**
 * Every code of a codebook, as the decoder receives it or as the part of a code that it is.
 *
 * @param quantizer with one codebook, or one that `hasCodes`
 * @returns [K, D'], the caller's to dispose; D' is D for an only codebook
 */
export function allCodes(quantizer: Quantizer, codebook = 0): Tensor2D {
  const { codebookSize, codeDim, numCodebooks } = quantizer;
  if (quantizer.codesOf !== undefined) return quantizer.codesOf(codebook);
  if (numCodebooks !== 1)
    throw new TypeError(`${quantizer.config.kind}: it does not say its codes one by one`);
  return tf.tidy(() => {
    const all = tf.reshape(tf.range(0, codebookSize, 1, "int32"), [1, 1, codebookSize, 1]) as Tensor4D;
    return tf.reshape(quantizer.indicesToCodes(all), [codebookSize, codeDim]) as Tensor2D;
  });
}

/** Whether the codes of each codebook can be had as a table. */
export function hasCodes({ numCodebooks, codesOf }: Quantizer): boolean {
  return numCodebooks === 1 || codesOf !== undefined;
}
