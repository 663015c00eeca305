import { Random } from "../../core/random.js";
import type { ImageSource } from "../image-source.js";
import type { IndexedImages } from "../indexed/indexed-images.js";
import type { Epoch } from "./epoch.js";

/** An epoch in which every order is as likely as any other, for images that can each be had by itself. */
export class ShuffledEpoch implements Epoch {
  readonly number: number;
  readonly #images: IndexedImages;
  readonly #order: Uint32Array;

  /** @param train numbers of the images, ascending */
  constructor(images: IndexedImages, train: Uint32Array, { number, seed }: { number: number; seed: number }) {
    this.number = number;
    this.#images = images;
    this.#order = train.slice();
    new Random(seed, "order", number).shuffle(this.#order);
  }

  get length(): number {
    return this.#order.length;
  }

  index(position: number): number {
    return this.#order[position] as number;
  }

  source(position: number): () => Promise<ImageSource> {
    return () => this.#images.load(this.index(position));
  }

  async close(): Promise<void> {}
}
