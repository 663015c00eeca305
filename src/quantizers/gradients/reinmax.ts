/**
 * ReinMax: in training a code is drawn by the probability that its score gives it, and the gradient is a second-order
 * estimate, by Heun's method, of that of the expectation.
 *
 * Liu et al. 2023, https://arxiv.org/abs/2304.08612, algorithm 2. With θ the scores that the codebook is searched by (z·e,
 * or −‖z − e‖²), D the drawn code as a row of zeros and a one, π₀ = softmax(θ) and π₁ = (D + softmax(θ/τ))/2:
 * ∂/∂θ = 2·J(π₁)ᵀa − ½·J(π₀)ᵀa, with J(π)ᵀa = π ⊙ (a − Σ πa) and a = g·E. Its output is D·E, so the drawn code has g
 * besides. In evaluation D is the nearest code. In code: τ is `reinmaxTemperature`.
 */
import { z } from "zod";
import type { GradSaveFunc, Tensor, Tensor1D, Tensor2D } from "../../tf/index.js";
import type { Similarity } from "../nearest-code.js";
import { tf } from "../tfjs.js";
import { drawnCodes, scoresOf, uniformDraws } from "./drawn-codes.js";
import { estimatorPart } from "./estimator.js";

export const reinmaxEstimator = estimatorPart({
  name: "reinmax",
  summary: "codes drawn by their scores in training; a second-order gradient, to latents and all codes",
  paper: { title: "Bridging Discrete and Backpropagation: Straight-Through and Beyond", arxiv: "2304.08612" },
  options: {
    reinmaxTemperature: z
      .number()
      .gt(0)
      .default(1)
      .describe("temperature of the soft choice that is averaged with the drawn code (tau)"),
  },
  teachesCodes: true,
  needsTable: true,
  card: ({ reinmaxTemperature }) =>
    `ReinMax: in training codes are drawn by their scores; a second-order gradient, of temperature ${reinmaxTemperature}, goes to the latent and to every code.`,
  draw: (_, { latents, codebookSize, random }) => ({ uniform: uniformDraws(latents, codebookSize, random) }),
  choose: (_, latents, context) => drawnCodes(latents, context),
  create:
    ({ reinmaxTemperature: temperature }) =>
    (latents, codes, context) => {
      if (context === undefined) throw new TypeError("reinmax: expected the table of codes");
      const { table, indices, similarity } = context;
      const operator = tf.customGrad<Tensor2D>((from, e, save) => {
        (save as GradSaveFunc)([from as Tensor2D, e as Tensor2D, indices]);
        return {
          value: codes.clone(),
          gradFunc: (gradient, saved) => {
            const [z, all, chosen] = saved as unknown as [Tensor2D, Tensor2D, Tensor1D];
            return gradients({ gradient, latents: z, table: all, indices: chosen, similarity, temperature });
          },
        };
      });
      return operator(latents, table);
    },
  variants: {},
});

interface Step {
  readonly gradient: Tensor2D;
  readonly latents: Tensor2D;
  readonly table: Tensor2D;
  readonly indices: Tensor1D;
  readonly similarity: Similarity;
  readonly temperature: number;
}

/** At the latents [M, D] and at the table [K, D]. */
function gradients({
  gradient,
  latents,
  table,
  indices,
  similarity,
  temperature,
}: Step): [Tensor2D, Tensor2D] {
  const [size] = table.shape;
  const scores = scoresOf(latents, table, similarity); // θ
  const drawn = tf.cast(tf.oneHot(indices, size), "float32"); // D, [M, K]
  const products = tf.matMul(gradient, table, false, true); // a, [M, K]
  const slope = (p: Tensor): Tensor => tf.mul(p, tf.sub(products, tf.sum(tf.mul(p, products), 1, true)));
  const middle = tf.mul(tf.add(drawn, tf.softmax(tf.div(scores, temperature))), 0.5); // π₁
  const atScores = tf.sub(tf.mul(slope(middle), 2), tf.mul(slope(tf.softmax(scores)), 0.5)) as Tensor2D;
  const hard: Tensor2D = tf.unsortedSegmentSum(gradient, indices, size);
  const [toLatents, toCodes] = [tf.matMul(atScores, table), tf.matMul(atScores, latents, true)] as [
    Tensor2D,
    Tensor2D,
  ];
  if (similarity === "inner-product") return [toLatents, tf.add(hard, toCodes)];
  // θ = 2 z·e − ‖e‖² − ‖z‖², of which the last has no slope: those of a latent add up to 0.
  const shares = tf.reshape(tf.sum(atScores, 0), [size, 1]);
  return [tf.mul(toLatents, 2), tf.add(hard, tf.mul(tf.sub(toCodes, tf.mul(shares, table)), 2))];
}
