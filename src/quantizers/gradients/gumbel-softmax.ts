/**
 * Gumbel-softmax: in training a code is drawn by the probability that its score gives it, and the gradient is that of the
 * soft draw.
 *
 * Jang et al. 2016, https://arxiv.org/abs/1611.01144; for images Ramesh et al. 2021, https://arxiv.org/abs/2102.12092.
 * Scores are those that the codebook is searched by (z·e, or −‖z − e‖²); with u from U(0, 1) for each latent and code and
 * n = −ln(−ln u), the code of the largest score + n is chosen, and the gradient is that of softmax((score + n)/τ)·E. τ
 * falls from `gumbelStart` to `gumbelEnd` by equal factors over `gumbelSteps` steps. In evaluation the nearest code is
 * chosen, and the gradient is that without noise, at τ = `gumbelEnd`.
 */
import { z } from "zod";
import type { Scalar, Tensor, Tensor2D } from "../../tf/index.js";
import { tf } from "../tfjs.js";
import { throughAllCodes } from "./all-codes-softmax.js";
import { drawnCodes, gumbelOf, uniformDraws } from "./drawn-codes.js";
import { estimatorPart } from "./estimator.js";

export const gumbelSoftmaxEstimator = estimatorPart({
  name: "gumbel-softmax",
  summary: "codes drawn by their scores in training; the gradient of the soft draw, to latents and all codes",
  paper: { title: "Categorical Reparameterization with Gumbel-Softmax", arxiv: "1611.01144" },
  options: {
    gumbelStart: z.number().gt(0).default(1).describe("temperature of the soft draw at first (tau)"),
    gumbelEnd: z.number().gt(0).default(0.0625).describe("temperature of the soft draw in the end"),
    gumbelSteps: z.int().min(1).default(10_000).describe("steps until then"),
  },
  teachesCodes: true,
  needsTable: true,
  card: ({ gumbelStart, gumbelEnd }) =>
    `Gumbel-softmax: in training codes are drawn by their scores; the gradient of the soft draw, of a temperature from ${gumbelStart} to ${gumbelEnd}, goes to the latent and to every code.`,
  draw: ({ gumbelStart, gumbelEnd, gumbelSteps }, { step, latents, codebookSize, random }) => {
    const temperature = gumbelStart * (gumbelEnd / gumbelStart) ** Math.min(1, step / gumbelSteps);
    return { uniform: uniformDraws(latents, codebookSize, random), sharpness: tf.scalar(1 / temperature) };
  },
  choose: (_, latents, context) => drawnCodes(latents, context),
  create:
    ({ gumbelEnd }) =>
    (latents, codes, context) => {
      if (context === undefined) throw new TypeError("gumbel-softmax: expected the table of codes");
      const { training, table, indices, similarity } = context;
      if (training === undefined) {
        const sharpness = tf.scalar(1 / gumbelEnd);
        return throughAllCodes(latents, codes, { table, indices, similarity, sharpness });
      }
      const sharpness = training.sharpness as Scalar;
      const noise = tf.mul(gumbelOf(training.uniform as Tensor), sharpness) as Tensor2D;
      return throughAllCodes(latents, codes, { table, indices, similarity, sharpness, noise });
    },
  variants: {},
});
