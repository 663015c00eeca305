/**
 * Multi-scale residual quantization: what is left of a square grid is made smaller, quantized, made as large as the grid
 * again and subtracted, from the smallest scale to the grid itself.
 *
 * Tian et al. 2024 (VAR), https://arxiv.org/abs/2404.02905, algorithms 1 and 2. With r = z and f̂ = 0, for each scale s:
 * the codes of `area` (r, s×s) are looked up, resized to S×S (`bicubic`) and passed through φ; h is added to f̂ and
 * subtracted from r. The gradient passes from f̂ to z straight through. As in VAR's code, losses are means over scales:
 * `codebook` ‖f̂_s − sg z‖², which teaches the codes and φ, and `commitment` ‖sg f̂_s − z‖², with f̂_s the sum so far.
 *
 * The codes of a picture are one sequence, scale by scale, each row by row. Shapes: scales [1, 2, 4] take latents
 * [8, 4, 4, D] to indices [8, 1, 21, 1].
 */
import { z } from "zod";
import { parseConfig } from "../../core/config.js";
import { ConfigError, ShapeError } from "../../core/errors.js";
import type { Random } from "../../core/random.js";
import type { Scalar, Tensor, Tensor2D, Tensor4D, Variable } from "../../tf/index.js";
import { allCodes, hasCodes } from "../all-codes.js";
import { valuesOf } from "../codebooks/codebook.js";
import type { QuantizerDefinition } from "../definition.js";
import type { QuantizerFacts } from "../facts.js";
import { stopGradient } from "../gradients/stop-gradient.js";
import { straightThrough } from "../gradients/straight-through.js";
import type { OnnxQuantizer } from "../onnx/onnx-quantizer.js";
import { describeOptions } from "../options.js";
import type {
  CodeSequence,
  InitializationOptions,
  Pruning,
  Quantizer,
  QuantizerConfig,
  QuantizerOutput,
  StateValue,
  TrainingInputs,
} from "../quantizer.js";
import { createMember, parseQuantizerConfig, quantizerFacts } from "../registry.js";
import { checkLatents } from "../shapes.js";
import { tf } from "../tfjs.js";
import type { MemberLatents, MemberReplacement } from "./member-replacement.js";
import { memberOptions, parseMembers } from "./members.js";
import { multiScaleGraph } from "./multi-scale-graph.js";
import { Phi, phiOfScale } from "./phi.js";
import { dropoutInputs, dropoutSentence, quantizerDropout, shownParts } from "./quantizer-dropout.js";
import { areaMatrix, bicubicMatrix } from "./resampling.js";

/** The resolved options of a multi-scale quantizer. */
export interface MultiScaleConfig extends QuantizerConfig {
  readonly kind: "multi-scale";
  /** Sides, ascending; the last is that of the latent grid. */
  readonly scales: readonly number[];
  /** With one code a position. */
  readonly quantizer: QuantizerConfig;
  /** ρ: how much of φ is its convolution; 0 leaves φ out. */
  readonly phiRatio: number;
  /** How many φs the scales share; 0: one for each. */
  readonly phiCount: number;
  /** 0..1. */
  readonly quantizerDropout: number;
}

/** The kind `multi-scale`. */
export class MultiScaleQuantizer implements Quantizer {
  readonly config: MultiScaleConfig;
  readonly codebookSize: number;
  readonly numCodebooks = 1;
  readonly codeDim: number;
  readonly sequence: CodeSequence;
  readonly lossWeights: Readonly<Record<string, number>>;
  readonly latentsForInitialization: number;
  readonly repeatable: boolean;
  readonly estimator = straightThrough;
  readonly codesOf?: () => Tensor2D;
  readonly pruning?: Pruning;
  readonly onnx?: () => Promise<OnnxQuantizer>;
  readonly trainingInputs?: NonNullable<Quantizer["trainingInputs"]>;
  readonly replacementInputs?: NonNullable<Quantizer["replacementInputs"]>;
  readonly replaceDeadCodes?: NonNullable<Quantizer["replaceDeadCodes"]>;
  readonly #member: Quantizer;
  readonly #phis: readonly Phi[];
  /** The φ of each scale; undefined where there is none. */
  readonly #phiOf: readonly (Phi | undefined)[];

