import {
  digitsToIndices,
  indicesToDigits,
  registerQuantizer,
  straightThrough,
} from "../../src/quantizers/index.js";
import * as tf from "../../src/tf/index.js";

/**
 * A quantizer with two codebooks of four codes, each the signs of two of the four latent dimensions. Registered once
 * imported, as kind `two-signs`.
 */
registerQuantizer({
  kind: "two-signs",
  summary: "Two codebooks of signs",
  options: [],
  parse: () => ({ kind: "two-signs" }),
  create: (config) => {
    const levels = [2, 2];
    const indicesToCodes = (indices: tf.Tensor4D): tf.Tensor4D =>
      tf.tidy(() => {
        const parts = tf.split(indices, 2, 3).map((part) => indicesToDigits(part as tf.Tensor4D, levels));
        return tf.sub(tf.mul(tf.cast(tf.concat(parts, 3), "float32"), 2), 1) as tf.Tensor4D;
      });
    return {
      config,
      codebookSize: 4,
      numCodebooks: 2,
      codeDim: 4,
      lossWeights: { codebook: 0, commitment: 0, entropy: 0 },
      latentsForInitialization: 0,
      repeatable: true,
      quantize: (latents) =>
        tf.tidy(() => {
          const bits = tf.cast(tf.greater(latents, 0), "int32");
          const parts = tf.split(bits, 2, 3).map((part) => digitsToIndices(part, levels) as tf.Tensor4D);
          const indices = tf.concat(parts, 3) as tf.Tensor4D;
          return { quantized: straightThrough(latents, indicesToCodes(indices)), indices, losses: {} };
        }),
      indicesToCodes,
      variables: () => new Map(),
      initialize: () => Promise.resolve(),
      updateCodebook: () => {},
      dispose: () => {},
    };
  },
});
