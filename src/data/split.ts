import { Random } from "../core/random.js";

/** Files to train on and files kept back for evaluation; disjoint, each in the order of the whole list. */
export interface FileSplit {
  readonly train: readonly string[];
  readonly heldOut: readonly string[];
}

/** The same of images that are known by their numbers, ascending. */
export interface IndexSplit {
  readonly train: Uint32Array;
  readonly heldOut: Uint32Array;
}

/**
 * Keeps back the nearest whole number to `fraction` (0 <= fraction < 1) of the files, chosen by the seed.
 *
 * Above 0, at least one file is kept back where there are two or more; at least one is always left to train on. The
 * split is by file, so that no two crops of one image stand on both sides.
 */
export function splitFiles(files: readonly string[], fraction: number, seed: number): FileSplit {
  const { train, heldOut } = splitImages(files.length, fraction, seed);
  const named = (indices: Uint32Array) => Array.from(indices, (index) => files[index] as string);
  return { train: named(train), heldOut: named(heldOut) };
}

/**
 * As `splitFiles`, of images that are counted. Which are kept back depends on their places in the order alone: the same
 * images in a folder and in shards are split alike where their order is the same.
 */
export function splitImages(length: number, fraction: number, seed: number): IndexSplit {
  const all = Uint32Array.from({ length }, (_, i) => i);
  if (fraction === 0 || length < 2) return { train: all, heldOut: new Uint32Array(0) };
  const count = Math.min(length - 1, Math.max(1, Math.round(fraction * length)));
  const shuffled = all.slice();
  new Random(seed, "split").shuffle(shuffled);
  return { train: shuffled.slice(count).sort(), heldOut: shuffled.slice(0, count).sort() };
}
