/**
 * The entropies of soft choices among all codes: E[H(p)] − γ·H(E[p]) with p = softmax_k(s) of the scores s of each latent
 * (`tiled-scores.ts`), in nats.
 *
 * With M latents, p̄ = Σ_m p_m/M and H_m = −Σ_k p ln p:
 * ∂L/∂s = p ⊙ (−ln p + γ·ln p̄ − c)/M, c_m = H_m + γ·Σ_k p ln p̄.
 *
 * No [M, K] exists at once. Tiles of codes are gone through three times: for ln Σ_k exp(s) and H_m; for p̄ and
 * Σ_k p ln p̄; and backwards, where everything in brackets is one product.
 */
import type { GradSaveFunc, Scalar, Tensor, Tensor1D, Tensor2D } from "../../tf/index.js";
import type { Similarity } from "../nearest-code.js";
import { tf } from "../tfjs.js";
import { sumOf, TiledScores, together } from "../tiled-scores.js";

/** Probabilities below this count as this in the logarithm of the mean, so that its slope is finite. */
const LEAST = 1e-12;

export interface ChoiceEntropyOptions {
  /** z, [M, D] */
  readonly latents: Tensor2D;
  /** E, [K, D] */
  readonly codes: Tensor2D;
  /** The nearest code of each latent, [M] int32. */
  readonly nearest: Tensor1D;
  readonly similarity: Similarity;
  /** τ */
  readonly temperature: number;
  /** γ */
  readonly diversityWeight: number;
  /** As in `TiledScores`. */
  readonly scoresPerTile?: number;
}

/** The loss, which gives gradients to latents and codes. */
export function choiceEntropy({ latents, codes, nearest, ...options }: ChoiceEntropyOptions): Scalar {
  const operator = tf.customGrad<Scalar>((z, e, save) => {
    const given = { ...options, latents: z as Tensor2D, codes: e as Tensor2D, nearest };
    const { value, normalizers, entropies, means } = forward(given);
    (save as GradSaveFunc)([given.latents, given.codes, normalizers, entropies, means]);
    return {
      value,
      gradFunc: (gradient, saved) => {
        const [from, table, ...kept] = saved as [Tensor2D, Tensor2D, Tensor2D, Tensor2D, Tensor2D];
        return backward(gradient, { ...options, latents: from, codes: table }, kept);
      },
    };
  });
  return operator(latents, codes);
}

type Scored = Omit<ChoiceEntropyOptions, "nearest">;

interface Forward {
  readonly value: Scalar;
  /** ln Σ_k exp(s), [M, 1] */
  readonly normalizers: Tensor2D;
  /** c, [M, 1] */
  readonly entropies: Tensor2D;
  /** ln p̄, [K, 1] */
  readonly means: Tensor2D;
}

function scoresOf({ codes, temperature, ...options }: Scored): TiledScores {
  return new TiledScores({ ...options, table: codes, sharpness: tf.scalar(1 / temperature) });
}

function forward({ nearest, ...given }: ChoiceEntropyOptions): Forward {
  const { diversityWeight } = given;
  const scores = scoresOf(given);
  const largest = scores.at(nearest);
  const lessLargest = scores.less(largest);
  const sums = scores.tiles.map((tile) => {
    const below = lessLargest(tile);
    const weights = tf.exp(below);
    return together([tf.sum(weights, 1, true), tf.sum(tf.mul(weights, below), 1, true)]);
  });
  const total = sumOf(sums.map(([each]) => each as Tensor2D)); // Σ exp(s − s_max)
  const logarithm = tf.log(total) as Tensor2D;
  const each = tf.sub(logarithm, tf.div(sumOf(sums.map(([, sum]) => sum as Tensor2D)), total)) as Tensor2D; // H_m

  const normalizers = tf.add(largest, logarithm) as Tensor2D;
  const logarithms = scores.less(normalizers);
  const tiles = scores.tiles.map((tile) => {
    const probabilities = tf.exp(logarithms(tile)); // [M, k]
    const mean = tf.reshape(tf.mean(probabilities, 0), [-1, 1]) as Tensor2D;
    const log = tf.log(tf.maximum(mean, LEAST)) as Tensor2D;
    const [cross, own] = together([tf.matMul(probabilities, log), tf.mul(mean, log) as Tensor2D]);
    return { cross: cross as Tensor2D, own: own as Tensor2D, log };
  });
  const cross = sumOf(tiles.map((tile) => tile.cross)); // Σ p ln p̄
  const all = tf.neg(tf.sum(tf.concat(tiles.map(({ own }) => own)))); // H(p̄)
  return {
    value: tf.sub(tf.mean(each), tf.mul(all, diversityWeight)) as Scalar,
    normalizers,
    entropies: tf.add(each, tf.mul(cross, diversityWeight)) as Tensor2D,
    means: tf.concat(tiles.map(({ log }) => log)),
  };
}

function backward(gradient: Tensor, given: Scored, kept: readonly Tensor2D[]): [Tensor2D, Tensor2D] {
  const [normalizers, entropies, means] = kept as [Tensor2D, Tensor2D, Tensor2D];
  const scores = scoresOf(given);
  const logarithms = scores.less(normalizers);
  // γ·ln p̄ − c of a tile, as one product.
  const bends = tf.mul(means, given.diversityWeight) as Tensor2D;
  const columns: Tensor2D = tf.concat([bends, tf.onesLike(bends)], 1); // [K, 2]
  const slopes: Tensor2D = tf.concat([tf.onesLike(entropies), tf.neg(entropies) as Tensor2D], 1); // [M, 2]
  const [toLatents, toCodes] = scores.gradients((tile) => {
    const logarithm = logarithms(tile); // ln p
    const bend = tf.matMul(slopes, tile.of(columns), false, true);
    return tf.mul(tf.exp(logarithm), tf.sub(bend, logarithm)) as Tensor2D;
  });
  const share = tf.div(gradient, given.latents.shape[0]);
  return [tf.mul(toLatents, share) as Tensor2D, tf.mul(toCodes, share) as Tensor2D];
}
