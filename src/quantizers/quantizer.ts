import type * as tf from "../tf/index.js";
import type { GradientEstimator } from "./gradients/estimator.js";
import type { OnnxQuantizer } from "./onnx/onnx-quantizer.js";
import type { TrainingDraw, TrainingInputs } from "./training-draw.js";

export type { TrainingDraw, TrainingInputs } from "./training-draw.js";

/**
 * The name of an auxiliary loss: letters and digits, the first a small letter. `codebook` is ‖sg z − q‖² and teaches
 * the codes, `commitment` is ‖z − sg q‖² and teaches the encoder; any other name is the quantizer's own. Records have
 * the loss `orthogonal` as `orthogonalLoss`, and times its weight as `weightedOrthogonalLoss`.
 */
export type QuantizerLossName = string;

/**
 * What one call of `quantize` returns. N batch, H×W latent grid, D code dimension, Q codebooks.
 *
 * A type and not an interface, so that `tf.tidy` and `tf.dispose` take it whole.
 */
export type QuantizerOutput = {
  /** [N, H, W, D]: the chosen codes by value; its gradient to the latents is the estimator's. */
  readonly quantized: tf.Tensor4D;
  /** [N, H, W, Q] int32, each in 0..K-1; of a sequence [N, 1, L, Q]. */
  readonly indices: tf.Tensor4D;
  /** Unweighted auxiliary losses, each a mean over elements. Absent where the method has none. */
  readonly losses: Readonly<Record<QuantizerLossName, tf.Scalar>>;
};

/** Codes that were replaced in a step. */
export type CodeReplacement = {
  /** 1 for each that was, 0 for the others, in the order of their indices: [Q, K]. */
  readonly codes: tf.Tensor2D;
  /** By the name of a variable, 1 for each of its rows that is new, 0 for the others: [rows]. */
  readonly rows: ReadonlyMap<string, tf.Tensor1D>;
};

/** How the codes of a picture lie that are no grid: square grids of several scales, one behind the other. */
export interface CodeSequence {
  /** Side of the latent grid, which is square: latents are [N, side, side, D]. */
  readonly side: number;
  /** Sides of the scales in their order; their squares add up to L, the codes of a picture. */
  readonly scales: readonly number[];
}

/** The resolved options of a quantizer. JSON: saved whole, and enough to build the quantizer again. */
export interface QuantizerConfig {
  /** The registered name, e.g. "vq". */
  readonly kind: string;
  readonly [option: string]: unknown;
}

/** How far the setting of a codebook from data is. */
export interface InitializationProgress {
  /** Latents assigned to a code, counted once for each round. */
  readonly done: number;
  /** At most; it may be over sooner. */
  readonly total: number;
}

export interface InitializationOptions {
  /** Ends it: `initialize` then rejects with the signal's reason, and the codebook is as it was. */
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: InitializationProgress) => void) | undefined;
}

/** The values of a variable. */
export interface StateValue {
  readonly shape: readonly number[];
  /** Row by row. */
  readonly data: Float32Array;
}

/** Some of a quantizer's codes: what builds a quantizer of them, and its state by name, as `variables()` has it. */
export interface KeptCodes {
  readonly config: QuantizerConfig;
  readonly state: ReadonlyMap<string, StateValue>;
}

/** How codes are taken out of a quantizer, or why none can be. */
export type Pruning =
  | {
      /**
       * @param kept of each codebook the codes that stay, ascending and equally many of each; the new codes equal these
       * bit for bit, in that order
       */
      readonly keep: (kept: readonly (readonly number[])[]) => Promise<KeptCodes>;
    }
  | {
      /** Goes on from `expected a quantizer with a table of codes, got "fsq", `. */
      readonly refusal: string;
    };

/**
 * Maps latents to the nearest entries of a discrete set, and back.
 *
 * K = `codebookSize` (codes per codebook), Q = `numCodebooks`, D = `codeDim`. Latents are [N, H, W, D] for any N, H, W.
 */
export interface Quantizer {
  /** Every option with its default written out; `createQuantizer(config, seed)` builds an equal quantizer. */
  readonly config: QuantizerConfig;
  readonly codebookSize: number;
  readonly numCodebooks: number;
  readonly codeDim: number;
  /**
   * Where the codes of a picture are a sequence and no grid: indices are [N, 1, L, Q] in the place of [N, H, W, Q], and
   * latents have one size.
   */
  readonly sequence?: CodeSequence;
  /** The weight of each auxiliary loss in the training loss; 0: computed and recorded, but not minimised. */
  readonly lossWeights: Readonly<Record<QuantizerLossName, number>>;
  /** How many latent vectors `initialize` wants to see before the first step; 0 when it needs none. */
  readonly latentsForInitialization: number;
  /**
   * True when `quantize` and `updateCodebook` make the same tensor operations at every call, and all that changes from
   * call to call is in `variables`: the engine then records a training step once and repeats it. Leave it out where an
   * operation depends on a counter, on chance or on values read; every step is recorded then. Training looks now and
   * then (after 16 steps, 32, and then every 256) whether it still holds, and ends with an error where it does not. A
   * tokenizer does the same with its passes.
   */
  readonly repeatable?: boolean;

