import type { GradSaveFunc, Tensor, Tensor2D } from "@tensorflow/tfjs";
import { tf } from "../tfjs.js";

/**
 * How the gradient at the chosen codes reaches the latents they replaced.
 *
 * Takes latents [M, D] and their codes [M, D]; returns a tensor that *is* the codes by value, bit for bit, and whose
 * gradient to the latents is the estimator's. No gradient goes to the codes: these learn from their own losses.
 */
export type GradientEstimator = (latents: Tensor2D, codes: Tensor2D) => Tensor2D;

/** Arguments of `backward`: the gradient at the output, and the two inputs. All of one shape. */
export interface BackwardArguments<T extends Tensor> {
  readonly gradient: T;
  readonly latents: T;
  readonly codes: T;
}

/**
 * The one operator behind every estimator: forward returns `codes`, backward sends `backward(…)` to `latents`.
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
