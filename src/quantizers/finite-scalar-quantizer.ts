/**
 * Finite scalar quantization: bound each latent dimension, round it, and call the grid of roundings the codebook.
 *
 * Mentzer et al. 2023, https://arxiv.org/abs/2309.15505. For a dimension with L levels: half = (L−1)(1+ε)/2,
 * o (`offset`) = ½ if L is even else 0, shift = atanh(o/half), and the bounded latent is tanh(z + shift)·half − o; it
 * is rounded (half to even) with a straight-through gradient and divided by ⌊L/2⌋. The paper's notebook writes tan
 * and (1−ε); its author confirmed that atanh was meant.
 *
 * Shapes: levels [8, 6, 5] take latents [N, H, W, 3] to quantized [N, H, W, 3] and indices [N, H, W, 1] in 0..239.
 */

import { z } from "zod";
import type { GraphWriter } from "../backend/index.js";
import { parseConfig } from "../core/config.js";
import { ConfigError } from "../core/errors.js";
import type { Tensor, Tensor1D, Tensor4D, Variable } from "../tf/index.js";
import type { QuantizerDefinition } from "./definition.js";
import { straightThrough } from "./gradients/straight-through.js";
import { gridSize, planLevels } from "./levels.js";
import { digitsToIndices, indicesToDigits, MAX_IMPLICIT_SIZE, placeValues } from "./mixed-radix.js";
import type { OnnxQuantizer } from "./onnx/onnx-quantizer.js";
import { describeOptions } from "./options.js";
import type { Quantizer, QuantizerConfig, QuantizerOutput } from "./quantizer.js";
import { checkIndices, checkLatents } from "./shapes.js";
import { tf } from "./tfjs.js";

/** Lets the outermost levels be reached by finite latents. */
const EPSILON = 1e-3;

/** The resolved options of FSQ. */
export interface FiniteScalarConfig extends QuantizerConfig {
  readonly kind: "fsq";
  /** Values of each dimension, each 2..1000, with a product of at most 2^24. */
  readonly levels: readonly number[];
}

/** The kind `fsq`. It has no variables and no losses of its own, and its codebook of Π levels rows is never built. */
export class FiniteScalarQuantizer implements Quantizer {
  readonly config: FiniteScalarConfig;
  readonly codebookSize: number;
  readonly numCodebooks = 1;
  readonly codeDim: number;
  readonly lossWeights = {};
  readonly latentsForInitialization = 0;
  readonly repeatable = true;
  readonly pruning = {
    refusal: "whose codes are all points of a grid: none can be taken out. Train it with fewer levels",
  };

  constructor(config: FiniteScalarConfig) {
    this.config = config;
    this.codebookSize = gridSize(config.levels);
    this.codeDim = config.levels.length;
  }

  quantize(latents: Tensor4D): QuantizerOutput {
    checkLatents(latents, this.codeDim);
    return tf.tidy(() => {
      const bounded = this.#bound(latents);
      const middle = this.#middle();
      // Rounded first and cast after: truncating a float to an integer is wrong in float32 from 26 levels on.
      const digits = tf.add(tf.cast(tf.round(bounded), "int32"), tf.cast(middle, "int32"));
      return {
        quantized: straightThrough(tf.div(bounded, middle), this.#codes(digits)),
        indices: digitsToIndices(digits, this.config.levels) as Tensor4D,
        losses: {},
      };
    });
  }

  indicesToCodes(indices: Tensor4D): Tensor4D {
    checkIndices(indices, this.numCodebooks);
    return tf.tidy(() => this.#codes(indicesToDigits(indices, this.config.levels)));
  }

  async initialize(): Promise<void> {}

  updateCodebook(): void {}

  async onnx(): Promise<OnnxQuantizer> {
    return finiteScalarGraph(this.config.levels);
  }

  variables(): ReadonlyMap<string, Variable> {
    return new Map();
  }

  dispose(): void {}

  /** tanh(z + shift)·half − o: every value rounds to one of the L integers −⌊L/2⌋..⌈L/2⌉−1. */
  #bound(latents: Tensor4D): Tensor4D {
    const { half, offset, shift } = boundOf(this.config.levels);
    const turned = tf.tanh(tf.add(latents, tf.tensor1d(shift)));
    return tf.sub(tf.mul(turned, tf.tensor1d(half)), tf.tensor1d(offset));
  }

  /** ⌊L/2⌋ of each dimension, [d]: the digit of the value 0. */
  #middle(): Tensor1D {
    return tf.tensor1d(this.config.levels.map((level) => Math.floor(level / 2)));
  }

  /** Digits [N, H, W, d] int32 → values in −1..1. The only place that makes them, so the round trip is exact. */
  #codes(digits: Tensor): Tensor4D {
    const middle = this.#middle();
    return tf.div(tf.sub(tf.cast(digits, "float32"), middle), middle);
  }
}

