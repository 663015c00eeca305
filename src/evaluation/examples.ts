import { evenlySpaced } from "../core/evenly.js";
import { type ImageBatch, imageOfBatch, type RgbImage } from "../data/index.js";

/** Images and what a model made of them; entry i of both belongs together. Each owns its pixels. */
export interface ExampleImages {
  readonly originals: readonly RgbImage[];
  readonly reconstructions: readonly RgbImage[];
}

interface Pair {
  readonly original: RgbImage;
  readonly reconstruction: RgbImage;
}

/**
 * Picks a few examples out of a stream of batches: from as many files as possible, and of each file crops that lie
 * apart. Holds at most limit² pairs, of the first `limit` files.
 */
export class ExampleCollector {
  readonly #limit: number;
  readonly #byFile = new Map<string, Pair[]>();

  /** @param limit how many examples are wanted, an integer >= 0 */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** @param reconstructions of the batch, the same sizes */
  add(batch: ImageBatch, reconstructions: Omit<ImageBatch, "files">): void {
    for (const [i, file] of batch.files.entries()) {
      const pairs = this.#byFile.get(file) ?? [];
      const isNew = pairs.length === 0;
      if (pairs.length >= this.#limit || (isNew && this.#byFile.size >= this.#limit)) continue;
      if (isNew) this.#byFile.set(file, pairs);
      const reconstruction = imageOfBatch({ ...reconstructions, files: batch.files }, i);
      pairs.push({ original: copied(imageOfBatch(batch, i)), reconstruction: copied(reconstruction) });
    }
  }

  /** The examples in the order of their files; fewer than the limit only where there were fewer. */
  examples(): ExampleImages {
    const groups = [...this.#byFile.values()];
    const shares = sharesOf(
      groups.map((pairs) => pairs.length),
      this.#limit,
    );
    const chosen = groups.flatMap((pairs, i) =>
      evenlySpaced(pairs.length, shares[i] ?? 0).map((at) => pairs[at] as (typeof pairs)[number]),
    );
    return {
      originals: chosen.map(({ original }) => original),
      reconstructions: chosen.map(({ reconstruction }) => reconstruction),
    };
  }
}

/** How many to take of each group, one from each in turn, until `total` or all are taken. */
function sharesOf(available: readonly number[], total: number): number[] {
  const shares = available.map(() => 0);
  let left = Math.min(
    total,
    available.reduce((sum, count) => sum + count, 0),
  );
  while (left > 0) {
    for (const [i, count] of available.entries()) {
      const share = shares[i] as number;
      if (left === 0 || share === count) continue;
      shares[i] = share + 1;
      left--;
    }
  }
  return shares;
}

function copied(image: RgbImage): RgbImage {
  return { ...image, pixels: image.pixels.slice() };
}
