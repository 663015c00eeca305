/**
 * Vector quantizers: a codebook × a gradient estimator.
 *
 * In code: z is `latents`, q is `chosen`, β is `commitmentWeight`. Shapes: latents [N, H, W, D] are flattened to
 * [M, D], M = N·H·W, each row is replaced by its nearest code, and the grid is restored. For example 8 images with a
 * 16×12 grid of 64 numbers: [8, 16, 12, 64] → [1536, 64] → quantized [8, 16, 12, 64], indices [8, 16, 12, 1].
 */
import type { Scalar, Tensor, Tensor2D, Tensor4D, Variable } from "@tensorflow/tfjs";
import { ShapeError } from "../core/errors.js";
import type { Random } from "../core/random.js";
import type { Codebook } from "./codebooks/codebook.js";
import { EmaCodebook } from "./codebooks/ema.js";
import { FreeCodebook } from "./codebooks/free.js";
import { LinearCodebook } from "./codebooks/linear.js";
import type { GradientEstimator } from "./gradients/estimator.js";
import { reflection, rotation } from "./gradients/rotation.js";
import { stopGradient } from "./gradients/stop-gradient.js";
import { straightThrough } from "./gradients/straight-through.js";
import { kMeans, sampleDistinctRows } from "./kmeans.js";
import { nearestCode } from "./nearest-code.js";
import type {
  InitializationOptions,
  Quantizer,
  QuantizerConfig,
  QuantizerLossName,
  QuantizerOutput,
} from "./quantizer.js";
import { checkIndices, checkLatents } from "./shapes.js";
import { tf } from "./tfjs.js";

/** free: a table that learns from the codebook loss. ema: running means. linear: a frozen table × a linear layer. */
export type CodebookName = "free" | "ema" | "linear";
export type GradientName = "straight-through" | "rotation" | "reflection";
/** uniform: U(−1/K, 1/K). normal: N(0, 1/D). kmeans, data: centres, or samples, of the first latents. */
export type Initialization = "uniform" | "normal" | "kmeans" | "data";

/** The resolved options of a vector quantizer; an option that the chosen parts do not read is absent. */
export interface VectorQuantizerConfig extends QuantizerConfig {
  readonly codebookSize: number;
  readonly codeDim: number;
  readonly codebook: CodebookName;
  readonly gradient: GradientName;
  readonly initialization: Initialization;
  /** β. */
  readonly commitmentWeight: number;
  /** With the codebooks "free" and "linear". */
  readonly codebookWeight?: number;
  /** γ, with the codebook "ema". */
  readonly emaDecay?: number;
  /** ε, with the codebook "ema". */
  readonly emaEpsilon?: number;
  /** With the codebook "linear". */
  readonly linearBias?: boolean;
  /** With the gradient "rotation". */
  readonly radialGradient?: boolean;
}

/** k-means wants this many latents for each code. */
const LATENTS_PER_CLUSTER = 4;

/** The kinds `vq`, `rotation` and `simvq`, and every other point of the same grid. */
export class VectorQuantizer implements Quantizer {
  readonly config: VectorQuantizerConfig;
  readonly codebookSize: number;
  readonly numCodebooks = 1;
  readonly codeDim: number;
  readonly lossWeights: Readonly<Record<QuantizerLossName, number>>;
  readonly latentsForInitialization: number;
  readonly repeatable = true;
  readonly #random: Random;
  readonly #codebook: Codebook;
  readonly #estimate: GradientEstimator;

  constructor(config: VectorQuantizerConfig, random: Random) {
    this.config = config;
    this.codebookSize = config.codebookSize;
    this.codeDim = config.codeDim;
    this.lossWeights = {
      codebook: config.codebookWeight ?? 0,
      commitment: config.commitmentWeight,
      entropy: 0,
    };
    this.latentsForInitialization = latentsWanted(config);
    this.#random = random;
    this.#codebook = createCodebook(config, random);
    this.#estimate = createEstimator(config);
  }

