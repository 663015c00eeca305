import { evenlySpaced } from "../../core/evenly.js";
import type { SourceItem } from "../image-source.js";
import { type IndexedImages, type IndexedItem, itemAt } from "./indexed-images.js";

/** Some of the images of a source, in its order. */
export class ImageSelection {
  readonly #images: IndexedImages;
  /** Numbers of images, ascending. */
  readonly indices: Uint32Array;

  /** @param indices ascending */
  constructor(images: IndexedImages, indices: Uint32Array) {
    this.#images = images;
    this.indices = indices;
  }

  get length(): number {
    return this.indices.length;
  }

  /** What messages call them: paths, or paths of shards and places there. */
  names(): string[] {
    return Array.from(this.indices, (index) => this.#images.name(index));
  }

  /** What a resumed run knows them by. */
  *identities(): Generator<string, void, undefined> {
    for (const index of this.indices) yield this.#images.identity(index);
  }

  /** One of them, which is brought when it is asked for. @param at from 0 */
  item(at: number): SourceItem {
    return itemAt(this.#images, this.indices[at] as number);
  }

  /** Those from one place on, up to another and without it. */
  slice(from: number, to: number): ImageSelection {
    return new ImageSelection(this.#images, this.indices.subarray(from, to));
  }

  /** All of them, one after the other. */
  read(): AsyncGenerator<IndexedItem, void, undefined> {
    return this.#images.read(this.indices);
  }

  /** Some of them, at most `most`: spread evenly where each can be had by itself, otherwise the first. */
  async sample(most: number): Promise<readonly SourceItem[]> {
    const count = Math.min(most, this.length);
    if (this.#images.sequential === undefined) {
      return evenlySpaced(this.length, count).map((at) => this.item(at));
    }
    const first: SourceItem[] = [];
    for await (const item of this.#images.read(this.indices.subarray(0, count))) first.push(item);
    return first;
  }
}
