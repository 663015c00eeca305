/** A vector as long as the quantization error, in a direction that is held fixed, in the place of the error. */
import type { GradSaveFunc, Tensor, Tensor2D } from "../../tf/index.js";
import { tf } from "../tfjs.js";
import { unitRows } from "../unit-rows.js";
import type { EstimatorDraw } from "./estimator.js";
import { withoutGradient } from "./stop-gradient.js";

/** The directions of rows, constants of the backward pass; one shorter than 1e-6 has less than a whole one. [M, D] */
export function directions(rows: Tensor): Tensor2D {
  return withoutGradient(() => unitRows(rows as Tensor2D));
}

export interface Substitution {
  /** z, [M, D] */
  readonly latents: Tensor2D;
  /** q, [M, D] */
  readonly codes: Tensor2D;
  /** d, [M, D], rows of length 1. */
  readonly direction: Tensor2D;
}

/**
 * z + ‖q − z‖·sg[d].
 *
 * With e = (q − z)/‖q − z‖ the gradient g at the output gives e(d·g) to the code and g − e(d·g) to the latent. Where
 * q = z there is no e, and all of g goes to the latent.
 */
export function substitute({ latents, codes, direction }: Substitution): Tensor2D {
  const length = tf.sqrt(tf.sum(tf.square(tf.sub(codes, latents)), 1, true)); // [M, 1]
  const value = withoutGradient(() => tf.add(latents, tf.mul(length, direction)) as Tensor2D);
  return split({ latents, codes, direction, value });
}

/** d = e, so that the value is q itself, and not q after two roundings. */
export function alongError(latents: Tensor2D, codes: Tensor2D): Tensor2D {
  const direction = directions(tf.sub(codes, latents));
  return split({ latents, codes, direction, value: codes });
}

function split({ latents, codes, direction, value }: Substitution & { readonly value: Tensor2D }): Tensor2D {
  const operator = tf.customGrad<Tensor2D>((z, q, save) => {
    (save as GradSaveFunc)([z as Tensor2D, q as Tensor2D, direction]);
    return {
      value: value.clone(),
      gradFunc: (gradient, saved) => {
        const [from, to, fixed] = saved as [Tensor2D, Tensor2D, Tensor2D];
        const along = tf.sum(tf.mul(fixed, gradient), 1, true); // [M, 1]
        const toCode = tf.mul(directions(tf.sub(to, from)), along) as Tensor2D;
        return [tf.sub(gradient, toCode), toCode];
      },
    };
  });
  return operator(latents, codes);
}

/** N(0, 1) for each number of each latent, [M, D]. */
export function normalNoise({ latents, codeDim, random }: EstimatorDraw): Tensor2D {
  const values = random.fill(latents * codeDim, (r) => r.normal());
  return tf.tensor2d(values, [latents, codeDim]);
}