/** half, o and shift of each dimension; see the formulas above. */
function boundOf(levels: readonly number[]): Readonly<Record<"half" | "offset" | "shift", number[]>> {
  const half = levels.map((level) => ((level - 1) * (1 + EPSILON)) / 2);
  const offset = levels.map((level) => (level % 2 === 0 ? 0.5 : 0));
  const shift = half.map((h, i) => Math.atanh((offset[i] ?? 0) / h));
  return { half, offset, shift };
}

/** Bound, round, and read the digits as one number of mixed radix. */
function finiteScalarGraph(levels: readonly number[]): OnnxQuantizer {
  const floats = (g: GraphWriter, name: string, values: readonly number[]) =>
    g.constant(name, Float32Array.from(values), [values.length]);
  const integers = (g: GraphWriter, name: string, values: readonly number[]) =>
    g.constant(name, Int32Array.from(values), [values.length]);
  const middle = levels.map((level) => Math.floor(level / 2));
  return {
    metadata: { levels: levels.join() },
    writeEncoder(g, latents) {
      const { half, offset, shift } = boundOf(levels);
      const turned = g.op("Tanh", [g.op("Add", [latents, floats(g, "shift", shift)])]);
      const scaled = g.op("Mul", [turned, floats(g, "half", half)]);
      const bounded = g.op("Sub", [scaled, floats(g, "offset", offset)]);
      // Rounded first and cast after, as in the quantizer.
      const whole = g.cast(g.op("Round", [bounded]), "int32");
      const digits = g.op("Add", [whole, integers(g, "middle", middle)]);
      const valued = g.op("Mul", [digits, integers(g, "place values", placeValues(levels))]);
      return g.op("ReduceSum", [valued, g.int64s([-1])], { keepdims: 1 });
    },
    writeDecoder(g, indices) {
      const shifted = g.op("Div", [indices, integers(g, "place values", placeValues(levels))]);
      const digits = g.op("Mod", [shifted, integers(g, "levels", levels)], { fmod: 0 });
      const centre = floats(g, "middle", middle);
      return g.op("Div", [g.op("Sub", [g.cast(digits, "float32"), centre]), centre]);
    },
  };
}

const DEFAULT_SIZE = 1024;

/** Beyond this, the margin ε of the bound would round to a level that is not there. */
const MAX_LEVEL = 1000;

const schema = z.strictObject({
  kind: z.literal("fsq"),
  levels: z
    .array(z.int().min(2).max(MAX_LEVEL))
    .min(1)
    .optional()
    .describe("values of each latent dimension; their product is the codebook size"),
  codebookSize: z.int().min(2).max(MAX_IMPLICIT_SIZE).optional().meta({
    description: "in place of levels: the nearest size that the paper's rule allows",
    default: DEFAULT_SIZE,
  }),
});

function parse(value: unknown): FiniteScalarConfig {
  const { kind, levels, codebookSize } = parseConfig(schema, value, "quantizer");
  if (levels === undefined) return { kind, levels: planLevels(codebookSize ?? DEFAULT_SIZE).levels };
  if (codebookSize !== undefined) {
    throw new ConfigError(
      "quantizer.codebookSize",
      "expected nothing beside levels, which set the size. Remove one.",
    );
  }
  const size = gridSize(levels);
  if (size > MAX_IMPLICIT_SIZE) {
    const limit = `a product <= ${MAX_IMPLICIT_SIZE}, so that every index is exact`;
    throw new ConfigError("quantizer.levels", `expected ${limit}, got ${size}. Use fewer or lower levels.`);
  }
  return { kind, levels };
}

/** Finite scalar quantization. The resolved configuration holds levels only, whichever way they were given. */
export const fsq: QuantizerDefinition<FiniteScalarConfig> = {
  kind: "fsq",
  summary: "Each latent dimension rounded to a few levels; no codebook to learn",
  paper: { title: "Finite Scalar Quantization: VQ-VAE Made Simple", arxiv: "2309.15505" },
  options: describeOptions(schema),
  parse,
  create: (config) => new FiniteScalarQuantizer(config),
  facts: ({ levels }) => ({
    codebookSize: gridSize(levels),
    numbers: 0,
    codebook: `Implicit: each dimension is bounded by tanh and rounded, ${levels.join(" × ")} levels. There is nothing to learn, and no loss of its own.`,
    gradient: "Straight-through: rounding passes the gradient unchanged; the bound before it does not.",
    losses: [],
    learning: "never",
    learnsFromReconstruction: false,
    comparesLengths: false,
    levels,
  }),
  warnings: ({ levels }) =>
    levels.flatMap((level, i) =>
      level === 2
        ? [
            `quantizer.levels[${i}]: 2 levels saturate at a latent of 0 and learn badly; the paper advises 5 or more.`,
          ]
        : [],
    ),
};
