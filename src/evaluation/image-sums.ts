import { createHash, type Hash } from "node:crypto";
import { VqkitError } from "../core/errors.js";
import type { ImageBatch } from "../data/index.js";
import { compareImages, type EightBitImages, type ImageFigures } from "../metrics/index.js";

/** What is noted down of images and their reconstructions, as it goes into files. */
export interface ImageRecords {
  /** `HEIGHTxWIDTH` of all of them. */
  readonly size: string;
  /** Of each image. */
  readonly perImage: readonly ImageFigures[];
  /** Of each batch: the loss times its images. */
  readonly losses: readonly number[];
  /** SHA-256 of the pixels of each part, in hex. */
  readonly digests: readonly string[];
}

/** Notes down how near images are to their reconstructions, takes a digest of the images, and holds them to one size. */
export class ImageSums {
  readonly perImage: ImageFigures[] = [];
  readonly losses: number[] = [];
  readonly #digests: string[] = [];
  #hash: Hash | undefined;
  #size: string | undefined;

  /** How many there were. */
  get images(): number {
    return this.perImage.length;
  }

  /** Mean over images. */
  get meanLoss(): number {
    return this.losses.reduce((sum, each) => sum + each, 0) / this.images;
  }

  /** @param loss mean over the batch @throws VqkitError("data") for another size than before */
  add(batch: ImageBatch, reconstructions: EightBitImages, loss: number): void {
    const { pixels, count, height, width } = batch;
    this.#checkSize(`${height}x${width}`);
    this.#hash ??= createHash("sha256").update(`${height}x${width}\n`);
    this.#hash.update(pixels);
    this.perImage.push(...compareImages(batch, reconstructions));
    this.losses.push(loss * count);
  }

  /** Adds a part of the set that comes behind. @throws VqkitError("data") for images of another size */
  merge(other: ImageSums): void {
    const { size, perImage, losses, digests } = other.records();
    if (size === undefined) return;
    this.#checkSize(size);
    this.#close();
    this.#digests.push(...digests);
    for (const each of perImage) this.perImage.push(each);
    for (const each of losses) this.losses.push(each);
  }

  /** What it holds; the next image begins another part. */
  records(): Omit<ImageRecords, "size"> & { readonly size: string | undefined } {
    this.#close();
    return { size: this.#size, perImage: this.perImage, losses: this.losses, digests: this.#digests };
  }

  static of({ size, perImage, losses, digests }: ImageRecords): ImageSums {
    const sums = new ImageSums();
    sums.#size = size;
    for (const each of perImage) sums.perImage.push(each);
    for (const each of losses) sums.losses.push(each);
    sums.#digests.push(...digests);
    return sums;
  }

  /**
   * The first 16 hexadecimal digits of the SHA-256 of all pixels in order, behind a line with their size. Of several parts
   * it is the SHA-256 of theirs, in hex, a line each.
   */
  digest(): string {
    this.#close();
    const [first = "", ...others] = this.#digests;
    const whole =
      others.length === 0
        ? first
        : createHash("sha256")
            .update(this.#digests.map((each) => `${each}\n`).join(""))
            .digest("hex");
    return whole.slice(0, 16);
  }

  #close(): void {
    if (this.#hash !== undefined) this.#digests.push(this.#hash.digest("hex"));
    this.#hash = undefined;
  }

  #checkSize(size: string): void {
    this.#size ??= size;
    if (size === this.#size) return;
    throw new VqkitError(
      "data",
      `evaluation images: expected all ${this.#size} (height x width), got ${size}. Crop them to one size.`,
    );
  }
}

/** What sums up a set of images part by part, so that parts may be summed up apart from each other. */
export class PartSums<S extends { merge(other: S): void }> {
  readonly #make: () => S;
  #whole: S | undefined;
  #part: S | undefined;
  #at: number | undefined;

  /** @param make sums of no image */
  constructor(make: () => S) {
    this.#make = make;
  }

  /** The sums that a batch of a part is added to; parts come in order. */
  of(part: number | undefined): S {
    if (this.#part === undefined || part !== this.#at) {
      this.#merge();
      this.#part = this.#make();
      this.#at = part;
    }
    return this.#part;
  }

  /** The sums of all parts; undefined where there was no image. */
  all(): S | undefined {
    this.#merge();
    return this.#whole;
  }

  /** A single part stays as it is, to the last bit. */
  #merge(): void {
    if (this.#part === undefined) return;
    if (this.#whole === undefined) this.#whole = this.#part;
    else this.#whole.merge(this.#part);
    this.#part = undefined;
  }
}
