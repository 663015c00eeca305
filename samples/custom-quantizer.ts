/**
 * A quantizer of one's own: the sign of each latent dimension, as in lookup-free quantization (Yu et al. 2023,
 * https://arxiv.org/abs/2310.05737) without its entropy loss. Once imported, `{ kind: "sign" }` works everywhere.
 */

import { ConfigError, type Quantizer, type QuantizerConfig, registerQuantizer } from "vqkit";
import {
  checkIndices,
  checkLatents,
  digitsToIndices,
  indicesToDigits,
  straightThrough,
} from "vqkit/quantizers";
import * as tf from "vqkit/tf";

interface SignConfig extends QuantizerConfig {
  readonly codeDim: number;
}

function signQuantizer(config: SignConfig): Quantizer {
  const { codeDim } = config;
  const levels = new Array<number>(codeDim).fill(2);

  function indicesToCodes(indices: tf.Tensor4D): tf.Tensor4D {
    checkIndices(indices, 1);
    return tf.tidy(() => tf.sub(tf.mul(tf.cast(indicesToDigits(indices, levels), "float32"), 2), 1));
  }
  return {
    config,
    codebookSize: 2 ** codeDim,
    numCodebooks: 1,
    codeDim,
    lossWeights: {}, // it has no losses; else the weight of each, by its name
    latentsForInitialization: 0,
    repeatable: true, // nothing in it changes between calls: training may repeat a recorded step
    quantize(latents) {
      checkLatents(latents, codeDim);
      return tf.tidy(() => {
        const bits = tf.cast(tf.greater(latents, 0), "int32");
        const indices = digitsToIndices(bits, levels) as tf.Tensor4D;
        return { quantized: straightThrough(latents, indicesToCodes(indices)), indices, losses: {} };
      });
    },
    indicesToCodes,
    variables: () => new Map(),
    initialize: () => Promise.resolve(),
    updateCodebook: () => {},
    dispose: () => {},
  };
}

registerQuantizer<SignConfig>({
  kind: "sign",
  summary: "The sign of each latent dimension, one bit each",
  options: [{ name: "codeDim", type: "integer 1..24", default: 10, description: "bits in a code" }],
  parse(value: unknown) {
    const { codeDim = 10, ...rest } = value as { kind: "sign"; codeDim?: unknown };
    const unknown = Object.keys(rest).find((key) => key !== "kind");
    if (unknown !== undefined) throw new ConfigError(`quantizer.${unknown}`, "unknown key.");
    const bits = typeof codeDim === "number" && Number.isInteger(codeDim) ? codeDim : 0;
    if (bits >= 1 && bits <= 24) return { kind: "sign", codeDim: bits };
    throw new ConfigError("quantizer.codeDim", `expected an integer 1..24, got ${JSON.stringify(codeDim)}.`);
  },
  create: signQuantizer,
  // What pages, the doctor and readers of model files are told; it may be left out.
  facts: ({ codeDim }) => ({
    codebookSize: 2 ** codeDim,
    numbers: 0,
    codebook: "Signs: each dimension is a bit. There is nothing to learn.",
    gradient: "Straight-through: the gradient at the sign is copied to the latent unchanged.",
    losses: [],
    learning: "never",
    learnsFromReconstruction: false,
    comparesLengths: false,
    levels: new Array<number>(codeDim).fill(2),
  }),
});
