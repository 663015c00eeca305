import type { Tensor1D, Tensor2D } from "../tf/index.js";
import { withoutGradient } from "./gradients/stop-gradient.js";
import { tf } from "./tfjs.js";

/** 8 MiB of float32 scores at a time, which stay in a processor's cache until they have been compared. */
export const SCORES_PER_BLOCK = 2 ** 21;

/** Codes whose scores are computed at a time: a product with few columns and many rows leaves the best of both in cache. */
const CODES_PER_TILE = 1024;

/** What makes a code near: a small squared distance ‖z − e‖², or a large inner product z·e. */
export type Similarity = "distance" | "inner-product";

export interface NearestCodeOptions {
  /** Default: by distance. */
  readonly similarity?: Similarity;
  /** How many scores (latents × codes of a tile) may exist at once; at least one row is always computed. */
  readonly scoresPerBlock?: number;
  /** How many codes are compared at once, >= 1. */
  readonly codesPerTile?: number;
}

/**
 * The index of each latent's nearest code, by Euclidean distance unless told otherwise; the lowest index where several
 * are equally near.
 *
 * argmin_k ‖z − e_k‖² = argmax_k (z·e_k − ½‖e_k‖²): one matrix product, in which the bias is one more column of the codes
 * (added by itself it is a pass over all scores, longer than the product where D is small). It goes through blocks of
 * latents and tiles of codes and keeps only the best of each, so memory does not grow with M·K. No gradient flows through
 * it.
 *
 * @param latents [M, D]
 * @param codes [K, D]
 * @returns [M] int32, each in 0..K-1
 */
export function nearestCode(
  latents: Tensor2D,
  codes: Tensor2D,
  {
    similarity = "distance",
    scoresPerBlock = SCORES_PER_BLOCK,
    codesPerTile = CODES_PER_TILE,
  }: NearestCodeOptions = {},
): Tensor1D {
  const [rows] = latents.shape;
  const [size] = codes.shape;
  const perTile = Math.min(size, codesPerTile);
  const rowsPerBlock = Math.max(1, Math.floor(scoresPerBlock / perTile));
  return withoutGradient(() => {
    const byDistance = similarity === "distance";
    const columns = byDistance ? withColumn(codes, scoreBias(codes, similarity)) : codes;
    const tiles = ranges(size, perTile).map(({ start, count }) => rowsOf(columns, start, count));
    const blocks = ranges(rows, rowsPerBlock).map(({ start, count }) => {
      const block = rowsOf(latents, start, count);
      return bestOfTiles(byDistance ? withColumn(block, tf.ones([count])) : block, tiles, perTile);
    });
    return blocks.length === 1 ? (blocks[0] as Tensor1D) : tf.concat(blocks);
  });
}

/** What is added to z·e_k so that the largest sum is the nearest code's: −½‖e_k‖² by distance, else nothing. [K] */
export function scoreBias(codes: Tensor2D, similarity: Similarity): Tensor1D {
  if (similarity === "inner-product") return tf.zeros([codes.shape[0]]);
  return tf.mul(tf.sum(tf.square(codes), 1), -0.5);
}

/** A matrix with one more column. */
function withColumn(matrix: Tensor2D, column: Tensor1D): Tensor2D {
  return tf.concat([matrix, tf.reshape(column, [-1, 1])], 1);
}

/** Some rows of a matrix. */
export function rowsOf(matrix: Tensor2D, start: number, count: number): Tensor2D {
  return count === matrix.shape[0] ? matrix : tf.slice(matrix, [start, 0], [count, matrix.shape[1]]);
}

/**
 * The code of the largest product with each latent, over all tiles, of which all but the last have `perTile` codes: [m].
 *
 * @param latents [m, D']
 * @param tiles some of the codes each, [k, D']
 */
function bestOfTiles(latents: Tensor2D, tiles: readonly Tensor2D[], perTile: number): Tensor1D {
  const scoresOf = (tile: Tensor2D) => tf.matMul(latents, tile, false, true); // [m, k]
  return tf.tidy(() => {
    if (tiles.length === 1) return tf.argMax(scoresOf(tiles[0] as Tensor2D), 1);
    const bests = tiles.map((tile) => tf.tidy(() => tf.topk(scoresOf(tile), 1)));
    const values = tf.concat(
      bests.map(({ values }) => values),
      1,
    ); // [m, tiles]
    const places = tf.concat(
      bests.map(({ indices }) => indices),
      1,
    );
    const tile: Tensor1D = tf.argMax(values, 1); // the first of equal ones, so the lowest code
    const firsts = tf.range(0, latents.shape[0] * tiles.length, tiles.length, "int32"); // [m]
    const place = tf.gather(tf.reshape(places, [-1]), tf.add(firsts, tile));
    return tf.add(tf.mul(tile, tf.scalar(perTile, "int32")), place) as Tensor1D;
  });
}

/** 0..total in pieces of `size`, the last of which may be smaller. */
export function ranges(total: number, size: number): { readonly start: number; readonly count: number }[] {
  return Array.from({ length: Math.ceil(total / size) }, (_, i) => ({
    start: i * size,
    count: Math.min(size, total - i * size),
  }));
}
