/**
 * Entropies of soft choices among the corners of a cube, where a latent chooses each bit by itself.
 *
 * With logits l_i a latent takes corner c with the probability Π_i σ(±l_i): the softmax over all 2^D corners of a score
 * that is a sum over dimensions, such as z·c. So a latent's entropy is the sum of its bits', and the mean distribution
 * over M latents is one matrix product, [2^⌈D/2⌉, M] × [M, 2^⌊D/2⌋], in which no [M, 2^D] is ever made.
 */
import type { GradSaveFunc, Scalar, Tensor1D, Tensor2D } from "../../tf/index.js";
import { tf } from "../tfjs.js";

/** Probabilities below this count as this in logarithms: p·ln p is finite at 0, and so is its slope. */
const LEAST = 1e-12;

/** How the batch's entropy is taken, and how much it weighs. */
export interface BatchEntropyOptions {
  /** γ. */
  readonly diversityWeight: number;
  /**
   * How many neighbouring bits have one joint distribution, whose size is 2 to this power. Where D is more, groups count as
   * independent of each other, which makes the result an upper bound (and with 1, a cheap one).
   */
  readonly bitsTogether: number;
}

/**
 * E[H(p)] − γ·H(E[p]): the mean entropy of one latent's choice, less the entropy of the mean choice of all latents. Both are
 * in nats, 0..D ln 2.
 *
 * @param logits of each bit to be set, [M, D]
 */
export function bitEntropyLoss(logits: Tensor2D, options: BatchEntropyOptions): Scalar {
  if (options.bitsTogether === 1) return independentEntropyLoss(logits, options.diversityWeight);
  return tf.sub(
    meanBitEntropy(logits),
    tf.mul(jointEntropy(logits, options.bitsTogether), options.diversityWeight),
  );
}

/**
 * The same where each bit stands alone, so that both entropies are made of the same two numbers for each bit, σ(l) and σ(−l).
 * Its slope is σ(l)·σ(−l)·(γ·(ln P − ln(1 − P)) − l)/M, with the mean P of σ(l) over latents.
 */
function independentEntropyLoss(logits: Tensor2D, diversityWeight: number): Scalar {
  const operator = tf.customGrad<Scalar>((l, save) => {
    const rows = l as Tensor2D;
    const count = rows.shape[0];
    const set: Tensor2D = tf.sigmoid(rows);
    const unset: Tensor2D = tf.sigmoid(tf.neg(rows));
    const each = tf.sum(entropyOf(tf.abs(rows), tf.minimum(set, unset), tf.maximum(set, unset)));
    const means = [set, unset].map((probabilities): Tensor1D => tf.mean(probabilities, 0));
    const logarithms = means.map((mean): Tensor1D => tf.log(tf.maximum(mean, LEAST)));
    const together = tf.sum(tf.addN(means.map((mean, i) => tf.mul(mean, logarithms[i] as Tensor1D))));
    const odds: Tensor1D = tf.sub(logarithms[0] as Tensor1D, logarithms[1] as Tensor1D);
    (save as GradSaveFunc)([rows, set, unset, odds]);
    return {
      value: tf.add(tf.div(each, count), tf.mul(together, diversityWeight)) as Scalar,
      gradFunc: (gradient, saved) => {
        const [logit, p, q, towards] = saved as [Tensor2D, Tensor2D, Tensor2D, Tensor1D];
        const share = tf.div(gradient, count);
        const slope = tf.sub(tf.mul(towards, diversityWeight), logit);
        return tf.mul(tf.mul(tf.mul(p, q), share), slope) as Tensor2D;
      },
    };
  });
  return operator(logits);
}

/**
 * H(p), bit by bit: |l|·q − ln(1 − q) with q = σ(−|l|), the less likely value's probability. Both terms are positive, so that
 * nothing cancels, and there are no powers, which ONNX Runtime takes one by one.
 */
function entropyOf(size: Tensor2D, unlikely: Tensor2D, likely: Tensor2D): Tensor2D {
  return tf.sub(tf.mul(size, unlikely), tf.log(likely));
}

/** E[H(p)]; the slope of a bit's entropy is −l·q·(1 − q). */
function meanBitEntropy(logits: Tensor2D): Scalar {
  const operator = tf.customGrad<Tensor2D>((l, save) => {
    const [size, unlikely] = sizeAndUnlikely(l as Tensor2D);
    (save as GradSaveFunc)([l as Tensor2D, unlikely]);
    return {
      value: entropyOf(size, unlikely, tf.sub(1, unlikely)),
      gradFunc: (gradient, saved) => {
        const [logit, q] = saved as [Tensor2D, Tensor2D];
        return tf.mul(gradient, tf.mul(logit, tf.mul(q, tf.sub(q, 1)))) as Tensor2D;
      },
    };
  });
  return tf.mean(tf.sum(operator(logits), 1)) as Scalar;
}

/** ln σ(l), the same way: min(l, 0) + ln(1 − q); its slope is σ(−l). */
function logSigmoid(logits: Tensor2D): Tensor2D {
  const operator = tf.customGrad<Tensor2D>((l, save) => {
    const [, unlikely] = sizeAndUnlikely(l as Tensor2D);
    (save as GradSaveFunc)([l as Tensor2D]);
    return {
      value: tf.add(tf.minimum(l as Tensor2D, 0), tf.log(tf.sub(1, unlikely))),
      gradFunc: (gradient, saved) => tf.mul(gradient, tf.sigmoid(tf.neg(saved[0] as Tensor2D))) as Tensor2D,
    };
  });
  return operator(logits);
}

/** |l| and σ(−|l|), at most 1/2. */
function sizeAndUnlikely(logits: Tensor2D): [Tensor2D, Tensor2D] {
  const size: Tensor2D = tf.abs(logits);
  return [size, tf.sigmoid(tf.neg(size))];
}

/** H(E[p]), of groups of bits that have a joint distribution each. */
function jointEntropy(logits: Tensor2D, bitsTogether: number): Scalar {
  const [, dim] = logits.shape;
  const entropies: Scalar[] = [];
  for (let start = 0; start < dim; start += bitsTogether) {
    const mean = meanJoint(logits, { start, end: Math.min(dim, start + bitsTogether) });
    entropies.push(tf.neg(tf.sum(tf.mul(mean, tf.log(tf.maximum(mean, LEAST))))) as Scalar);
  }
  return entropies.reduce((sum, entropy) => tf.add(sum, entropy));
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

/**
 * The joint distribution of some bits of each latent, [M, 2^bits], the first bit least significant: the exponential of
 * sums of logarithms, which are one matrix product.
 */
function jointOf(logits: Tensor2D, { start, end }: BitRange): Tensor2D {
  const bits = end - start;
  if (bits === 0) return tf.ones([logits.shape[0], 1]);
  const own = tf.slice(logits, [0, start], [-1, bits]) as Tensor2D;
  const logarithms = tf.concat([logSigmoid(own), logSigmoid(tf.neg(own))], 1); // set, then unset
  const corners = 2 ** bits;
  const terms = new Float32Array(2 * bits * corners);
  for (let bit = 0; bit < bits; bit++) {
    for (let corner = 0; corner < corners; corner++) {
      const isSet = ((corner >> bit) & 1) === 1;
      terms[(isSet ? bit : bits + bit) * corners + corner] = 1;
    }
  }
  return tf.exp(tf.matMul(logarithms, tf.tensor2d(terms, [2 * bits, corners])));
}
