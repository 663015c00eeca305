/**
 * Residual FSQ: a grid of levels, and in each of its cells the same grid again, L times as fine.
 *
 * As published in vector-quantize-pytorch (`ResidualFSQ` of 1.32), after algorithm 1 of SoundStream,
 * https://arxiv.org/abs/2107.03312, with the symmetric levels of Parker et al. 2024, https://arxiv.org/abs/2411.19842.
 * For a dimension with L levels: z is bounded once, x = c·tanh(z/c) with c = 1 + 1/(L−1) = L/(L−1). With r_0 = x and the
 * scale s_i = L^−i, quantizer i has the digit ⌊(L−1)(clip(r_i/s_i, −1, 1) + 1)/2 + ½⌋ and the code
 * s_i·(digit·2/(L−1) − 1), and r_{i+1} = r_i − code. What is left of |x| ≤ c lies within ±1/(L−1) = ±c·s_1: each
 * quantizer is given the range that the first was given, in its own scale, and none is clipped.
 *
 * The gradient passes the rounding once, straight through, and the bound by its own derivative: where every quantizer
 * passes its own, as there, the encoder is given the decoder's gradient times the number of quantizers.
 *
 * Shapes: levels [5, 4, 3] and 2 quantizers take latents [8, 16, 12, 3] to indices [8, 16, 12, 2] in 0..59.
 */

import { z } from "zod";
import type { GraphWriter } from "../../backend/index.js";
import { parseConfig } from "../../core/config.js";
import { ConfigError } from "../../core/errors.js";
import type { Tensor, Tensor2D, Tensor4D, Variable } from "../../tf/index.js";
import type { QuantizerDefinition } from "../definition.js";
import { stopGradient } from "../gradients/stop-gradient.js";
import { straightThrough } from "../gradients/straight-through.js";
import { gridSize, planLevels } from "../levels.js";
import { digitsToIndices, indicesToDigits, MAX_IMPLICIT_SIZE, placeValues } from "../mixed-radix.js";
import type { OnnxQuantizer } from "../onnx/onnx-quantizer.js";
import { describeOptions } from "../options.js";
import type { Quantizer, QuantizerConfig, QuantizerOutput, TrainingInputs } from "../quantizer.js";
import { checkIndices, checkLatents } from "../shapes.js";
import { tf } from "../tfjs.js";
import { MAX_CODEBOOKS } from "./members.js";
import { dropoutInputs, dropoutSentence, quantizerDropout, shownParts } from "./quantizer-dropout.js";
import { sumOf } from "./residual-quantizer.js";

/** The resolved options of residual FSQ. */
export interface ResidualFiniteScalarConfig extends QuantizerConfig {
  readonly kind: "residual-fsq";
  /** Values of each dimension, each 2..1000, with a product of at most 2^24. */
  readonly levels: readonly number[];
  readonly numQuantizers: number;
  /** 0..1. */
  readonly quantizerDropout: number;
}

/** The kind `residual-fsq`. It has no variables and no losses of its own. */
export class ResidualFiniteScalarQuantizer implements Quantizer {
  readonly config: ResidualFiniteScalarConfig;
  readonly codebookSize: number;
  readonly numCodebooks: number;
  readonly codeDim: number;
  readonly lossWeights = {};
  readonly latentsForInitialization = 0;
  readonly repeatable = true;
  readonly pruning = {
    refusal: "whose codes are all points of a grid: none can be taken out. Train it with fewer levels",
  };
  readonly trainingInputs?: NonNullable<Quantizer["trainingInputs"]>;

  constructor(config: ResidualFiniteScalarConfig) {
    this.config = config;
    this.codebookSize = gridSize(config.levels);
    this.numCodebooks = config.numQuantizers;
    this.codeDim = config.levels.length;
    const draw = dropoutInputs(config.quantizerDropout, config.numQuantizers);
    if (draw !== undefined) this.trainingInputs = draw;
  }

  quantize(latents: Tensor4D, training?: TrainingInputs): QuantizerOutput {
    checkLatents(latents, this.codeDim);
    return tf.tidy(() => {
      const { limit } = factorsOf(this.config.levels);
      const bound = tf.tensor1d(limit);
      const bounded: Tensor4D = tf.mul(tf.tanh(tf.div(latents, bound)), bound);
      const indices: Tensor4D[] = [];
      const codes: Tensor4D[] = [];
      let residual = stopGradient(bounded);
      for (let i = 0; i < this.numCodebooks; i++) {
        const digits = this.#digits(residual, i);
        const chosen = this.#codes(digits, i);
        indices.push(digitsToIndices(digits, this.config.levels) as Tensor4D);
        codes.push(chosen);
        residual = tf.sub(residual, chosen);
      }
      return {
        quantized: straightThrough(bounded, sumOf(shownParts(codes, training))),
        indices: tf.concat(indices, 3),
        losses: {},
      };
    });
  }

