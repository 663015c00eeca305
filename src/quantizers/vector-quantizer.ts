/**
 * Vector quantizers: a codebook × a gradient estimator.
 *
 * In code: z is `latents`, q is `chosen`, β is `commitmentWeight`. Shapes: latents [N, H, W, D] are flattened to
 * [M, D], M = N·H·W, each row is replaced by its nearest code, and the grid is restored. For example 8 images with a
 * 16×12 grid of 64 numbers: [8, 16, 12, 64] → [1536, 64] → quantized [8, 16, 12, 64], indices [8, 16, 12, 1].
 */

import { ShapeError } from "../core/errors.js";
import type { Random } from "../core/random.js";
import type { Scalar, Tensor, Tensor1D, Tensor2D, Tensor4D, Variable } from "../tf/index.js";
import { readCodeTable } from "./code-table.js";
import type { Codebook } from "./codebooks/codebook.js";
import { DeadCodes, replacementOf } from "./codebooks/dead-codes.js";
import type { Placement } from "./codebooks/placement.js";
import { type RegularizationOptions, regularization, regularizationOf } from "./codebooks/regularization.js";
import { codebookNamed, estimatorNamed, gradientEstimators } from "./family/parts.js";
import type {
  ContextEstimator,
  EstimatorContext,
  EstimatorPart,
  GradientEstimator,
} from "./gradients/estimator.js";
import { stopGradient } from "./gradients/stop-gradient.js";
import { kMeans, sampleDistinctRows } from "./kmeans.js";
import { nearestCode } from "./nearest-code.js";
import type { OnnxQuantizer } from "./onnx/onnx-quantizer.js";
import { tableLookup } from "./onnx/table-lookup.js";
import { optionsOf } from "./part.js";
import type {
  CodeReplacement,
  InitializationOptions,
  KeptCodes,
  Quantizer,
  QuantizerLossName,
  QuantizerOutput,
  TrainingDraw,
  TrainingInputs,
} from "./quantizer.js";
import { parseQuantizerConfig } from "./registry.js";
import { checkIndices, checkLatents } from "./shapes.js";
import { tf } from "./tfjs.js";
import type { Initialization, VectorQuantizerConfig } from "./vector-config.js";
import { vectorFacts } from "./vector-facts.js";

/** k-means wants this many latents for each code. */
const LATENTS_PER_CLUSTER = 4;

/** Every point of the grid codebook × gradient estimator. */
export class VectorQuantizer implements Quantizer {
  readonly config: VectorQuantizerConfig;
  readonly codebookSize: number;
  readonly numCodebooks = 1;
  readonly codeDim: number;
  readonly lossWeights: Readonly<Record<QuantizerLossName, number>>;
  readonly latentsForInitialization: number;
  readonly repeatable = true;
  readonly estimators: Readonly<Record<string, GradientEstimator>>;
  readonly estimator?: GradientEstimator;
  readonly pruning = {
    keep: ([kept = []]: readonly (readonly number[])[]) => this.#keep(kept),
  };
  readonly trainingInputs?: NonNullable<Quantizer["trainingInputs"]>;
  readonly replacementInputs?: NonNullable<Quantizer["replacementInputs"]>;
  readonly replaceDeadCodes?: NonNullable<Quantizer["replaceDeadCodes"]>;
  readonly #random: Random;
  readonly #codebook: Codebook;
  readonly #deadCodes: DeadCodes | null;
  readonly #regularization: RegularizationOptions;
  readonly #part: EstimatorPart;
  readonly #estimate: ContextEstimator;

