/** Indices of an implicit grid, digit by digit: the first digit is the least significant. */
import type { Tensor } from "../tf/index.js";
import { tf } from "./tfjs.js";

/**
 * The largest K for which every index is exact both as int32 and as float32, so that no engine's choice of number
 * type can change one.
 */
export const MAX_IMPLICIT_SIZE = 2 ** 24;

/**
 * Σ_i digit_i · Π_{j<i} levels_j, in integers.
 *
 * @param digits [..., d] int32, the i-th in 0..levels[i]-1
 * @param levels how many values each of the d digits has; the product is at most 2^24
 * @returns [..., 1] int32
 */
export function digitsToIndices(digits: Tensor, levels: readonly number[]): Tensor {
  return tf.tidy(() => tf.sum(tf.mul(digits, tf.tensor1d(placeValues(levels), "int32")), -1, true));
}

/**
 * The inverse of `digitsToIndices`.
 *
 * @param indices [..., 1] int32
 * @returns [..., d] int32
 */
export function indicesToDigits(indices: Tensor, levels: readonly number[]): Tensor {
  return tf.tidy(() => {
    // [..., 1] // [d] → [..., d]; then the remainder by the level, from integer operations alone
    const shifted = tf.floorDiv(indices, tf.tensor1d(placeValues(levels), "int32"));
    const base = tf.tensor1d([...levels], "int32");
    return tf.sub(shifted, tf.mul(tf.floorDiv(shifted, base), base));
  });
}

/** [8, 6, 5] → [1, 8, 48]. */
export function placeValues(levels: readonly number[]): number[] {
  let place = 1;
  return levels.map((level) => {
    const value = place;
    place *= level;
    return value;
  });
}