  /** @param member with one code a position; belongs to the result */
  constructor(config: MultiScaleConfig, member: Quantizer, random: Random) {
    const { scales, phiRatio, phiCount } = config;
    this.config = config;
    this.codebookSize = member.codebookSize;
    this.codeDim = member.codeDim;
    this.sequence = { side: scales.at(-1) as number, scales };
    this.latentsForInitialization = member.latentsForInitialization;
    this.repeatable = member.repeatable === true;
    this.#member = member;
    const count = phiRatio === 0 ? 0 : phisOf(config);
    this.#phis = Array.from({ length: count }, () => new Phi(member.codeDim, phiRatio, random));
    const isTaught = count > 0 || [...member.variables().values()].some(({ trainable }) => trainable);
    this.lossWeights = lossWeightsOf(member.lossWeights, isTaught);
    this.#phiOf = phiOfScale(scales.length, Math.max(1, count)).map((i) => this.#phis[i]);
    const draw = dropoutInputs(config.quantizerDropout, scales.length);
    if (draw !== undefined) this.trainingInputs = draw;
    Object.assign(this, this.#replacement());
    if (hasCodes(member)) this.codesOf = () => allCodes(member);
    const { pruning } = member;
    if (pruning !== undefined)
      this.pruning = "refusal" in pruning ? pruning : { keep: (kept) => this.#keep(kept) };
    if (member.onnx !== undefined) {
      const write = member.onnx.bind(member);
      this.onnx = async () => {
        const values = await Promise.all(this.#phis.map((phi) => phi.values()));
        const phiOf = phiOfScale(scales.length, Math.max(1, count)).map((i) => values[i]);
        return multiScaleGraph(await write(), { scales, ratio: phiRatio, phiOf, phiCount });
      };
    }
  }

  quantize(latents: Tensor4D, training?: TrainingInputs): QuantizerOutput {
    this.#checkLatents(latents);
    return tf.tidy(() => {
      const found = this.#search(stopGradient(latents));
      const added = found.map(({ indices }, scale) => this.#added(indices, scale));
      const sums = partialSums(added);
      const total = partialSums(shownParts(added, training)).at(-1) as Tensor4D;
      return {
        quantized: straightThrough(latents, stopGradient(total)),
        indices: sequenceOf(found.map(({ indices }) => indices)),
        losses: this.#losses(latents, sums),
      };
    });
  }

  #losses(latents: Tensor4D, sums: readonly Tensor4D[]): QuantizerOutput["losses"] {
    const commitment = mean(sums.map((sum) => meanSquare(latents, stopGradient(sum))));
    if (this.lossWeights.codebook === undefined) return { commitment };
    return { commitment, codebook: mean(sums.map((sum) => meanSquare(sum, stopGradient(latents)))) };
  }

  /** Each scale's indices [N, s, s, 1], and what they were found for, [N, s, s, D]. */
  #search(latents: Tensor4D): { readonly given: Tensor4D; readonly indices: Tensor4D }[] {
    let residual = latents;
    return this.config.scales.map((side, scale) => {
      const given = resampled(residual, areaMatrix, side);
      const { indices } = this.#member.quantize(given);
      residual = tf.sub(residual, stopGradient(this.#added(indices, scale)));
      return { given, indices };
    });
  }

  /** What a scale adds to the grid: φ of its codes, as large as the grid. */
  #added(indices: Tensor4D, scale: number): Tensor4D {
    const grown = resampled(this.#member.indicesToCodes(indices), bicubicMatrix, this.sequence.side);
    return this.#phiOf[scale]?.apply(grown) ?? grown;
  }

  indicesToCodes(indices: Tensor4D): Tensor4D {
    this.#checkIndices(indices);
    return tf.tidy(() => {
      const added = this.#split(indices).map((each, scale) => this.#added(each, scale));
      return partialSums(added).at(-1) as Tensor4D;
    });
  }

  /** The sequence [N, 1, L, 1] as one grid a scale. */
  #split(indices: Tensor4D): Tensor4D[] {
    const { scales } = this.config;
    const parts = tf.split(
      indices,
      scales.map((side) => side ** 2),
      2,
    );
    return parts.map((part, i) => {
      const side = scales[i] as number;
      return tf.reshape(part, [indices.shape[0], side, side, 1]);
    });
  }

  /** Of the latents as they are: no scale is known before the first codes. */
  initialize(latents: Tensor2D, options?: InitializationOptions): Promise<void> {
    return this.#member.initialize(latents, options);
  }

  updateCodebook(latents: Tensor4D, indices: Tensor4D): void {
    this.#checkLatents(latents);
    this.#checkIndices(indices);
    tf.tidy(() => {
      const given = this.#given(latents, indices);
      this.#member.updateCodebook(given.latents, given.indices);
    });
  }

  /** What the codebook was given, all scales at once: the codes that chose are those of one moment. [1, 1, N·L, D] */
  #given(latents: Tensor4D, indices: Tensor4D): MemberLatents {
    let residual = latents;
    const given: Tensor2D[] = [];
    const parts = this.#split(indices);
    for (const [scale, each] of parts.entries()) {
      const small = resampled(residual, areaMatrix, this.config.scales[scale] as number);
      given.push(tf.reshape(small, [-1, this.codeDim]));
      if (scale < parts.length - 1) residual = tf.sub(residual, this.#added(each, scale));
    }
    const chosen = parts.map((each) => tf.reshape(each, [-1]));
    return {
      latents: tf.reshape(tf.concat(given, 0), [1, 1, -1, this.codeDim]),
      indices: tf.reshape(tf.concat(chosen, 0), [1, 1, -1, 1]),
    };
  }

  /** Dead codes become what some scale of the batch was quantized from. */
  #replacement(): MemberReplacement {
    const [member, length] = [this.#member, sequenceLength(this.config.scales)];
    const replace = member.replaceDeadCodes?.bind(member);
    if (replace === undefined) return {};
    return {
      replacementInputs: (draw) =>
        member.replacementInputs?.({ ...draw, grid: [1, 1, draw.grid[0] * length] }) ?? {},
      replaceDeadCodes: (latents, indices, training) => {
        this.#checkLatents(latents);
        this.#checkIndices(indices);
        const given = this.#given(latents, indices);
        const { codes, rows } = replace(given.latents, given.indices, training);
        return {
          codes,
          rows: new Map([...rows].map(([name, isNew]) => [`codebook/${name}`, isNew] as const)),
        };
      },
    };
  }

  variables(): ReadonlyMap<string, Variable> {
    const all = new Map<string, Variable>();
    for (const [name, variable] of this.#member.variables()) all.set(`codebook/${name}`, variable);
    for (const [i, phi] of this.#phis.entries()) {
      for (const [name, variable] of phi.variables()) all.set(`phi/${i}/${name}`, variable);
    }
    return all;
  }

  async #keep(kept: readonly (readonly number[])[]): ReturnType<Extract<Pruning, { keep: unknown }>["keep"]> {
    const { pruning } = this.#member;
    if (pruning === undefined || "refusal" in pruning) throw new TypeError("its member cannot be pruned");
    const part = await pruning.keep(kept);
    const state = new Map<string, StateValue>();
    for (const [name, value] of part.state) state.set(`codebook/${name}`, value);
    for (const [name, variable] of this.variables()) {
      if (name.startsWith("phi/")) state.set(name, await valuesOf(() => variable));
    }
    return { config: parseQuantizerConfig({ ...this.config, quantizer: part.config }), state };
  }

  dispose(): void {
    this.#member.dispose();
    for (const phi of this.#phis) phi.dispose();
  }

  #checkLatents(latents: Tensor): void {
    checkLatents(latents, this.codeDim);
    const { side } = this.sequence;
    if (latents.shape[1] === side && latents.shape[2] === side) return;
    throw new ShapeError("latents", `[N,${side},${side},${this.codeDim}], as the scales are`, latents.shape);
  }

  #checkIndices(indices: Tensor): void {
    const length = sequenceLength(this.config.scales);
    const [, rows, columns, codebooks] = indices.shape;
    if (indices.rank === 4 && rows === 1 && columns === length && codebooks === 1) return;
    throw new ShapeError("indices", `[N,1,${length},1]`, indices.shape);
  }
}

/** f̂ after each scale. The only place that adds, so the round trip is exact. */
function partialSums(added: readonly Tensor4D[]): Tensor4D[] {
  const sums: Tensor4D[] = [];
  for (const each of added) {
    const before = sums.at(-1);
    sums.push(before === undefined ? each : tf.add(before, each));
  }
  return sums;
}

/** Codes of a picture: Σ s². */
function sequenceLength(scales: readonly number[]): number {
  return scales.reduce((sum, side) => sum + side ** 2, 0);
}

/** Grids [N, s, s, 1] as one sequence [N, 1, L, 1]. */
function sequenceOf(grids: readonly Tensor4D[]): Tensor4D {
  return tf.concat(
    grids.map((grid): Tensor4D => tf.reshape(grid, [grid.shape[0], 1, grid.shape[1] ** 2, 1])),
    2,
  );
}

/** A square grid [N, s, s, D] at another side. */
function resampled(
  grid: Tensor4D,
  matrixOf: (from: number, to: number) => Float32Array,
  side: number,
): Tensor4D {
  const [n, from, , d] = grid.shape;
  if (from === side) return grid;
  const matrix = tf.tensor2d(matrixOf(from, side), [side ** 2, from ** 2]);
  const rows = tf.reshape(tf.transpose(grid, [1, 2, 0, 3]), [from ** 2, n * d]); // [from², N*D]
  const made = tf.reshape(tf.matMul(matrix, rows as Tensor2D), [side, side, n, d]);
  return tf.transpose(made, [2, 0, 1, 3]) as Tensor4D;
}

function mean(values: readonly Scalar[]): Scalar {
  return tf.div(
    values.reduce((sum, value): Scalar => tf.add(sum, value)),
    values.length,
  );
}

function meanSquare(a: Tensor4D, b: Tensor4D): Scalar {
  return tf.mean(tf.square(tf.sub(a, b)));
}

/** Those that the member gives its own losses; φ needs the codebook loss even where no gradient moves the codes. */
function lossWeightsOf(
  { codebook = 1, commitment = 0.25 }: Readonly<Record<string, number>>,
  isTaught: boolean,
): Readonly<Record<string, number>> {
  return isTaught ? { codebook, commitment } : { commitment };
}

function phisOf({ scales, phiCount }: Pick<MultiScaleConfig, "scales" | "phiCount">): number {
  return phiCount === 0 ? scales.length : Math.min(phiCount, scales.length);
}

/** VAR's, for a grid of 16. */
const DEFAULT_SCALES = [1, 2, 3, 4, 5, 6, 8, 10, 13, 16];

/** Resampling is a matrix of s²·S² numbers for each scale. */
const MAX_SIDE = 32;

const schema = z.strictObject({
  kind: z.literal("multi-scale"),
  scales: z
    .array(z.int().min(1).max(MAX_SIDE))
    .min(1)
    .max(64)
    .default(DEFAULT_SCALES)
    .describe("sides of the square grids of codes, ascending; the last is that of the latent grid"),
  quantizer: memberOptions.quantizer.describe(
    "the configuration of what quantizes each scale, one code a position (default: vq with a table)",
  ),
  codebookSize: memberOptions.codebookSize,
  codeDim: memberOptions.codeDim.describe("numbers in a code (D), where the quantizer does not say"),
  phiRatio: z
    .number()
    .min(0)
    .max(1)
    .default(0.5)
    .describe("share of the convolution in phi, the layer behind each scale (quant_resi); 0 leaves it out"),
  phiCount: z
    .int()
    .min(0)
    .max(64)
    .default(4)
    .describe("phis that the scales share (share_quant_resi); 0: one for each scale"),
  quantizerDropout: quantizerDropout.describe(
    "share of images of which training decodes the first scales alone, their number drawn evenly",
  ),
});

function parse(value: unknown): MultiScaleConfig {
  const parsed = parseConfig(schema, value, "quantizer");
  const { kind, scales, phiRatio, phiCount, quantizerDropout, quantizer, ...given } = parsed;
  const wrong = scales.findIndex((side, i) => i > 0 && side <= (scales[i - 1] as number));
  if (wrong > 0) {
    throw new ConfigError(
      `quantizer.scales[${wrong}]`,
      `expected a side above ${scales[wrong - 1]}, got ${scales[wrong]}.`,
    );
  }
  const member = { kind: "vq", ...quantizer };
  const { members } = parseMembers(
    { ...given, quantizer: member },
    { option: "numQuantizers", given: 1, default: 1 },
  );
  const { quantizer: resolved } = members as { quantizer: QuantizerConfig };
  return { kind, scales, quantizer: resolved, phiRatio, phiCount, quantizerDropout };
}

function create(config: MultiScaleConfig, random: Random): MultiScaleQuantizer {
  const member = createMember(config.quantizer, random);
  if (member.numCodebooks !== 1 || member.sequence !== undefined) {
    member.dispose();
    throw new ConfigError(
      "quantizer.quantizer",
      `expected a quantizer with one code a position, got "${config.quantizer.kind}".`,
    );
  }
  return new MultiScaleQuantizer(config, member, random);
}

function facts(config: MultiScaleConfig): QuantizerFacts | null {
  const own = quantizerFacts(config.quantizer);
  if (own === null) return null;
  const { scales, phiRatio } = config;
  const phis = phiRatio === 0 ? 0 : phisOf(config);
  const isTaught = phis > 0 || own.learning === "chosen" || own.learning === "all";
  const given = Object.fromEntries(own.losses.map(({ name, weight }) => [name, weight]));
  const { codebook, commitment = 0 } = lossWeightsOf(given, isTaught);
  const taught = phis === 0 ? "the codes" : "the codes and the layers behind the scales";
  return {
    codebookSize: own.codebookSize,
    scales,
    numbers: own.numbers + phis * phiNumbers(config.quantizer),
    hasLayers: phis > 0,
    codebook: `${scales.length} scales of ${scales.join(", ")} positions a side, each of what the smaller ones left; one codebook for all. ${own.codebook}${dropoutSentence(config.quantizerDropout, "scales")}`,
    gradient: "Straight-through: the gradient at the sum of all scales is copied to the latent unchanged.",
    losses: [
      ...(codebook === undefined
        ? []
        : [
            {
              name: "codebook",
              weight: codebook,
              formula: "mean over scales of mean (sg[z] − f̂_s)², f̂_s the sum up to a scale",
              moves: taught,
              leaves: "encoder and decoder",
            },
          ]),
      {
        name: "commitment",
        symbol: "β",
        weight: commitment,
        formula: "mean over scales of mean (z − sg[f̂_s])²",
        moves: "the encoder",
        leaves: "codebook and decoder",
      },
    ],
    learning: own.learning,
    learnsFromReconstruction: false,
    comparesLengths: false,
  };
}

/** 9·D² + D. */
function phiNumbers(quantizer: QuantizerConfig): number {
  const { codeDim, levels } = quantizer as { codeDim?: number; levels?: readonly number[] };
  const dim = codeDim ?? levels?.length ?? 0;
  return 9 * dim ** 2 + dim;
}

/** Multi-scale residual quantization. */
export const multiScale: QuantizerDefinition<MultiScaleConfig> = {
  kind: "multi-scale",
  summary:
    "A sequence of codes: square grids from 1x1 to the latent grid, each of what the smaller ones left",
  paper: {
    title: "Visual Autoregressive Modeling: Scalable Image Generation via Next-Scale Prediction",
    arxiv: "2404.02905",
  },
  get options() {
    return describeOptions(schema);
  },
  parse,
  create,
  facts,
};
