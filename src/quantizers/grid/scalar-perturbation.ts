/**
 * Finite scalar perturbation: training adds noise as wide as a cell, and only evaluation rounds.
 *
 * 2026 (VP-VAE), https://arxiv.org/abs/2602.17133. Each dimension passes a cumulative distribution, here the logistic one,
 * p = (1 + tanh z)/2 in 0..1, and is cut into L equal cells; the code is a cell's middle, p̂ = (⌊pL⌋ + ½)/L, scaled to
 * unit variance: (p̂ − ½)·√12. In training the decoder gets (p + n − ½)·√12 with n from U(−½, ½)/L, or n = 0 where p + n
 * would leave 0..1. So that p is spread evenly, latents are held to mean 0 and to the variance of the logistic
 * distribution, π²/12 for tanh, per dimension over the batch: the loss is 0.1·mean² + 0.07·(variance − π²/12)², means over
 * dimensions. In code: the share of numbers that are rounded in training too is `quantizeRate`.
 */
import { z } from "zod";
import type { GraphWriter } from "../../backend/index.js";
import { parseConfig } from "../../core/config.js";
import type { Scalar, Tensor, Tensor2D, Tensor4D } from "../../tf/index.js";
import type { QuantizerDefinition } from "../definition.js";
import { gridSize } from "../levels.js";
import { describeOptions } from "../options.js";
import type { QuantizerConfig } from "../quantizer.js";
import { tf } from "../tfjs.js";
import { GridQuantizer } from "./grid-quantizer.js";
import type { GridRule } from "./grid-rule.js";
import { levelOptions, levelsOf } from "./level-options.js";

/** 1 over the deviation of U(0, 1). */
const TO_UNIT_VARIANCE = Math.sqrt(12);

/** Of the distribution whose cumulative one is (1 + tanh z)/2. */
const LOGISTIC_VARIANCE = Math.PI ** 2 / 12;

const [MEAN_WEIGHT, VARIANCE_WEIGHT] = [0.1, 0.07];

/** The resolved options of FSP. */
export interface ScalarPerturbationConfig extends QuantizerConfig {
  readonly kind: "fsp";
  /** Values of each dimension, each 2..1000, with a product of at most 2^24. */
  readonly levels: readonly number[];
  /** 0..1. */
  readonly quantizeRate: number;
  readonly spreadWeight: number;
}

function scalarPerturbation({ levels, quantizeRate, spreadWeight }: ScalarPerturbationConfig): GridRule {
  const counts = () => tf.tensor1d([...levels]);
  const written = (g: GraphWriter) => g.constant("level counts", Float32Array.from(levels), [levels.length]);
  const spread = <T extends Tensor>(share: T): T => tf.mul(tf.sub(share, 0.5), TO_UNIT_VARIANCE) as T;
  const shareOf = (latents: Tensor4D): Tensor4D => tf.div(tf.add(tf.tanh(latents), 1), 2);
  return {
    levels,
    place(latents) {
      const share = shareOf(latents);
      // At p = 1, which tanh reaches in float32, the cell is the last one.
      const cells = tf.minimum(tf.floor(tf.mul(share, counts())), tf.sub(counts(), 1));
      return { digits: tf.cast(cells, "int32") as Tensor4D, smooth: spread(share) };
    },
    values: (digits: Tensor) => spread(tf.div(tf.add(tf.cast(digits, "float32"), 0.5), counts())) as Tensor4D,
    lossWeights: { spread: spreadWeight },
    losses: (latents) => ({ spread: spreadLoss(tf.reshape(latents, [-1, levels.length])) }),
    training: {
      draw({ grid, random }) {
        const shape: [number, number, number, number] = [...grid, levels.length];
        const length = shape.reduce((product, size) => product * size, 1);
        const noise = random.fill(length, (r) => r.uniform(-0.5, 0.5));
        if (quantizeRate === 0) return { noise: tf.tensor4d(noise, shape) };
        const isRounded = random.fill(length, (r) => (r.next() < quantizeRate ? 1 : 0));
        return { noise: tf.tensor4d(noise, shape), isRounded: tf.tensor4d(isRounded, shape) };
      },
      value({ smooth }, codes, { noise, isRounded }) {
        const share = tf.add(tf.div(smooth, TO_UNIT_VARIANCE), 0.5);
        const moved = tf.add(share, tf.div(noise as Tensor, counts()));
        const isInside = tf.logicalAnd(tf.greater(moved, 0), tf.less(moved, 1));
        const noisy = spread(tf.where(isInside, moved, share)) as Tensor4D;
        return isRounded === undefined ? noisy : tf.where(tf.greater(isRounded, 0), codes, noisy);
      },
    },
    writeDigits(g, latents) {
      const share = g.op("Div", [g.op("Add", [g.op("Tanh", [latents]), g.scalar(1)]), g.scalar(2)]);
      const cells = g.op("Floor", [g.op("Mul", [share, written(g)])]);
      return g.cast(g.op("Min", [cells, g.op("Sub", [written(g), g.scalar(1)])]), "int32");
    },
    writeValues(g, digits) {
      const middle = g.op("Add", [g.cast(digits, "float32"), g.scalar(0.5)]);
      const share = g.op("Sub", [g.op("Div", [middle, written(g)]), g.scalar(0.5)]);
      return g.op("Mul", [share, g.scalar(TO_UNIT_VARIANCE)]);
    },
  };
}

