import { createQuantizer, type QuantizerDefinition } from "../../src/quantizers/index.js";
import * as tf from "../../src/tf/index.js";

/** What the quantizer below multiplies by: a number that no engine can see change. */
export const codes = { scale: 1 };

/** FSQ whose codes are multiplied by `codes.scale`, with the claim `repeatable` or without. */
export function scaledQuantizer(kind: string, repeatable: boolean): QuantizerDefinition {
  return {
    kind,
    summary: "Changes when the test says so",
    options: [],
    parse: (value) => value as { kind: string },
    create: (config) => {
      const inner = createQuantizer({ kind: "fsq", levels: [5, 4, 3] }, 0);
      return {
        ...inner,
        config,
        repeatable,
        codebookSize: inner.codebookSize,
        numCodebooks: 1,
        codeDim: inner.codeDim,
        lossWeights: inner.lossWeights,
        latentsForInitialization: 0,
        quantize: (latents) => {
          const { quantized, ...rest } = inner.quantize(latents);
          return { ...rest, quantized: tf.mul(quantized, codes.scale) };
        },
        indicesToCodes: (indices) => tf.tidy(() => tf.mul(inner.indicesToCodes(indices), codes.scale)),
        initialize: () => inner.initialize(tf.zeros([1, inner.codeDim])),
        updateCodebook: () => {},
        variables: () => inner.variables(),
        dispose: () => inner.dispose(),
      };
    },
  };
}
