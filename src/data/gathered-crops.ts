import type { ImageBatch } from "./batch.js";
import type { Size } from "./geometry.js";

/** Gathers crops of one size into batches; a batch ends where a part of the set does. */
export class GatheredCrops {
  readonly #batchSize: number;
  readonly #size: Size;
  readonly #bytes: number;
  /** Crops up to now. */
  total = 0;
  #pixels: Uint8Array;
  #files: string[] = [];
  #part: number | undefined;

  constructor(batchSize: number, size: Size) {
    this.#batchSize = batchSize;
    this.#size = size;
    this.#bytes = size.height * size.width * 3;
    this.#pixels = new Uint8Array(batchSize * this.#bytes);
  }

  /** Adds the crops of a file, one behind the other. @returns the batches that are whole now */
  *add(
    file: string,
    { crops, part }: { readonly crops: Uint8Array; readonly part: number | undefined },
  ): Generator<ImageBatch, void, undefined> {
    if (part !== this.#part) yield* this.rest();
    this.#part = part;
    for (let at = 0; at < crops.length; at += this.#bytes) {
      this.#pixels.set(crops.subarray(at, at + this.#bytes), this.#files.length * this.#bytes);
      this.#files.push(file);
      this.total++;
      if (this.#files.length === this.#batchSize) yield* this.rest();
    }
  }

  /** What is gathered, and no whole batch; nothing where there is none. */
  *rest(): Generator<ImageBatch, void, undefined> {
    const count = this.#files.length;
    if (count === 0) return;
    const isWhole = count === this.#batchSize;
    const pixels = isWhole ? this.#pixels : this.#pixels.slice(0, count * this.#bytes);
    const batch = { pixels, count, ...this.#size, files: this.#files };
    if (isWhole) this.#pixels = new Uint8Array(this.#batchSize * this.#bytes);
    this.#files = [];
    yield this.#part === undefined ? batch : { ...batch, part: this.#part };
  }
}