/** How far each dimension's mean and (unbiased) variance over the batch are from those of the distribution. */
function spreadLoss(latents: Tensor2D): Scalar {
  const [rows] = latents.shape;
  const mean = tf.mean(latents, 0);
  const squares = tf.sum(tf.square(tf.sub(latents, mean)), 0);
  const variance = tf.div(squares, Math.max(1, rows - 1));
  const means = tf.mul(tf.mean(tf.square(mean)), MEAN_WEIGHT);
  const variances = tf.mean(tf.square(tf.sub(variance, LOGISTIC_VARIANCE)));
  return tf.add(means, tf.mul(variances, VARIANCE_WEIGHT)) as Scalar;
}

const schema = z.strictObject({
  kind: z.literal("fsp"),
  ...levelOptions,
  quantizeRate: z
    .number()
    .min(0)
    .max(1)
    .default(0)
    .describe("share of numbers that training rounds as evaluation does; the others get noise"),
  spreadWeight: z
    .number()
    .min(0)
    .default(1)
    .describe("weight of the loss that holds latents to the mean and variance of the logistic distribution"),
});

/** Finite scalar perturbation. */
export const fsp: QuantizerDefinition<ScalarPerturbationConfig> = {
  kind: "fsp",
  summary: "Each latent dimension cut into equal cells; training adds noise as wide as a cell instead",
  paper: {
    title: "VP-VAE: Rethinking Vector Quantization via Adaptive Vector Perturbation",
    arxiv: "2602.17133",
  },
  get options() {
    return describeOptions(schema);
  },
  parse: (value) => {
    const { kind, levels, codebookSize, ...rest } = parseConfig(schema, value, "quantizer");
    return { kind, levels: levelsOf({ levels, codebookSize }), ...rest };
  },
  create: (config) => new GridQuantizer(config, scalarPerturbation(config)),
  facts: ({ levels, spreadWeight }) => ({
    codebookSize: gridSize(levels),
    numbers: 0,
    codebook: `Implicit: each dimension passes (1 + tanh)/2 and is cut into equal cells, ${levels.join(" × ")} levels. There is nothing to learn.`,
    gradient:
      "In training noise as wide as a cell is added and nothing is rounded; the gradient passes the noise unchanged.",
    losses: [
      {
        name: "spread",
        weight: spreadWeight,
        formula: "0.1 mean² + 0.07 (variance − π²/12)², means over dimensions",
        moves: "the encoder",
        leaves: "the decoder",
      },
    ],
    learning: "never",
    learnsFromReconstruction: false,
    comparesLengths: false,
    levels,
  }),
};