  quantize(latents: Tensor4D): QuantizerOutput {
    checkLatents(latents, this.codeDim);
    const [n, h, w, d] = latents.shape;
    return tf.tidy(() => {
      const flat: Tensor2D = tf.reshape(latents, [n * h * w, d]); // [M, D]
      const codes = this.#codebook.codes(); // [K, D]
      const nearest = nearestCode(flat, codes); // [M]
      const chosen: Tensor2D = tf.gather(codes, nearest); // [M, D]
      return {
        quantized: tf.reshape(this.#estimate(flat, chosen), [n, h, w, d]),
        indices: tf.reshape(nearest, [n, h, w, 1]),
        losses: this.#losses(flat, chosen),
      };
    });
  }

  /** ‖sg(z) − q‖² and ‖z − sg(q)‖², means over elements. */
  #losses(latents: Tensor2D, chosen: Tensor2D): QuantizerOutput["losses"] {
    const commitment = meanSquaredDistance(latents, stopGradient(chosen));
    if (!this.#codebook.learnsByGradient) return { commitment };
    return { commitment, codebook: meanSquaredDistance(stopGradient(latents), chosen) };
  }

  indicesToCodes(indices: Tensor4D): Tensor4D {
    checkIndices(indices, this.numCodebooks);
    const [n, h, w] = indices.shape;
    return tf.tidy(() => {
      // The same table as in `quantize`, whole: transforming only the rows asked for could round differently.
      const chosen = tf.gather(this.#codebook.codes(), tf.reshape(indices, [n * h * w])); // [M, D]
      return tf.reshape(chosen, [n, h, w, this.codeDim]);
    });
  }

  async initialize(latents: Tensor2D, control: InitializationOptions = {}): Promise<void> {
    if (this.latentsForInitialization === 0) return;
    const { codebookSize, codeDim } = this;
    if (
      latents.rank !== 2 ||
      latents.shape[0] < this.latentsForInitialization ||
      latents.shape[1] !== codeDim
    ) {
      throw new ShapeError(
        "latents for initialization",
        `[M,${codeDim}] with M >= ${this.latentsForInitialization}`,
        latents.shape,
      );
    }
    this.#codebook.setCodes(
      this.config.initialization === "kmeans"
        ? await kMeans(latents, { clusters: codebookSize, random: this.#random }, control)
        : sampleDistinctRows((await latents.data()) as Float32Array, {
            dim: codeDim,
            count: codebookSize,
            random: this.#random,
          }),
    );
  }

  updateCodebook(latents: Tensor4D, indices: Tensor4D): void {
    checkLatents(latents, this.codeDim);
    checkIndices(indices, this.numCodebooks);
    tf.tidy(() => {
      this.#codebook.update(
        tf.reshape(latents, [indices.size, this.codeDim]), // [M, D]
        tf.reshape(indices, [indices.size]), // [M]
      );
    });
  }

  variables(): ReadonlyMap<string, Variable> {
    return this.#codebook.variables();
  }

  dispose(): void {
    this.#codebook.dispose();
  }
}

function meanSquaredDistance(a: Tensor, b: Tensor): Scalar {
  return tf.mean(tf.square(tf.sub(a, b)));
}

function latentsWanted({ initialization, codebookSize }: VectorQuantizerConfig): number {
  if (initialization === "kmeans") return LATENTS_PER_CLUSTER * codebookSize;
  return initialization === "data" ? codebookSize : 0;
}

function createEstimator(config: VectorQuantizerConfig): GradientEstimator {
  switch (config.gradient) {
    case "straight-through":
      return straightThrough;
    case "rotation":
      return rotation({ radialGradient: config.radialGradient ?? true });
    case "reflection":
      return reflection;
    default:
      return config.gradient satisfies never;
  }
}

function createCodebook(config: VectorQuantizerConfig, random: Random): Codebook {
  const { codebookSize, codeDim } = config;
  const start = { codebookSize, codeDim, codes: initialCodes(config, random) };
  switch (config.codebook) {
    case "free":
      return new FreeCodebook(start);
    case "ema":
      return new EmaCodebook(start, { decay: config.emaDecay ?? 0.99, epsilon: config.emaEpsilon ?? 1e-5 });
    case "linear":
      return new LinearCodebook(start, { bias: config.linearBias ?? true, random });
    default:
      return config.codebook satisfies never;
  }
}

/** The table before the first step; "kmeans" and "data" start as "normal" until `initialize`. */
function initialCodes(
  { codebookSize, codeDim, initialization }: VectorQuantizerConfig,
  random: Random,
): Float32Array {
  const draws: Record<Initialization, (r: Random) => number> = {
    uniform: (r) => r.uniform(-1 / codebookSize, 1 / codebookSize),
    normal: (r) => r.normal() / Math.sqrt(codeDim),
    kmeans: (r) => r.normal() / Math.sqrt(codeDim),
    data: (r) => r.normal() / Math.sqrt(codeDim),
  };
  return random.fill(codebookSize * codeDim, draws[initialization]);
}
