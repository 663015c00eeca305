/**
 * The scores of M latents and K codes, as a matrix that never exists at once: it is gone through in tiles of codes.
 *
 * s_mk = c·(z_m·e_k + b_k) + n_mk, with b_k = −½‖e_k‖² and c = 2/τ where distances decide (so that s = −‖z − e‖²/τ but
 * for ‖z‖², which is the same for all codes), b_k = 0 and c = 1/τ where inner products do; n is noise. What is added to or
 * scaled by row or by code stands in further columns of the factors, so that a tile of anything linear in s is one
 * product.
 */
import type { Scalar, Tensor, Tensor1D, Tensor2D } from "../tf/index.js";
import { ranges, rowsOf, type Similarity, scoreBias } from "./nearest-code.js";
import { tf } from "./tfjs.js";

/** 16 MiB of float32 scores at a time. */
const SCORES_PER_TILE = 2 ** 22;

/** Tiles of a table at most: the graph of more takes longer to compile than to run. Then they are larger. */
const MOST_TILES = 128;

export interface ScoreOptions {
  /** z, [M, D] */
  readonly latents: Tensor2D;
  /** E, [K, D] */
  readonly table: Tensor2D;
  readonly similarity: Similarity;
  /** 1/τ */
  readonly sharpness: Scalar;
  /** n, [M, K]; the table is one tile then. */
  readonly noise?: Tensor2D | undefined;
  /** How many scores (latents × codes of a tile) may exist at once, unless that would be more than 128 tiles. */
  readonly scoresPerTile?: number;
}

/** Some of the codes. */
export interface Tile {
  /** The tile's rows of something that has one for each code. */
  of(rows: Tensor2D): Tensor2D;
}

/** Scores, tile by tile. Call everything inside `tf.tidy`, without recording gradients. */
export class TiledScores {
  readonly tiles: readonly Tile[];
  readonly #latents: Tensor2D;
  readonly #table: Tensor2D;
  readonly #noise: Tensor2D | undefined;
  readonly #similarity: Similarity;
  /** c */
  readonly #scale: Scalar;
  /** E, b, 1: [K, D + 2] */
  readonly #columns: Tensor2D;

  constructor({
    latents,
    table,
    similarity,
    sharpness,
    noise,
    scoresPerTile = SCORES_PER_TILE,
  }: ScoreOptions) {
    const [codes] = table.shape;
    this.#latents = latents;
    this.#table = table;
    this.#noise = noise;
    this.#similarity = similarity;
    this.#scale = tf.mul(sharpness, similarity === "distance" ? 2 : 1);
    const bias = tf.reshape(scoreBias(table, similarity), [codes, 1]);
    this.#columns = tf.concat([table, bias, tf.ones([codes, 1])], 1) as Tensor2D;
    const most = Math.max(1, Math.floor(scoresPerTile / latents.shape[0]), Math.ceil(codes / MOST_TILES));
    this.tiles = tilesOf(codes, noise === undefined ? most : codes);
  }

  /** s of one code for each latent, [M, 1]. @param indices [M] int32 */
  at(indices: Tensor1D): Tensor2D {
    const [count, dim] = this.#latents.shape;
    const own = tf.gather(this.#columns, indices);
    const product = tf.sum(tf.mul(tf.slice(own, [0, 0], [count, dim]), this.#latents), 1, true);
    const score = tf.mul(tf.add(product, tf.slice(own, [0, dim], [count, 1])), this.#scale) as Tensor2D;
    return this.#noise === undefined ? score : tf.add(score, valuesAt(this.#noise, indices));
  }

  /**
   * s_mk − shift_m of a tile, [M, k].
   *
   * @param shift [M, 1]
   */
  less(shift: Tensor2D): (tile: Tile) => Tensor2D {
    const ones = tf.onesLike(shift);
    const rows = tf.concat([tf.mul(tf.concat([this.#latents, ones], 1), this.#scale), tf.neg(shift)], 1);
    return (tile) => {
      const scores: Tensor2D = tf.matMul(rows as Tensor2D, tile.of(this.#columns), false, true);
      return this.#noise === undefined ? scores : tf.add(scores, this.#noise);
    };
  }

  /**
   * What ∂L/∂s does to latents and codes.
   *
   * @param changeOf ∂L/∂s of a tile, [M, k]
   * @returns ∂L/∂z [M, D] and ∂L/∂E [K, D]
   */
  gradients(changeOf: (tile: Tile) => Tensor2D): [Tensor2D, Tensor2D] {
    const [rows] = this.#latents.shape;
    const [, dim] = this.#table.shape;
    const probe: Tensor2D = tf.concat([this.#latents, tf.ones([rows, 1])], 1); // [M, D + 1]
    const parts = this.tiles.map((tile) => {
      const change = changeOf(tile);
      const toLatents = tf.matMul(change, tile.of(this.#table)) as Tensor2D;
      const toCodes = tf.matMul(change, probe, true) as Tensor2D; // [k, D + 1]: Σ_m ∂s·z and Σ_m ∂s
      return together([toLatents, toCodes]);
    });
    const all: Tensor2D = tf.concat(parts.map(([, toCodes]) => toCodes as Tensor2D));
    const toLatents = sumOf(parts.map(([each]) => each as Tensor2D));
    const byScores: Tensor2D = tf.slice(all, [0, 0], [-1, dim]);
    const byLengths = tf.mul(tf.slice(all, [0, dim], [-1, 1]), this.#table); // ∂b/∂e = −e
    const toCodes = this.#similarity === "distance" ? tf.sub(byScores, byLengths) : byScores;
    return [tf.mul(toLatents, this.#scale), tf.mul(toCodes, this.#scale)];
  }
}

/** Made one after the other, so that of many only the sum so far is kept. */
export function sumOf<T extends Tensor>(parts: readonly T[]): T {
  return parts.reduce((sum, part) => tf.add(sum, part));
}

/**
 * The same values, computed at one time whichever of them is asked for: what all are made of can go then. Otherwise an
 * engine may go through all tiles for the one, and keep of each what the others need.
 */
export function together(tensors: readonly Tensor2D[]): Tensor2D[] {
  const joined = tf.concat(tensors.map((each): Tensor1D => tf.reshape(each, [each.size])));
  let start = 0;
  return tensors.map((each) => {
    const own = tf.slice(joined, [start], [each.size]);
    start += each.size;
    return tf.reshape(own, each.shape);
  });
}

function tilesOf(codes: number, perTile: number): Tile[] {
  return ranges(codes, perTile).map(({ start, count }) => ({ of: (rows) => rowsOf(rows, start, count) }));
}

/** One number of each row, [M, 1]. */
function valuesAt(matrix: Tensor2D, columns: Tensor1D): Tensor2D {
  const [rows, width] = matrix.shape;
  const places = tf.add(tf.range(0, rows * width, width, "int32"), columns) as Tensor1D;
  return tf.reshape(tf.gather(tf.reshape(matrix, [rows * width]), places), [rows, 1]);
}
