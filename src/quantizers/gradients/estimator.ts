import type { GradSaveFunc, Tensor, Tensor2D } from "../../tf/index.js";
import type { OptionValues, Part, PartOptions } from "../part.js";
import { tf } from "../tfjs.js";

/**
 * How the gradient at the chosen codes reaches the latents they replaced.
 *
 * Takes latents [M, D] and their codes [M, D]; returns a tensor that *is* the codes by value, bit for bit, and whose
 * gradient to the latents is the estimator's. No gradient goes to the codes, which learn from their own losses, unless
 * the estimator `teachesCodes`.
 */
export type GradientEstimator = (latents: Tensor2D, codes: Tensor2D) => Tensor2D;

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

  create(options: OptionValues<S>): GradientEstimator;

  /** The settings worth comparing with other estimators, by the name that each has there. */
  readonly variants: Readonly<Record<string, OptionValues<S>>>;
}

/** Keeps the names and options of a part as types. */
export function estimatorPart<const N extends string, S extends PartOptions>(
  part: EstimatorPart<N, S>,
): EstimatorPart<N, S> {
  return part;
}
