/** Codes drawn by the probability that their scores give them: what estimators that draw have in common. */
import type { Random } from "../../core/random.js";
import type { Tensor, Tensor1D, Tensor2D } from "../../tf/index.js";
import { type Similarity, scoreBias } from "../nearest-code.js";
import { tf } from "../tfjs.js";
import type { TrainingInputs } from "../training-draw.js";
import { withoutGradient } from "./stop-gradient.js";

/** Half of the smallest step of `Random.next`, so that u is never 0. */
const HALF_STEP = 2 ** -33;

/** u from U(0, 1) for each latent and code, [M, K]. */
export function uniformDraws(latents: number, codebookSize: number, random: Random): Tensor2D {
  const uniform = random.fill(latents * codebookSize, (r) => r.next() + HALF_STEP);
  // Float32 rounds what is nearest to 1 to 1, where ln u would be 0.
  return tf.tensor2d(
    uniform.map((u) => Math.min(u, 1 - 2 ** -24)),
    [latents, codebookSize],
  );
}

/** n = −ln(−ln u) */
export function gumbelOf(uniform: Tensor): Tensor {
  return tf.neg(tf.log(tf.neg(tf.log(uniform))));
}

/** z·e, or −‖z − e‖² but for ‖z‖², [M, K]. */
export function scoresOf(latents: Tensor2D, table: Tensor2D, similarity: Similarity): Tensor2D {
  const scores = tf.add(tf.matMul(latents, table, false, true), scoreBias(table, similarity)) as Tensor2D;
  return similarity === "distance" ? tf.mul(scores, 2) : scores;
}

/** The code of the largest score + n, which is drawn by softmax(scores): [M] int32. */
export function drawnCodes(
  latents: Tensor2D,
  { table, similarity, training }: { table: Tensor2D; similarity: Similarity; training: TrainingInputs },
): Tensor1D {
  return withoutGradient(() => {
    const scores = scoresOf(latents, table, similarity);
    return tf.argMax(tf.add(scores, gumbelOf(training.uniform as Tensor)), 1) as Tensor1D;
  });
}
