import { createHash } from "node:crypto";
import { VqkitError } from "../../core/errors.js";
import { type Codes, sliceCodes } from "../codes.js";
import { imageFields } from "./image-fields.js";

/**
 * Entries that stand in the files although the batch that they came in does not as a whole: a row group of Parquet may
 * end in the middle of one. Who goes on from the end of the batch before gets them once more, and must not write them
 * again.
 */
export interface WrittenAhead {
  readonly entries: number;
  /** SHA-256, in hex, of what they are: shows that the same ones come again. */
  readonly digest: string;
}

/** The first `count` entries of a batch. */
export function writtenAhead(codes: Codes, count: number): WrittenAhead {
  const digest = new EntriesDigest();
  if (count > 0) digest.add(sliceCodes(codes, 0, count));
  return { entries: count, digest: digest.hex() };
}

/** Takes entries that are in the files already out of the batches that come. */
export class AheadFilter {
  #left: number;
  readonly #expected: string;
  readonly #digest = new EntriesDigest();

  constructor({ entries, digest }: WrittenAhead) {
    this.#left = entries;
    this.#expected = digest;
  }

  /** How many are still to come. */
  get left(): number {
    return this.#left;
  }

  /**
   * @returns what is to be written of a batch; undefined for nothing
   * @throws VqkitError("codes") when the entries are not those that were written
   */
  take(codes: Codes): Codes | undefined {
    const count = codes.images.length;
    const known = Math.min(this.#left, count);
    if (known === 0) return codes;
    this.#digest.add(sliceCodes(codes, 0, known));
    this.#left -= known;
    if (this.#left === 0 && this.#digest.hex() !== this.#expected) {
      throw new VqkitError(
        "codes",
        `codes: expected ${codes.images[known - 1]?.name} and those before it as the interrupted run wrote them, got others. Give the same images as before.`,
      );
    }
    return known === count ? undefined : sliceCodes(codes, known);
  }
}

/** Of entries one after another, however they come in batches. */
class EntriesDigest {
  readonly #hash = createHash("sha256");

  add(codes: Codes): void {
    const { images, indices, shape } = codes;
    const length = indices.length / images.length;
    for (const [i, image] of images.entries()) {
      this.#hash.update(JSON.stringify({ ...imageFields(image), shape: shape.slice(1) }));
      const { buffer, byteOffset, byteLength } = indices.subarray(i * length, (i + 1) * length);
      this.#hash.update(new Uint8Array(buffer, byteOffset, byteLength));
    }
  }

  hex(): string {
    return this.#hash.copy().digest("hex");
  }
}
