/**
 * Entropies of soft choices among the corners of a cube, where a latent chooses each bit by itself.
 *
 * With logits l_i a latent takes corner c with the probability Π_i σ(±l_i): the softmax over all 2^D corners of a score
 * that is a sum over dimensions, such as z·c. So a latent's entropy is the sum of its bits', and the mean distribution
 * over M latents is one matrix product, [2^⌈D/2⌉, M] × [M, 2^⌊D/2⌋], in which no [M, 2^D] is ever made.
 */
import type { Scalar, Tensor2D } from "../../tf/index.js";
import { tf } from "../tfjs.js";

/** Probabilities below this count as this in logarithms: p·ln p is finite at 0, and so is its slope. */
const LEAST = 1e-12;

/**
 * E[H(p)]: the mean entropy of one latent's choice, in nats, 0..D ln 2.
 *
 * @param logits of each bit to be set, [M, D]
 */
export function meanBitEntropy(logits: Tensor2D): Scalar {
  // H = p·softplus(−l) + (1−p)·softplus(l), which loses no digits where p is near 0 or 1.
  const set = tf.mul(tf.sigmoid(logits), tf.softplus(tf.neg(logits)));
  const unset = tf.mul(tf.sigmoid(tf.neg(logits)), tf.softplus(logits));
  return tf.mean(tf.sum(tf.add(set, unset), 1)) as Scalar;
}

/**
 * H(E[p]): the entropy of the mean choice of all latents, in nats, 0..D ln 2.
 *
 * @param logits of each bit to be set, [M, D]
 * @param bitsTogether how many neighbouring bits have one joint distribution, whose size is 2 to this power. Where D is
 * more, groups count as independent of each other, which makes the result an upper bound (and with 1, a cheap one).
 */
export function batchBitEntropy(logits: Tensor2D, bitsTogether: number): Scalar {
  if (bitsTogether === 1) return independentEntropy(logits);
  const [, dim] = logits.shape;
  const entropies: Scalar[] = [];
  for (let start = 0; start < dim; start += bitsTogether) {
    const mean = meanJoint(logits, { start, end: Math.min(dim, start + bitsTogether) });
    entropies.push(tf.neg(tf.sum(tf.mul(mean, tf.log(tf.maximum(mean, LEAST))))) as Scalar);
  }
  return entropies.reduce((sum, entropy) => tf.add(sum, entropy));
}

/** The sum of the bits' entropies: all of them at once, where each stands alone. */
function independentEntropy(logits: Tensor2D): Scalar {
  const parts = [tf.sigmoid(logits), tf.sigmoid(tf.neg(logits))].map((probabilities): Scalar => {
    const mean = tf.mean(probabilities, 0);
    return tf.sum(tf.mul(mean, tf.log(tf.maximum(mean, LEAST))));
  });
  return tf.neg(tf.add(parts[0] as Scalar, parts[1] as Scalar));
}

/** Bits `start` to `end`, the latter not included. */
interface BitRange {
  readonly start: number;
  readonly end: number;
}

/** The mean over latents of the joint distribution of some bits, as a matrix of the high bits × the low ones. */
function meanJoint(logits: Tensor2D, { start, end }: BitRange): Tensor2D {
  const middle = start + Math.floor((end - start) / 2);
  const low = jointOf(logits, { start, end: middle });
  const high = jointOf(logits, { start: middle, end });
  return tf.div(tf.matMul(high, low, true), logits.shape[0]);
}

/** The joint distribution of some bits of each latent, [M, 2^bits], the first bit least significant. */
function jointOf(logits: Tensor2D, { start, end }: BitRange): Tensor2D {
  const [rows] = logits.shape;
  let joint = tf.ones([rows, 1]) as Tensor2D;
  for (let bit = start; bit < end; bit++) {
    const column = tf.slice(logits, [0, bit], [rows, 1]);
    const [unset, set] = [tf.sigmoid(tf.neg(column)), tf.sigmoid(column)];
    joint = tf.concat([tf.mul(joint, unset), tf.mul(joint, set)], 1) as Tensor2D;
  }
  return joint;
}
