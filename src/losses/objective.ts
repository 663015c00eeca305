import type { QuantizerOutput } from "../quantizers/index.js";
import type { Scalar, Tensor, Tensor4D, Variable } from "../tf/index.js";

/** Something with weights of its own that an objective needs: a discriminator, say. */
export interface Module {
  /**
   * Letters and digits, the first a small letter; unique in a run. With it stand the weights in checkpoints and messages:
   * `critic/conv/kernel`.
   */
  readonly name: string;
  /**
   * All state by name, without the module's; a checkpoint keeps it. What never changes and can be had again (the weights
   * of a pretrained network) is none.
   */
  variables(): ReadonlyMap<string, Variable>;
  /** Frees the state. */
  dispose(): void;
}

/** What the model made of a batch. N images H×W, f the downsampling factor, D the code dimension. */
export interface ModelPass {
  /** [N, H, W, 3] in -1..1. */
  readonly pixels: Tensor4D;
  /** [N, H, W, 3], about -1..1; not clamped. */
  readonly reconstruction: Tensor4D;
  /** [N, H/f, W/f, D], not yet quantized. */
  readonly latents: Tensor4D;
  readonly quantization: QuantizerOutput;
  /** The kernel of the decoder's last convolution: where adaptive weights compare gradients. */
  readonly lastKernel: Variable;
}

/** One weighted loss. */
export interface ObjectiveTerm {
  /** Unique in a run. Records have the term `hinge` as `hingeLoss`, and times its weight as `weightedHingeLoss`. */
  readonly name: string;
  /** A mean over whatever it is a loss of, before the weight. */
  readonly value: Scalar;
  /** A scalar where it changes from step to step; 0: computed and recorded, but not minimised. */
  readonly weight: number | Scalar;
}

/** What a variable becomes that learns without a gradient: a running mean, say. */
export interface StateUpdate {
  readonly variable: Variable;
  readonly value: Tensor;
}

/** What an objective says of one pass. */
export interface ObjectiveValue {
  /** What is minimised is their weighted sum. */
  readonly terms: readonly ObjectiveTerm[];
  /** What is to be recorded besides, by the full name that records have. */
  readonly figures: Readonly<Record<string, Scalar>>;
  /** Of its modules' variables that are not trained: assigned after the phase's own update. Default none. */
  readonly updates?: readonly StateUpdate[];
  /** What is minimised, where its gradient is not to be taken from the terms; by default their weighted sum. */
  readonly total?: Scalar;
}

/**
 * Something to be minimised. It names its terms and owns its networks; training, checkpoints, non-finite guards, records
 * and curves follow by these names.
 */
export interface Objective {
  /** Letters and digits, the first a small letter; unique in a run. */
  readonly name: string;
  /** What it has besides the model; belongs to the objective. */
  readonly modules: readonly Module[];
  /**
   * True when `evaluate` makes the same tensor operations at every call, and all that changes from call to call is in the
   * pass, in `inputs` and in variables: the engine then records a training step once and repeats it.
   */
  readonly repeatable: boolean;
  /**
   * Says of terms that depend on the model through `reconstruction` alone how they are weighed where others of a phase
   * are balanced: "plain" ones by their weights; a "balanced" one by its weight times the ratio of gradients that
   * `balancedTerms` has.
   */
  readonly images?: "plain" | "balanced";
  /**
   * What changes with the step alone, as numbers by name: the weight of a term that rises, say. `evaluate` gets them as
   * scalars. Steps may have other names than others, and `evaluate` may then do something else: a term that begins at
   * some step is left out where its input is. Called once a step (with accumulation, once for each part of its batch).
   *
   * @param step 1 for the first of the run
   */
  inputs(step: number): Readonly<Record<string, number>>;
  /**
   * Called in a tidy scope, inside the gradient of the phase that minimises it. Changes no variable, reads no value.
   *
   * @returns at least one term, but for one that is part of what the model minimises
   */
  evaluate(pass: ModelPass, inputs: Readonly<Record<string, Scalar>>): ObjectiveValue;
}
