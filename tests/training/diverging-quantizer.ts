import type { Quantizer, QuantizerConfig, QuantizerDefinition } from "../../src/quantizers/index.js";
import * as tf from "../../src/tf/index.js";

interface DivergingConfig extends QuantizerConfig {
  readonly codeDim: number;
  readonly atUpdate: number;
}

/** Passes latents through, as its one code, until its own learning has run `atUpdate` times: from then on they are NaN. */
export const divergingQuantizer: QuantizerDefinition<DivergingConfig> = {
  kind: "diverging",
  summary: "Becomes NaN on purpose",
  options: [],
  parse: (value) => value as DivergingConfig,
  create: ({ codeDim, atUpdate, ...rest }): Quantizer => {
    const scale = tf.tidy(() => tf.variable(tf.scalar(1), false));
    let updates = 0;
    return {
      config: { codeDim, atUpdate, ...rest },
      codebookSize: 1,
      numCodebooks: 1,
      codeDim,
      lossWeights: { codebook: 0, commitment: 0, entropy: 0 },
      latentsForInitialization: 0,
      quantize: (latents) => {
        const [n, h, w] = latents.shape;
        return {
          quantized: tf.mul(latents, scale),
          indices: tf.zeros([n, h, w, 1], "int32"),
          losses: {},
        };
      },
      indicesToCodes: (indices) =>
        tf.zeros([...indices.shape.slice(0, 3), codeDim] as [number, number, number, number]),
      initialize: async () => {},
      updateCodebook: () => {
        updates++;
        if (updates === atUpdate) tf.tidy(() => scale.assign(tf.scalar(Number.NaN)));
      },
      variables: () => new Map([["scale", scale as tf.Variable]]),
      dispose: () => scale.dispose(),
    };
  },
};
