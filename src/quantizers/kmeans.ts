/** Codebooks from data: sampled latents, and k-means that starts from them. */

import type { Random } from "../core/random.js";
import type { Tensor2D } from "../tf/index.js";
import { nearestCode } from "./nearest-code.js";
import type { InitializationOptions } from "./quantizer.js";
import { tf } from "./tfjs.js";

/** Latents assigned in one run of the engine. */
const ROWS_PER_RUN = 8192;

/** Where fewer distinct latents exist than codes are wanted, the rest are copies moved by this share of the spread. */
const JITTER = 0.01;

export interface SampleOptions {
  /** D. */
  readonly dim: number;
  /** How many rows to return. */
  readonly count: number;
  readonly random: Random;
}

/**
 * `count` different rows of `rows` in random order.
 *
 * Where there are fewer different rows, slightly moved copies fill up.
 *
 * @param rows [M, D] row by row, M >= 1
 * @returns [count, D]
 */
export function sampleDistinctRows(rows: Float32Array, { dim, count, random }: SampleOptions): Float32Array {
  const order = random.shuffled(Array.from({ length: rows.length / dim }, (_, row) => row));
  const picked = firstDistinct(rows, order, { dim, count });
  const result = new Float32Array(count * dim);
  const spread = JITTER * standardDeviation(rows);
  for (let i = 0; i < count; i++) {
    const row = picked[i % picked.length] as number;
    result.set(rows.subarray(row * dim, (row + 1) * dim), i * dim);
    if (i < picked.length) continue;
    for (let d = 0; d < dim; d++) result[i * dim + d] = at(result, i * dim + d) + spread * random.normal();
  }
  return result;
}

export interface KMeansOptions {
  /** K. */
  readonly clusters: number;
  readonly random: Random;
  /** Rounds of assignment and averaging at most; fewer when nothing moves any more. */
  readonly iterations?: number;
}

/** Nothing stops it and nobody watches, unless told. */
const NO_CONTROL: InitializationOptions = {};

/**
 * Lloyd's k-means. Starts from distinct sampled rows; an empty cluster moves to the row farthest from its centre.
 *
 * @param latents [M, D]; stays the caller's
 * @param control checked and told before every run of the engine
 * @returns the centres, [K, D] row by row
 * @throws the reason of `control.signal` when that aborts
 */
export async function kMeans(
  latents: Tensor2D,
  { clusters, random, iterations = 10 }: KMeansOptions,
  { signal, onProgress }: InitializationOptions = NO_CONTROL,
): Promise<Float32Array> {
  signal?.throwIfAborted();
  const [count, dim] = latents.shape;
  const rows = (await latents.data()) as Float32Array;
  let centres = sampleDistinctRows(rows, { dim, count: clusters, random });
  let previous: Int32Array | undefined;
  for (let i = 0; i < iterations; i++) {
    const assignment = await assign(latents, centres, (rows) => {
      signal?.throwIfAborted();
      onProgress?.({ done: i * count + rows, total: iterations * count });
    });
    if (previous?.every((cluster, row) => cluster === assignment[row])) break;
    centres = means(rows, assignment, centres);
    previous = assignment;
  }
  return centres;
}

/** The nearest centre of each row, in runs of bounded size. @param before called before each, with the rows done */
async function assign(
  latents: Tensor2D,
  centres: Float32Array,
  before: (done: number) => void,
): Promise<Int32Array> {
  const [count, dim] = latents.shape;
  const assignment = new Int32Array(count);
  const codes = tf.tensor2d(centres, [centres.length / dim, dim]);
  try {
    for (let start = 0; start < count; start += ROWS_PER_RUN) {
      before(start);
      const size = Math.min(ROWS_PER_RUN, count - start);
      const nearest = tf.tidy(() => nearestCode(tf.slice(latents, [start, 0], [size, dim]), codes));
      try {
        assignment.set(await nearest.data(), start);
      } finally {
        nearest.dispose();
      }
    }
  } finally {
    codes.dispose();
  }
  return assignment;
}

/** The mean of each cluster's rows; an empty cluster gets a far row, or stays when none is left. */
function means(rows: Float32Array, assignment: Int32Array, centres: Float32Array): Float32Array {
  const dim = rows.length / assignment.length;
  const counts = new Float64Array(centres.length / dim);
  const sums = new Float64Array(centres.length);
  assignment.forEach((cluster, row) => {
    counts[cluster] = at(counts, cluster) + 1;
    for (let d = 0; d < dim; d++)
      sums[cluster * dim + d] = at(sums, cluster * dim + d) + at(rows, row * dim + d);
  });
  const result = Float32Array.from(sums, (sum, i) => sum / at(counts, Math.floor(i / dim)));
  const empty = [...counts.keys()].filter((cluster) => counts[cluster] === 0);
  if (empty.length === 0) return result;
  const far = farthestRows(rows, assignment, { centres, count: empty.length });
  empty.forEach((cluster, i) => {
    const row = far[i];
    const source = row === undefined ? centres.subarray(cluster * dim) : rows.subarray(row * dim);
    result.set(source.subarray(0, dim), cluster * dim);
  });
  return result;
}

/** Different rows by falling distance to their own centre; rows that sit on their centre are left out. */
function farthestRows(
  rows: Float32Array,
  assignment: Int32Array,
  { centres, count }: { centres: Float32Array; count: number },
): number[] {
  const dim = rows.length / assignment.length;
  const distances = Float64Array.from(assignment, (cluster, row) => {
    let sum = 0;
    for (let d = 0; d < dim; d++) sum += (at(rows, row * dim + d) - at(centres, cluster * dim + d)) ** 2;
    return sum;
  });
  const order = [...distances.keys()].filter((row) => at(distances, row) > 0);
  order.sort((a, b) => at(distances, b) - at(distances, a) || a - b);
  return firstDistinct(rows, order, { dim, count });
}

/** The first `count` of `order` whose rows differ bit for bit. */
function firstDistinct(
  rows: Float32Array,
  order: readonly number[],
  { dim, count }: { dim: number; count: number },
): number[] {
  const bytes = Buffer.from(rows.buffer, rows.byteOffset, rows.byteLength);
  const seen = new Set<string>();
  const picked: number[] = [];
  for (const row of order) {
    if (picked.length === count) break;
    const key = bytes.toString("latin1", row * dim * 4, (row + 1) * dim * 4);
    if (seen.has(key)) continue;
    seen.add(key);
    picked.push(row);
  }
  return picked;
}

function standardDeviation(values: Float32Array): number {
  let sum = 0;
  let squares = 0;
  for (const value of values) {
    sum += value;
    squares += value * value;
  }
  const mean = sum / values.length;
  return Math.sqrt(Math.max(0, squares / values.length - mean * mean));
}

/** `values[i]`, for an index known to be inside. */
function at(values: Float32Array | Float64Array, i: number): number {
  return values[i] as number;
}
