/**
 * Index backpropagation: the nearest code, with the gradient of a softmax over all codes.
 *
 * Shi et al. 2024 (IBQ), https://arxiv.org/abs/2412.02692, equations 4 and 5. The output is q; its gradient is that of
 * P·E with P the softmax of the scores that the codebook is searched by: z·e (codebook "inner-product", as in the paper),
 * −‖z − e‖², or 2 cos(z, e) on the unit sphere, over τ. Every code gets a gradient at each step. In code: τ is
 * `softmaxTemperature`.
 */
import { z } from "zod";
import { tf } from "../tfjs.js";
import { throughAllCodes } from "./all-codes-softmax.js";
import { estimatorPart } from "./estimator.js";

export const softmaxEstimator = estimatorPart({
  name: "softmax",
  summary: "the gradient of a soft choice among all codes, to the latent and to every code",
  paper: {
    title: "Scalable Image Tokenization with Index Backpropagation Quantization",
    arxiv: "2412.02692",
  },
  options: {
    softmaxTemperature: z
      .number()
      .gt(0)
      .default(1)
      .describe("temperature of the soft choice that gradients are of (tau)"),
  },
  teachesCodes: true,
  needsTable: true,
  card: ({ softmaxTemperature }) =>
    `Softmax: the gradient of a soft choice among all codes, of temperature ${softmaxTemperature}, goes to the latent and to every code; the gradient at the code goes to the code besides.`,
  create:
    ({ softmaxTemperature }) =>
    (latents, codes, context) => {
      if (context === undefined) throw new TypeError("softmax: expected the table of codes");
      return throughAllCodes(latents, codes, { ...context, sharpness: tf.scalar(1 / softmaxTemperature) });
    },
  variants: {},
});
