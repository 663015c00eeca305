import type { GradSaveFunc, Tensor, Tensor1D, Tensor2D } from "../../tf/index.js";
import type { Similarity } from "../nearest-code.js";
import type { OptionValues, Part, PartOptions } from "../part.js";
import { tf } from "../tfjs.js";
import type { TrainingDraw, TrainingInputs } from "../training-draw.js";

/**
 * How the gradient at the chosen codes reaches the latents they replaced.
 *
 * Takes latents [M, D] and their codes [M, D]; returns a tensor that *is* the codes by value, bit for bit, and whose
 * gradient to the latents is the estimator's. No gradient goes to the codes, which learn from their own losses, unless
 * the estimator `teachesCodes`.
 */
export type GradientEstimator = (latents: Tensor2D, codes: Tensor2D) => Tensor2D;

/** What else of a step an estimator may need. */
export interface EstimatorContext {
  /** The whole table, [K, D]; differentiable. */
  readonly table: Tensor2D;
  /** Of the codes in the table, [M] int32. */
  readonly indices: Tensor1D;
  readonly similarity: Similarity;
  /** What the part's `draw` made for the step; undefined in evaluation. */
  readonly training: TrainingInputs | undefined;
}

/**
 * An estimator that looks at more than latents and their codes. In training its value may be something near the codes;
 * in evaluation it is the codes.
 */
export type ContextEstimator = (latents: Tensor2D, codes: Tensor2D, context?: EstimatorContext) => Tensor2D;

/** What a step draws for an estimator. */
export interface EstimatorDraw extends TrainingDraw {
  /** M. */
  readonly latents: number;
  /** K. */
  readonly codebookSize: number;
  /** D. */
  readonly codeDim: number;
}

/** Arguments of `backward`: the gradient at the output, and the two inputs. All of one shape. */
export interface BackwardArguments<T extends Tensor> {
  readonly gradient: T;
  readonly latents: T;
  readonly codes: T;
}

/**
 * The operator behind every estimator that teaches no codes: forward returns `codes`, backward sends `backward(…)` to
 * `latents`.
 *
 * The codes are closed over and are not an input, so that the backward pass has no zeros to carry to them.
 */
export function replaceByCodes<T extends Tensor>(
  latents: T,
  codes: T,
  backward: (saved: BackwardArguments<T>) => T,
): T {
  const operator = tf.customGrad<T>((x, save) => {
    (save as GradSaveFunc)([x as T, codes]);
    return {
      value: codes.clone(),
      gradFunc: (gradient, saved) => backward({ gradient, latents: saved[0] as T, codes: saved[1] as T }),
    };
  });
  return operator(latents);
}

/**
 * One gradient estimator, as it describes itself. To add one: a file like straight-through.ts, and a line in
 * family/parts.ts.
 */
export interface EstimatorPart<N extends string = string, S extends PartOptions = PartOptions>
  extends Part<N, S> {
  /** Whether a part of the gradient goes to the codes, so that the reconstruction loss moves them too. */
  readonly teachesCodes: boolean;

  /** One sentence for the loss card: how the gradient passes. */
  card(options: OptionValues<S>): string;

  create(options: OptionValues<S>): ContextEstimator;

  /** Noise and scalars of a step, by names of its own. Leave it out where training computes what evaluation does. */
  draw?(options: OptionValues<S>, draw: EstimatorDraw): Record<string, Tensor>;

  /**
   * Which codes are chosen in training, where these are not the nearest.
   *
   * @returns [M] int32
   */
  choose?(
    options: OptionValues<S>,
    latents: Tensor2D,
    context: Omit<EstimatorContext, "indices"> & { readonly training: TrainingInputs },
  ): Tensor1D;

  /** Whether it reads the table, so that it cannot stand on the sum of several codes. */
  readonly needsTable?: true;

  /** The settings worth comparing with other estimators, by the name that each has there: none of one with a context. */
  readonly variants: Readonly<Record<string, OptionValues<S>>>;
}

/** Keeps the names and options of a part as types. */
export function estimatorPart<const N extends string, S extends PartOptions>(
  part: EstimatorPart<N, S>,
): EstimatorPart<N, S> {
  return part;
}
