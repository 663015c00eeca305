/**
 * The hard choice of a code whose gradient is that of a soft choice among all codes.
 *
 * With P = softmax_k(s) of the scores s (`tiled-scores.ts`), the output is q of the chosen code by value, and its gradient
 * that of P·E: with a_mk = g_m·e_k, ∂L/∂s = P ⊙ (a − Σ_k P a), which reaches z and every code through the scores; the
 * chosen code has g besides, as the one-hot matrix in front of the table is the hard one by value.
 *
 * The backward pass goes through tiles of codes twice, as attention does in blocks: first for Σ_k exp(s − s_chosen) and
 * Σ_k exp(s − s_chosen)·e_k, of which Σ_k P a is the product with g, then for the gradients.
 */
import type { GradSaveFunc, Scalar, Tensor1D, Tensor2D } from "../../tf/index.js";
import type { Similarity } from "../nearest-code.js";
import { tf } from "../tfjs.js";
import { sumOf, TiledScores } from "../tiled-scores.js";

export interface AllCodes {
  /** E, [K, D] */
  readonly table: Tensor2D;
  /** Of the chosen codes, whose scores (with noise) are the largest, [M] int32. */
  readonly indices: Tensor1D;
  readonly similarity: Similarity;
  /** 1/τ: what scores are multiplied with. */
  readonly sharpness: Scalar;
  /** What is added to the scores after that, [M, K]; the table is one tile then. */
  readonly noise?: Tensor2D | undefined;
  /** As in `TiledScores`. */
  readonly scoresPerTile?: number;
}

/** What the backward pass needs. */
interface Saved extends AllCodes {
  readonly latents: Tensor2D;
  readonly gradient: Tensor2D;
}

/**
 * @param latents z, [M, D]
 * @param codes q, [M, D]
 * @returns q by value
 */
export function throughAllCodes(latents: Tensor2D, codes: Tensor2D, all: AllCodes): Tensor2D {
  const { indices, sharpness, noise } = all;
  const operator = tf.customGrad<Tensor2D>((z, e, save) => {
    const kept = [z, e, indices, sharpness, ...(noise === undefined ? [] : [noise])];
    (save as GradSaveFunc)(kept as Tensor2D[]);
    return {
      value: codes.clone(),
      gradFunc: (gradient, saved) => {
        const [from, table, chosen, sharp, added] = saved as unknown as [
          Tensor2D,
          Tensor2D,
          Tensor1D,
          Scalar,
          Tensor2D | undefined,
        ];
        const held = { ...all, table, indices: chosen, sharpness: sharp, noise: added };
        return gradientsOf({ ...held, latents: from, gradient });
      },
    };
  });
  return operator(latents, all.table);
}

function gradientsOf({ indices, gradient, ...options }: Saved): [Tensor2D, Tensor2D] {
  const { table } = options;
  const [codes, dim] = table.shape;
  const scores = new TiledScores(options);
  const ofChosen = scores.at(indices);
  const lessChosen = scores.less(ofChosen);
  const columns: Tensor2D = tf.concat([table, tf.ones([codes, 1])], 1);
  const sums = scores.tiles.map((tile) => tf.matMul(tf.exp(lessChosen(tile)), tile.of(columns)) as Tensor2D);
  const sum = sumOf(sums); // Σ exp(s − s_chosen)·[E, 1], [M, D + 1]
  const total = tf.slice(sum, [0, dim], [-1, 1]); // [M, 1]
  const mean = tf.div(tf.sum(tf.mul(tf.slice(sum, [0, 0], [-1, dim]), gradient), 1, true), total); // Σ P a
  // P itself, and not exp(s − s_chosen) again: what is the same, an engine would keep from the first time to the second.
  const logarithms = scores.less(tf.add<Tensor2D>(ofChosen, tf.log(total)));
  const slopes: Tensor2D = tf.concat([gradient, tf.neg(mean) as Tensor2D], 1); // [M, D + 1], whose product with columns is a − Σ P a
  const [toLatents, soft] = scores.gradients(
    (tile): Tensor2D => tf.mul(tf.exp(logarithms(tile)), tf.matMul(slopes, tile.of(columns), false, true)),
  );
  const hard: Tensor2D = tf.unsortedSegmentSum(gradient, indices, codes);
  return [toLatents, tf.add(soft, hard)];
}
