import { Random } from "../core/random.js";

/** Files to train on and files kept back for evaluation; disjoint, each in the order of the whole list. */
export interface FileSplit {
  readonly train: readonly string[];
  readonly heldOut: readonly string[];
}

/**
 * Keeps back the nearest whole number to `fraction` (0 <= fraction < 1) of the files, chosen by the seed.
 *
 * Above 0, at least one file is kept back where there are two or more; at least one is always left to train on. The
 * split is by file, so that no two crops of one image stand on both sides.
 */
export function splitFiles(files: readonly string[], fraction: number, seed: number): FileSplit {
  if (fraction === 0 || files.length < 2) return { train: [...files], heldOut: [] };
  const count = Math.min(files.length - 1, Math.max(1, Math.round(fraction * files.length)));
  const chosen = new Set(new Random(seed, "split").shuffled(files).slice(0, count));
  return {
    train: files.filter((file) => !chosen.has(file)),
    heldOut: files.filter((file) => chosen.has(file)),
  };
}
