/**
 * DiVeQ: quantization adds a vector as long as the error, in a direction held fixed.
 *
 * Vali, Bäckström & Solin 2025, https://arxiv.org/abs/2509.26469. For latent z and code q of one row the output is
 * z + ‖q − z‖·sg[d]. With noise d = v/‖v‖, v = q − z + σ·ε and ε from N(0, I), drawn anew for each step; in evaluation,
 * and always in the paper's variant without noise ("DiVeQ-detach"), d = (q − z)/‖q − z‖ and the output equals q. In code:
 * σ² is `noiseVariance`.
 *
 * Both z and q stand in the length, so the gradient g at the output is split (`substitution.ts`), codes learn from the
 * reconstruction, and both losses of the quantizer have the weight 0 unless set.
 */
import { z } from "zod";
import { tf } from "../tfjs.js";
import { estimatorPart, type GradientEstimator } from "./estimator.js";
import { alongError, directions, normalNoise, substitute } from "./substitution.js";

const PAPER = {
  title: "DiVeQ: Differentiable Vector Quantization Using the Reparameterization Trick",
  arxiv: "2509.26469",
};

export const diveqDetach: GradientEstimator = alongError;

export const diveqDetachEstimator = estimatorPart({
  name: "diveq-detach",
  summary: "the gradient split between latent and code, along their difference and across it",
  paper: PAPER,
  options: {},
  defaults: { commitmentWeight: 0, codebookWeight: 0 },
  teachesCodes: true,
  card: () =>
    "DiVeQ without noise: the part of the gradient that points from the latent to its code goes to the code, the rest to the latent.",
  create: () => diveqDetach,
  variants: { "diveq-detach": {} },
});

export const diveqEstimator = estimatorPart({
  name: "diveq",
  summary:
    "in training a vector as long as the error, towards the code but for noise; its length teaches both",
  paper: PAPER,
  options: {
    noiseVariance: z
      .number()
      .min(0)
      .default(1e-3)
      .describe("variance of the noise that is added to the error before its direction is taken (sigma^2)"),
  },
  defaults: { commitmentWeight: 0, codebookWeight: 0 },
  teachesCodes: true,
  card: ({ noiseVariance }) =>
    `DiVeQ: in training the latent plus a vector as long as the error, towards the code but for noise of variance ${noiseVariance}; the gradient along it goes to the code through the length, the rest to the latent.`,
  draw: (_, draw) => ({ noise: normalNoise(draw) }),
  create:
    ({ noiseVariance }) =>
    (latents, codes, context) => {
      const noise = context?.training?.noise;
      if (noise === undefined) return alongError(latents, codes);
      const error = tf.sub(codes, latents);
      const direction = directions(tf.add(error, tf.mul(noise, Math.sqrt(noiseVariance))));
      return substitute({ latents, codes, direction });
    },
  variants: {},
});