  constructor(config: VectorQuantizerConfig, random: Random) {
    this.config = config;
    this.codebookSize = config.codebookSize;
    this.codeDim = config.codeDim;
    this.lossWeights = Object.fromEntries(
      vectorFacts(config).losses.map(({ name, weight }) => [name, weight]),
    );
    this.latentsForInitialization = latentsWanted(config);
    this.#random = random;
    this.#codebook = createCodebook(config, random);
    this.#regularization = regularizationOf(config);
    const replacement = replacementOf(config);
    this.#deadCodes = replacement === null ? null : new DeadCodes(config.codebookSize, replacement);
    const deadCodes = this.#deadCodes;
    const part = estimatorNamed(config.gradient);
    this.#part = part;
    this.#estimate = part.create(optionsOf(part, config));
    if (part.draw === undefined && part.needsTable !== true) this.estimator = this.#estimate;
    if (part.draw !== undefined) this.trainingInputs = (draw) => this.#draw(draw);
    if (deadCodes !== null) {
      this.replacementInputs = (draw) => deadCodes.draw(draw);
      this.replaceDeadCodes = (latents, indices, training) =>
        this.#replace(deadCodes, { latents, indices, training });
    }
    this.estimators = placed(gradientEstimators, this.#codebook.placement);
  }

  quantize(latents: Tensor4D, training?: TrainingInputs): QuantizerOutput {
    checkLatents(latents, this.codeDim);
    const [n, h, w, d] = latents.shape;
    return tf.tidy(() => {
      const flat = this.#codebook.placement.apply(tf.reshape(latents, [n * h * w, d])); // [M, D]
      const codes = this.#codebook.codes(); // [K, D]
      const { similarity } = this.#codebook;
      const indices = this.#choose(flat, { table: codes, similarity, training }); // [M]
      const chosen: Tensor2D = tf.gather(codes, indices); // [M, D]
      const context = { table: codes, indices, similarity, training };
      const isNearest = training === undefined || this.#part.choose === undefined;
      const nearest = () => (isNearest ? indices : nearestCode(flat, codes, { similarity }));
      return {
        quantized: tf.reshape(this.#estimate(flat, chosen, context), [n, h, w, d]),
        indices: tf.reshape(indices, [n, h, w, 1]),
        losses: {
          ...this.#losses(flat, chosen),
          ...regularization(this.#regularization, { latents: flat, codes, similarity, nearest }),
        },
      };
    });
  }

  #choose(latents: Tensor2D, context: Omit<EstimatorContext, "indices">): Tensor1D {
    const { table, similarity, training } = context;
    const part = this.#part;
    if (training === undefined || part.choose === undefined)
      return nearestCode(latents, table, { similarity });
    return part.choose(optionsOf(part, this.config), latents, { ...context, training });
  }

  #draw(draw: TrainingDraw): Record<string, Tensor> {
    const { codebookSize, codeDim } = this;
    const latents = draw.grid.reduce((product, size) => product * size, 1);
    const options = optionsOf(this.#part, this.config);
    return this.#part.draw?.(options, { ...draw, latents, codebookSize, codeDim }) ?? {};
  }

  /** ‖sg(z) − q‖² and ‖z − sg(q)‖², means over elements. */
  #losses(latents: Tensor2D, chosen: Tensor2D): QuantizerOutput["losses"] {
    const commitment = meanSquaredDistance(latents, stopGradient(chosen));
    if (this.lossWeights.codebook === undefined) return { commitment };
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
    const { codeDim } = this;
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
    const placed = tf.tidy(() => this.#codebook.placement.apply(latents).clone());
    try {
      this.#codebook.setCodes(await this.#codesFrom(placed, control));
    } finally {
      placed.dispose();
    }
  }

  /** @param latents [M, D] @returns centres or samples of them, [K, D] row by row */
  async #codesFrom(latents: Tensor2D, control: InitializationOptions): Promise<Float32Array> {
    const { codebookSize, codeDim } = this;
    const random = this.#random;
    if (this.config.initialization === "kmeans") {
      return kMeans(latents, { clusters: codebookSize, random }, control);
    }
    const rows = (await latents.data()) as Float32Array;
    return sampleDistinctRows(rows, { dim: codeDim, count: codebookSize, random });
  }

  updateCodebook(latents: Tensor4D, indices: Tensor4D): void {
    checkLatents(latents, this.codeDim);
    checkIndices(indices, this.numCodebooks);
    tf.tidy(() => this.#codebook.update(this.#placed(latents), tf.reshape(indices, [indices.size])));
  }

  #replace(
    deadCodes: DeadCodes,
    { latents, indices, training }: { latents: Tensor4D; indices: Tensor4D; training: TrainingInputs },
  ): CodeReplacement {
    checkLatents(latents, this.codeDim);
    checkIndices(indices, this.numCodebooks);
    const flat: Tensor1D = tf.reshape(indices, [indices.size]); // [M]
    return deadCodes.replace(this.#codebook, { latents: this.#placed(latents), indices: flat, training });
  }

  /** Latents where they are compared with codes, [M, D]. */
  #placed(latents: Tensor4D): Tensor2D {
    return this.#codebook.placement.apply(tf.reshape(latents, [-1, this.codeDim]));
  }

  async onnx(): Promise<OnnxQuantizer> {
    const { similarity, placement } = this.#codebook;
    return tableLookup(await readCodeTable(this, similarity), placement);
  }

  async #keep(kept: readonly number[]): Promise<KeptCodes> {
    const { codebook, state } = await this.#codebook.keep(kept);
    const [before, after] = [codebookNamed(this.config.codebook), codebookNamed(codebook)];
    const isRead = (option: string) => !(option in before.options) || option in after.options;
    // A table that is smaller than the one that was trained replaces nothing: what it would need is not kept.
    const options = Object.entries(this.config)
      .filter(([option]) => isRead(option))
      .map(([option, value]) => (option === "replaceBelow" ? [option, 0] : [option, value]));
    const config = { ...Object.fromEntries(options), codebook, codebookSize: kept.length };
    return { config: parseQuantizerConfig(config), state };
  }

  variables(): ReadonlyMap<string, Variable> {
    return new Map([...this.#codebook.variables(), ...(this.#deadCodes?.variables() ?? [])]);
  }

  dispose(): void {
    this.#codebook.dispose();
    this.#deadCodes?.dispose();
  }
}

function meanSquaredDistance(a: Tensor, b: Tensor): Scalar {
  return tf.mean(tf.square(tf.sub(a, b)));
}

function latentsWanted({ initialization, codebookSize }: VectorQuantizerConfig): number {
  if (initialization === "kmeans") return LATENTS_PER_CLUSTER * codebookSize;
  return initialization === "data" ? codebookSize : 0;
}

/** Estimators of the latents where the codebook puts them: beside their codes. */
function placed(
  estimators: Readonly<Record<string, GradientEstimator>>,
  placement: Placement,
): Readonly<Record<string, GradientEstimator>> {
  const entries = Object.entries(estimators).map(([name, estimate]): [string, GradientEstimator] => [
    name,
    (latents, codes) => estimate(placement.apply(latents), codes),
  ]);
  return Object.fromEntries(entries);
}

function createCodebook(config: VectorQuantizerConfig, random: Random): Codebook {
  const { codebookSize, codeDim } = config;
  const part = codebookNamed(config.codebook);
  const start = { codebookSize, codeDim, codes: initialCodes(config, random) };
  return part.create(start, optionsOf(part, config), random);
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