  indicesToCodes(indices: Tensor4D): Tensor4D {
    checkIndices(indices, this.numCodebooks);
    return tf.tidy(() => {
      const parts = tf.split(indices, this.numCodebooks, 3);
      return sumOf(parts.map((part, i) => this.#codes(indicesToDigits(part, this.config.levels), i)));
    });
  }

  codesOf(codebook: number): Tensor2D {
    return tf.tidy(() => {
      const { codebookSize, codeDim } = this;
      const all = tf.reshape(tf.range(0, codebookSize, 1, "int32"), [1, 1, codebookSize, 1]);
      const codes = this.#codes(indicesToDigits(all, this.config.levels), codebook);
      return tf.reshape(codes, [codebookSize, codeDim]) as Tensor2D;
    });
  }

  async initialize(): Promise<void> {}

  updateCodebook(): void {}

  async onnx(): Promise<OnnxQuantizer> {
    return residualScalarGraph(this.config);
  }

  variables(): ReadonlyMap<string, Variable> {
    return new Map();
  }

  dispose(): void {}

  /** What is left before quantizer `place` → digits [N, H, W, d] int32. */
  #digits(residual: Tensor4D, place: number): Tensor4D {
    const { half, scales } = factorsOf(this.config.levels, place);
    const clipped = tf.clipByValue(tf.div(residual, tf.tensor1d(scales)), -1, 1);
    const lifted = tf.add(tf.mul(tf.add(clipped, 1), tf.tensor1d(half)), 0.5);
    return tf.cast(tf.floor(lifted), "int32") as Tensor4D;
  }

  /** Digits [N, H, W, d] int32 of quantizer `place` → its codes. The only place that makes them. */
  #codes(digits: Tensor, place: number): Tensor4D {
    const { step, scales } = factorsOf(this.config.levels, place);
    const values = tf.sub(tf.mul(tf.cast(digits, "float32"), tf.tensor1d(step)), 1);
    return tf.mul(values, tf.tensor1d(scales)) as Tensor4D;
  }
}

/** c, (L−1)/2, 2/(L−1) and the scale L^−place of each dimension; see the formulas above. */
function factorsOf(
  levels: readonly number[],
  place = 0,
): Readonly<Record<"limit" | "half" | "step" | "scales", number[]>> {
  return {
    limit: levels.map((level) => 1 + 1 / (level - 1)),
    half: levels.map((level) => (level - 1) / 2),
    step: levels.map((level) => 2 / (level - 1)),
    scales: levels.map((level) => level ** -place),
  };
}

/** The same, operator for operator. */
function residualScalarGraph({ levels, numQuantizers }: ResidualFiniteScalarConfig): OnnxQuantizer {
  const floats = (g: GraphWriter, values: readonly number[]) =>
    g.literal(Float32Array.from(values), [values.length]);
  const integers = (g: GraphWriter, values: readonly number[]) =>
    g.literal(Int32Array.from(values), [values.length]);
  const writeCodes = (g: GraphWriter, digits: string, place: number): string => {
    const { step, scales } = factorsOf(levels, place);
    const scaled = g.op("Mul", [g.cast(digits, "float32"), floats(g, step)]);
    return g.op("Mul", [g.op("Sub", [scaled, g.scalar(1)]), floats(g, scales)]);
  };
  return {
    metadata: { levels: levels.join() },
    writeEncoder(g, latents) {
      const bound = floats(g, factorsOf(levels).limit);
      let residual = g.op("Mul", [g.op("Tanh", [g.op("Div", [latents, bound])]), bound]);
      const indices: string[] = [];
      for (let place = 0; place < numQuantizers; place++) {
        const { half, scales } = factorsOf(levels, place);
        const scaled = g.op("Div", [residual, floats(g, scales)]);
        const clipped = g.op("Clip", [scaled, g.scalar(-1), g.scalar(1)]);
        const lifted = g.op("Mul", [g.op("Add", [clipped, g.scalar(1)]), floats(g, half)]);
        const digits = g.cast(g.op("Floor", [g.op("Add", [lifted, g.scalar(0.5)])]), "int32");
        const valued = g.op("Mul", [digits, integers(g, placeValues(levels))]);
        indices.push(g.op("ReduceSum", [valued, g.int64s([-1])], { keepdims: 1 }));
        residual = g.op("Sub", [residual, writeCodes(g, digits, place)]);
      }
      return g.op("Concat", indices, { axis: 3 });
    },
    writeDecoder(g, indices) {
      const parts =
        numQuantizers === 1
          ? [indices]
          : g.ops("Split", [indices], { axis: 3, num_outputs: numQuantizers }, numQuantizers);
      return parts
        .map((part, place) => {
          const shifted = g.op("Div", [part, integers(g, placeValues(levels))]);
          return writeCodes(g, g.op("Mod", [shifted, integers(g, levels)], { fmod: 0 }), place);
        })
        .reduce((sum, codes) => g.op("Add", [sum, codes]));
    },
  };
}

