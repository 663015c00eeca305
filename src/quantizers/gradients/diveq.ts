/**
 * DiVeQ without its noise ("DiVeQ-detach"): quantization adds a vector as long as the error, in a direction held fixed.
 *
 * Vali, Bäckström & Solin 2025, https://arxiv.org/abs/2509.26469. For latent z and code q of one row, with
 * d = (q − z)/‖q − z‖ (`direction`), the output is z + ‖q − z‖·sg[d], which equals q. Both z and q stand in the length,
 * so the gradient g at the output is split: its part along d goes to the code, d(d·g), and the rest to the latent,
 * g − d(d·g). Codes learn from the reconstruction, so both losses of the quantizer have the weight 0 unless set. Where
 * q = z there is no direction, and all of g goes to the latent.
 */
import type { GradSaveFunc, Tensor2D } from "../../tf/index.js";
import { tf } from "../tfjs.js";
import { estimatorPart, type GradientEstimator } from "./estimator.js";

/** Errors shorter than this have no direction; as in the paper's code. */
const SHORTEST = 1e-12;

export const diveqDetach: GradientEstimator = (latents, codes) => {
  const operator = tf.customGrad<Tensor2D>((z, q, save) => {
    (save as GradSaveFunc)([z as Tensor2D, q as Tensor2D]);
    return {
      value: (q as Tensor2D).clone(),
      gradFunc: (gradient, saved) => {
        const error = tf.sub(saved[1] as Tensor2D, saved[0] as Tensor2D);
        const length = tf.sqrt(tf.sum(tf.square(error), 1, true)); // [M, 1]
        const direction = tf.div(error, tf.maximum(length, SHORTEST));
        const along = tf.mul(direction, tf.sum(tf.mul(direction, gradient), 1, true)) as Tensor2D;
        return [tf.sub(gradient, along), along];
      },
    };
  });
  return operator(latents, codes);
};

export const diveqDetachEstimator = estimatorPart({
  name: "diveq-detach",
  summary: "the gradient split between latent and code, along their difference and across it",
  paper: {
    title: "DiVeQ: Differentiable Vector Quantization Using the Reparameterization Trick",
    arxiv: "2509.26469",
  },
  options: {},
  defaults: { commitmentWeight: 0, codebookWeight: 0 },
  teachesCodes: true,
  card: () =>
    "DiVeQ without noise: the part of the gradient that points from the latent to its code goes to the code, the rest to the latent.",
  create: () => diveqDetach,
  variants: { "diveq-detach": {} },
});
