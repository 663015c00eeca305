import { type MockInstance, vi } from "vitest";
import type { Quantizer, QuantizerConfig, QuantizerDefinition } from "../../src/quantizers/index.js";
import * as tf from "../../src/tf/index.js";
import type { Trainer } from "../../src/training/index.js";

interface PoisonedConfig extends QuantizerConfig {
  readonly codeDim: number;
  /** What turns NaN on a poisoned batch: the values, or only the gradient. */
  readonly where: "values" | "gradient";
}

let isPoisoned = false;

/** Passes latents through as its one code; spoils them while the batch that is trained on is a poisoned one. */
export const poisonedQuantizer: QuantizerDefinition<PoisonedConfig> = {
  kind: "poisoned",
  summary: "Becomes NaN on purpose, for some batches",
  options: [],
  parse: (value) => value as PoisonedConfig,
  create: ({ codeDim, where, ...rest }): Quantizer => ({
    config: { codeDim, where, ...rest },
    codebookSize: 1,
    numCodebooks: 1,
    codeDim,
    lossWeights: { codebook: 0, commitment: 0, entropy: 0 },
    latentsForInitialization: 0,
    quantize: (latents) => {
      const factor = isPoisoned ? Number.NaN : 1;
      const spoilGradient = tf.customGrad((x) => ({
        value: tf.clone(x as tf.Tensor),
        gradFunc: (dy) => tf.mul(dy as tf.Tensor, factor),
      }));
      const [n, h, w] = latents.shape;
      return {
        quantized: where === "values" ? tf.mul(latents, factor) : (spoilGradient(latents) as tf.Tensor4D),
        indices: tf.zeros([n, h, w, 1], "int32"),
        losses: {},
      };
    },
    indicesToCodes: (indices) =>
      tf.zeros([...indices.shape.slice(0, 3), codeDim] as [number, number, number, number]),
    initialize: async () => {},
    updateCodebook: () => {},
    variables: () => new Map(),
    dispose: () => {},
  }),
};

/** Poisons training batches by their place in the data, from 0. @returns the places in the order they were trained on */
export function poison(trainer: Trainer, bad: (batch: number) => boolean): number[] {
  const seen: number[] = [];
  const { dataset } = trainer;
  const original = dataset.trainBatches.bind(dataset);
  const spy: MockInstance<typeof dataset.trainBatches> = vi.spyOn(dataset, "trainBatches");
  spy.mockImplementation(async function* (options) {
    let at = options.startStep ?? 0;
    try {
      for await (const batch of original(options)) {
        isPoisoned = bad(at);
        seen.push(at++);
        yield batch;
        isPoisoned = false;
      }
    } finally {
      isPoisoned = false;
    }
  });
  return seen;
}