const DEFAULT_SIZE = 1024;
const DEFAULT_COUNT = 4;

/** Beyond this, scales are finer than float32 tells apart from 0 within a latent's range. */
const MAX_FINENESS = 2 ** 20;

const schema = z.strictObject({
  kind: z.literal("residual-fsq"),
  levels: z
    .array(z.int().min(2).max(1000))
    .min(1)
    .optional()
    .describe("values of each latent dimension; their product is the codebook size"),
  codebookSize: z.int().min(2).max(MAX_IMPLICIT_SIZE).optional().meta({
    description: "in place of levels: the nearest size that the paper's rule allows",
    default: DEFAULT_SIZE,
  }),
  numQuantizers: z
    .int()
    .min(1)
    .max(MAX_CODEBOOKS)
    .default(DEFAULT_COUNT)
    .describe("grids, each within a cell of the one before; a dimension's L to this power is at most 2^20"),
  quantizerDropout,
});

function parse(value: unknown): ResidualFiniteScalarConfig {
  const { kind, levels, codebookSize, numQuantizers, quantizerDropout } = parseConfig(
    schema,
    value,
    "quantizer",
  );
  if (levels !== undefined && codebookSize !== undefined) {
    throw new ConfigError(
      "quantizer.codebookSize",
      "expected nothing beside levels, which set the size. Remove one.",
    );
  }
  const config = {
    kind,
    levels: levels ?? planLevels(codebookSize ?? DEFAULT_SIZE).levels,
    numQuantizers,
    quantizerDropout,
  };
  const size = gridSize(config.levels);
  if (size > MAX_IMPLICIT_SIZE) {
    const limit = `a product <= ${MAX_IMPLICIT_SIZE}, so that every index is exact`;
    throw new ConfigError("quantizer.levels", `expected ${limit}, got ${size}. Use fewer or lower levels.`);
  }
  const most = Math.max(...config.levels);
  const places = Math.floor(Math.log(MAX_FINENESS) / Math.log(most));
  if (numQuantizers > places) {
    throw new ConfigError(
      "quantizer.numQuantizers",
      `expected at most ${places} with ${most} levels, beyond which float32 does not tell values apart, got ${numQuantizers}.`,
    );
  }
  return config;
}

/** Residual FSQ. The resolved configuration holds levels only, whichever way they were given. */
export const residualFsq: QuantizerDefinition<ResidualFiniteScalarConfig> = {
  kind: "residual-fsq",
  summary: "Several codes a position: a grid of levels, and in each of its cells the same grid again",
  paper: { title: "SoundStream: An End-to-End Neural Audio Codec", arxiv: "2107.03312" },
  get options() {
    return describeOptions(schema);
  },
  parse,
  create: (config) => new ResidualFiniteScalarQuantizer(config),
  facts: ({ levels, numQuantizers, quantizerDropout: rate }) => ({
    codebookSize: gridSize(levels),
    numCodebooks: numQuantizers,
    numbers: 0,
    codebook: `Implicit: each dimension is bounded by tanh and rounded ${numQuantizers} times, to ${levels.join(" × ")} levels of the whole range and then of each cell. There is nothing to learn, and no loss of its own.${dropoutSentence(rate, "codes")}`,
    gradient: "Straight-through: rounding passes the gradient unchanged; the bound before it does not.",
    losses: [],
    learning: "never",
    learnsFromReconstruction: false,
    comparesLengths: false,
    levels,
  }),
};