  /**
   * Its own gradient estimator, where the gradient follows from latents and codes alone: a quantizer that is made of
   * several has it on the sum of their codes. Without it that one passes the gradient straight through.
   */
  readonly estimator?: GradientEstimator;

  /**
   * The gradient estimators that could stand in the place of its own, by name, for `inspectGradients`. Leave it out
   * where latents and codes lie in different spaces: only straight-through stands beside its own then.
   */
  readonly estimators?: Readonly<Record<string, GradientEstimator>>;

  /**
   * Every code of one codebook, [K, D'] in the order of their indices: what it gives to the sum of several (D' = D), or
   * to some of the channels (D' < D). For a quantizer with several codebooks; without it theirs are not shown one by
   * one. Call inside `tf.tidy`.
   */
  codesOf?(codebook: number): tf.Tensor2D;

  /** What pruning does with it; without this it is refused. */
  readonly pruning?: Pruning;

  /**
   * How it is written as ONNX, with what it has learned by now. Without it `exportOnnx` refuses, unless
   * `registerOnnxExport` says how. What is written has to find the same indices as `quantize`.
   */
  onnx?(): Promise<OnnxQuantizer>;

  /**
   * Assigns each latent to a code. Pure: changes no variable.
   *
   * Without `training`, `quantized` is the codes of `indices` by value, and equal calls give equal bytes. With it, both
   * may depend on what was drawn, and `quantized` may be something near the codes.
   *
   * @param latents [N, H, W, D]
   * @param training what `trainingInputs` drew; only in training
   * @throws ShapeError when the last dimension is not D or the rank is not 4
   */
  quantize(latents: tf.Tensor4D, training?: TrainingInputs): QuantizerOutput;

  /**
   * Looks indices up. Equals `quantized` by value, bit for bit, for the indices that `quantize` returned.
   *
   * @param indices [N, H, W, Q] int32
   * @returns [N, H, W, D]
   */
  indicesToCodes(indices: tf.Tensor4D): tf.Tensor4D;

  /**
   * Sets the codebook from data (k-means, or sampled latents), once, before the first training step.
   *
   * @param latents [M, D], M >= `latentsForInitialization`. Resolves at once when that is 0.
   * @param options for what takes long; a quantizer that is done at once need not read them
   */
  initialize(latents: tf.Tensor2D, options?: InitializationOptions): Promise<void>;

  /**
   * The codebook's own learning after a training step (EMA, revival); a no-op for codebooks that learn by gradient.
   * Never called in evaluation.
   *
   * @param latents [N, H, W, D], the latents of the step
   * @param indices [N, H, W, Q], what `quantize` returned for them
   */
  updateCodebook(latents: tf.Tensor4D, indices: tf.Tensor4D): void;

  /**
   * What training is to draw for each step: noise, scalars that depend on the step. The tensors are the caller's, and
   * have the same names, shapes and types at every step of one grid: a recorded step takes them as inputs. Leave it out
   * where training computes what evaluation does.
   */
  trainingInputs?(draw: TrainingDraw): Record<string, tf.Tensor>;

  /**
   * What `replaceDeadCodes` alone is to draw for each step; otherwise as `trainingInputs`, behind which it draws from the
   * same stream. A quantizer that draws nothing else can be a part of a quantizer of several.
   */
  replacementInputs?(draw: TrainingDraw): Record<string, tf.Tensor>;

  /**
   * Puts codes that are out of use somewhere else, in training, behind `updateCodebook`. The trainer forgets what it
   * keeps of the rows: moments of optimizers, averages of weights. Leave it out where no code is ever replaced.
   *
   * @param latents as for `updateCodebook`
   * @param indices as for `updateCodebook`
   * @param training what `trainingInputs` and `replacementInputs` drew
   */
  replaceDeadCodes?(latents: tf.Tensor4D, indices: tf.Tensor4D, training: TrainingInputs): CodeReplacement;

  /** All state by name (no prefix), trainable or not; what a checkpoint keeps. */
  variables(): ReadonlyMap<string, tf.Variable>;

  dispose(): void;
}
