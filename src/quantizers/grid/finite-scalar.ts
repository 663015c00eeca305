/**
 * Finite scalar quantization: bound each latent dimension, round it, and call the grid of roundings the codebook.
 *
 * Mentzer et al. 2023, https://arxiv.org/abs/2309.15505. For a dimension with L levels: half = (L−1)(1+ε)/2,
 * o (`offset`) = ½ if L is even else 0, shift = atanh(o/half), and the bounded latent is tanh(z + shift)·half − o; it
 * is rounded (half to even) with a straight-through gradient and divided by ⌊L/2⌋. The paper's notebook writes tan
 * and (1−ε); its author confirmed that atanh was meant.
 */

import { z } from "zod";
import type { GraphWriter } from "../../backend/index.js";
import { parseConfig } from "../../core/config.js";
import type { Tensor, Tensor1D, Tensor4D } from "../../tf/index.js";
import type { QuantizerDefinition } from "../definition.js";
import { gridSize } from "../levels.js";
import { describeOptions } from "../options.js";
import type { QuantizerConfig } from "../quantizer.js";
import { tf } from "../tfjs.js";
import { GridQuantizer } from "./grid-quantizer.js";
import { type GridRule, noLosses } from "./grid-rule.js";
import { levelOptions, levelsOf } from "./level-options.js";
import { withNoiseDropout } from "./noise-dropout.js";
import { symmetricScalar } from "./symmetric-scalar.js";

/** Lets the outermost levels be reached by finite latents. */
const EPSILON = 1e-3;

/** The resolved options of FSQ. */
export interface FiniteScalarConfig extends QuantizerConfig {
  readonly kind: "fsq";
  /** Values of each dimension, each 2..1000, with a product of at most 2^24. */
  readonly levels: readonly number[];
  /** How latents are bounded before they are rounded. */
  readonly bound: (typeof bounds)[number];
  /** The share of numbers that training replaces by noise, 0..1. */
  readonly noiseDropout: number;
}

/** paper: as above. symmetric: tanh, to L values from −1 to 1. sigmoid: the same with 2σ(1.6z) − 1, as in iFSQ. */
const bounds = ["paper", "symmetric", "sigmoid"] as const;

function ruleOf({ levels, bound, noiseDropout }: FiniteScalarConfig): GridRule {
  const rule = {
    paper: () => finiteScalar(levels),
    symmetric: () => symmetricScalar(levels, 1),
    sigmoid: () => symmetricScalar(levels, 0.8),
  }[bound]();
  return withNoiseDropout(rule, noiseDropout);
}

/** The rule of the paper. */
function finiteScalar(levels: readonly number[]): GridRule {
  const { half, offset, shift } = boundOf(levels);
  const middles = levels.map((level) => Math.floor(level / 2));
  /** ⌊L/2⌋ of each dimension, [d]: the digit of the value 0. */
  const middle = (): Tensor1D => tf.tensor1d(middles);
  const floats = (g: GraphWriter, name: string, values: readonly number[]) =>
    g.constant(name, Float32Array.from(values), [values.length]);
  return {
    ...noLosses,
    levels,
    steps: middles.map((each) => 1 / each),
    place(latents) {
      // tanh(z + shift)·half − o: every value rounds to one of the L integers −⌊L/2⌋..⌈L/2⌉−1.
      const turned = tf.tanh(tf.add(latents, tf.tensor1d(shift)));
      const bounded: Tensor4D = tf.sub(tf.mul(turned, tf.tensor1d(half)), tf.tensor1d(offset));
      // Rounded first and cast after: truncating a float to an integer is wrong in float32 from 26 levels on.
      const digits = tf.add(tf.cast(tf.round(bounded), "int32"), tf.cast(middle(), "int32")) as Tensor4D;
      return { digits, smooth: tf.div(bounded, middle()) };
    },
    values: (digits: Tensor) => tf.div(tf.sub(tf.cast(digits, "float32"), middle()), middle()),
    writeDigits(g, latents) {
      const turned = g.op("Tanh", [g.op("Add", [latents, floats(g, "shift", shift)])]);
      const scaled = g.op("Mul", [turned, floats(g, "half", half)]);
      const bounded = g.op("Sub", [scaled, floats(g, "offset", offset)]);
      // Rounded first and cast after, as above.
      const whole = g.cast(g.op("Round", [bounded]), "int32");
      return g.op("Add", [whole, g.constant("middle", Int32Array.from(middles), [levels.length])]);
    },
    writeValues(g, digits) {
      const centre = floats(g, "middle", middles);
      return g.op("Div", [g.op("Sub", [g.cast(digits, "float32"), centre]), centre]);
    },
  };
}

/** half, o and shift of each dimension; see the formulas above. */
function boundOf(levels: readonly number[]): Readonly<Record<"half" | "offset" | "shift", number[]>> {
  const half = levels.map((level) => ((level - 1) * (1 + EPSILON)) / 2);
  const offset = levels.map((level) => (level % 2 === 0 ? 0.5 : 0));
  const shift = half.map((h, i) => Math.atanh((offset[i] ?? 0) / h));
  return { half, offset, shift };
}

const schema = z.strictObject({
  kind: z.literal("fsq"),
  ...levelOptions,
  bound: z
    .enum(bounds)
    .default("paper")
    .describe(
      "how latents are bounded: as in the paper, symmetric about 0 by tanh (2411.19842), or by a sigmoid (iFSQ)",
    ),
  noiseDropout: z
    .number()
    .min(0)
    .max(1)
    .default(0)
    .describe("share of numbers that get noise in the place of rounding, in training"),
});

function parse(value: unknown): FiniteScalarConfig {
  const { kind, levels, codebookSize, ...rest } = parseConfig(schema, value, "quantizer");
  return { kind, levels: levelsOf({ levels, codebookSize }), ...rest };
}

/** Finite scalar quantization. The resolved configuration holds levels only, whichever way they were given. */
export const fsq: QuantizerDefinition<FiniteScalarConfig> = {
  kind: "fsq",
  summary: "Each latent dimension rounded to a few levels; no codebook to learn",
  paper: { title: "Finite Scalar Quantization: VQ-VAE Made Simple", arxiv: "2309.15505" },
  get options() {
    return describeOptions(schema);
  },
  parse,
  create: (config) => new GridQuantizer(config, ruleOf(config)),
  facts: ({ levels, bound, noiseDropout }) => ({
    codebookSize: gridSize(levels),
    numbers: 0,
    codebook: `Implicit: each dimension is bounded by ${bound === "sigmoid" ? "a sigmoid" : "tanh"} and rounded, ${levels.join(" × ")} levels${noiseDropout > 0 ? `; in training ${noiseDropout} of the numbers get noise instead` : ""}. There is nothing to learn, and no loss of its own.`,
    gradient: "Straight-through: rounding passes the gradient unchanged; the bound before it does not.",
    losses: [],
    learning: "never",
    learnsFromReconstruction: false,
    comparesLengths: false,
    levels,
  }),
  warnings: ({ levels, bound }) =>
    levels.flatMap((level, i) =>
      level === 2 && bound === "paper"
        ? [
            `quantizer.levels[${i}]: 2 levels saturate at a latent of 0 and learn badly; the paper advises 5 or more.`,
          ]
        : [],
    ),
};
