/**
 * The hard choice of a code whose gradient is that of a soft choice among all codes.
 *
 * With scores s_mk = c·(z_m·e_k + b_k) + n_mk, P = softmax_k(s), the output is q of the chosen code by value, and its
 * gradient that of P·E: with a_mk = g_m·e_k, ∂L/∂s = P ⊙ (a − Σ_k P a), which reaches z and every code through the scores;
 * the chosen code has g besides, as the one-hot matrix in front of the table is the hard one by value. b_k is −½‖e_k‖²
 * where distances decide, n is noise.
 *
 * [M, K] never exists at once. The backward pass goes through tiles of codes twice, as attention does in blocks: first
 * for Σ_k exp(s − s_max) and Σ_k exp(s − s_max)·e_k, of which Σ_k P a is the product with g, then for the gradients. What
 * is added to or scaled by row stands in further columns of the factors, so a tile is four products and little else.
 */
import type { GradSaveFunc, Scalar, Tensor1D, Tensor2D } from "../../tf/index.js";
import { type Similarity, scoreBias } from "../nearest-code.js";
import { tf } from "../tfjs.js";

/** 32 MiB of float32 scores at a time. */
const SCORES_PER_TILE = 2 ** 23;

export interface AllCodes {
  /** E, [K, D] */
  readonly table: Tensor2D;
  /** Of the chosen codes, [M] int32. */
  readonly indices: Tensor1D;
  readonly similarity: Similarity;
  /** 1/τ: what scores are multiplied with. */
  readonly sharpness: Scalar;
  /** n/τ, [M, K]; the table is one tile then. */
  readonly noise?: Tensor2D | undefined;
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

function gradientsOf(saved: Saved): [Tensor2D, Tensor2D] {
  const { latents, gradient, table, indices, similarity } = saved;
  const [codes, dim] = table.shape;
  // Twice the score of the search is −‖z − e‖² but for ‖z‖², which is the same for all codes.
  const scale = tf.mul(saved.sharpness, similarity === "distance" ? 2 : 1) as Scalar;
  const bias = tf.reshape(scoreBias(table, similarity), [codes, 1]) as Tensor2D;
  const ones = tf.ones([codes, 1]) as Tensor2D;
  const wide: Tensor2D = tf.concat([table, bias, ones], 1); // [K, D + 2]: E, b, 1
  const tiles = tilesOf(saved);
  const own = rowsOf(tf.gather(wide, indices), latents);
  const atChosen =
    saved.noise === undefined ? own : (tf.add(own, tf.div(noiseAt(saved.noise, indices), scale)) as Tensor2D);
  const rows = scaledRows(latents, { scale, largest: atChosen }); // [M, D + 2], so that rows · wide = s − s_chosen

  let sum = tf.zeros([latents.shape[0], dim + 1]) as Tensor2D; // Σ exp(s − s_chosen)·[E, 1]
  for (const tile of tiles) {
    const weights = tf.exp(tile.scores(rows, wide)); // [M, k]
    const columns: Tensor2D = tf.concat([tile.of(table), tile.of(ones)], 1);
    sum = tf.add(sum, tf.matMul(weights, columns));
  }
  const total = tf.slice(sum, [0, dim], [-1, 1]); // [M, 1]
  const mean = tf.div(tf.sum(tf.mul(tf.slice(sum, [0, 0], [-1, dim]), gradient), 1, true), total); // Σ P a
  const slopes: Tensor2D = tf.div(tf.concat([gradient, tf.zerosLike(mean), tf.neg(mean)], 1), total); // [M, D + 2]

  let toLatents = tf.zerosLike(latents);
  const toCodes: Tensor2D[] = [];
  const probe: Tensor2D = tf.concat([latents, tf.onesLike(mean) as Tensor2D], 1); // [M, D + 1]
  for (const tile of tiles) {
    const weights = tf.exp(tile.scores(rows, wide));
    const change: Tensor2D = tf.mul(weights, tf.matMul(slopes, tile.of(wide), false, true)); // ∂L/∂s, [M, k]
    toLatents = tf.add(toLatents, tf.matMul(change, tile.of(table)));
    toCodes.push(tf.matMul(change, probe, true)); // [k, D + 1]: Σ_m ∂s·z and Σ_m ∂s
  }
  const all: Tensor2D = toCodes.length === 1 ? (toCodes[0] as Tensor2D) : tf.concat(toCodes);
  const byScores = tf.slice(all, [0, 0], [-1, dim]);
  const byLengths = tf.mul(tf.slice(all, [0, dim], [-1, 1]), table); // ∂b/∂e = −e
  const soft = tf.mul(similarity === "distance" ? tf.sub(byScores, byLengths) : byScores, scale);
  const hard: Tensor2D = tf.unsortedSegmentSum(gradient, indices, codes);
  return [tf.mul(toLatents, scale), tf.add(soft, hard)];
}

/** z·e + b of each latent's own code, [M, 1]. */
function rowsOf(own: Tensor2D, latents: Tensor2D): Tensor2D {
  const [count, dim] = latents.shape;
  const product = tf.sum(tf.mul(tf.slice(own, [0, 0], [count, dim]), latents), 1, true);
  return tf.add(product, tf.slice(own, [0, dim], [count, 1])) as Tensor2D;
}

/** Factors whose product with [E, b, 1] is c·(z·e + b) − c·largest. [M, D + 2] */
function scaledRows(
  latents: Tensor2D,
  { scale, largest }: { readonly scale: Scalar; readonly largest: Tensor2D },
): Tensor2D {
  return tf.mul(tf.concat([latents, tf.onesLike(largest), tf.neg(largest)], 1), scale) as Tensor2D;
}

function noiseAt(noise: Tensor2D, indices: Tensor1D): Tensor2D {
  const [rows, codes] = noise.shape;
  const places = tf.add(tf.range(0, rows * codes, codes, "int32"), indices) as Tensor1D;
  return tf.reshape(tf.gather(tf.reshape(noise, [rows * codes]), places), [rows, 1]);
}

/** Some of the codes. */
interface Tile {
  /** Those rows of a table. */
  of(table: Tensor2D): Tensor2D;
  /** s − s_chosen, [M, k] */
  scores(rows: Tensor2D, wide: Tensor2D): Tensor2D;
}

function tilesOf({ latents, table, noise }: Saved): Tile[] {
  const [codes] = table.shape;
  const most = Math.max(1, Math.floor(SCORES_PER_TILE / latents.shape[0]));
  const perTile = noise === undefined ? Math.min(codes, most) : codes;
  return Array.from({ length: Math.ceil(codes / perTile) }, (_, i) => {
    const [start, count] = [i * perTile, Math.min(perTile, codes - i * perTile)];
    const of = (each: Tensor2D): Tensor2D =>
      count === codes ? each : tf.slice(each, [start, 0], [count, each.shape[1]]);
    return {
      of,
      scores: (rows, wide) => {
        const scores: Tensor2D = tf.matMul(rows, of(wide), false, true);
        return noise === undefined ? scores : tf.add(scores, noise);
      },
    };
  });
}
