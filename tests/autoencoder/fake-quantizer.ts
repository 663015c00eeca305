import type { Quantizer, QuantizerOutput } from "../../src/quantizers/quantizer.js";
import * as tf from "../../src/tf/index.js";

/**
 * The simplest stand-in for a quantizer: every latent number times a learned scale, and one index, 0, everywhere. It
 * is smooth, so that the gradient of a whole model can be compared with differences.
 */
export function fakeQuantizer(codeDim: number, initialScale = 0.75): Quantizer {
  const scale = tf.tidy(() => tf.variable(tf.scalar(initialScale)));
  const uses = tf.tidy(() => tf.variable(tf.zeros([1]), false));
  return {
    config: { kind: "fake" },
    codebookSize: 1,
    numCodebooks: 1,
    codeDim,
    lossWeights: { codebook: 0, commitment: 0, entropy: 0 },
    latentsForInitialization: 0,
    quantize(latents): QuantizerOutput {
      const [batch, height, width] = latents.shape;
      return {
        quantized: tf.mul(latents, scale),
        indices: tf.zeros([batch, height, width, 1], "int32"),
        losses: {},
      };
    },
    indicesToCodes({ shape: [batch, height, width] }) {
      return tf.zeros([batch, height, width, codeDim]);
    },
    initialize: async () => {},
    updateCodebook: () => {},
    variables: () =>
      new Map<string, tf.Variable>([
        ["scale", scale],
        ["uses", uses],
      ]),
    dispose: () => {
      scale.dispose();
      uses.dispose();
    },
  };
}
