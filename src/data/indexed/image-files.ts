import { basename } from "node:path";
import type { ImageSource } from "../image-source.js";
import { type IndexedImages, type IndexedItem, readEach } from "./indexed-images.js";

/** Image files, each an image by its path. */
export class ImageFiles implements IndexedImages {
  readonly sequential = undefined;
  readonly #paths: readonly string[];

  constructor(paths: readonly string[]) {
    this.#paths = paths;
  }

  get length(): number {
    return this.#paths.length;
  }

  name(index: number): string {
    return this.#paths[index] as string;
  }

  identity(index: number): string {
    return basename(this.name(index));
  }

  async load(index: number): Promise<ImageSource> {
    return this.name(index);
  }

  read(indices: Iterable<number>): AsyncGenerator<IndexedItem, void, undefined> {
    return readEach(this, indices);
  }

  *partLengths(): Generator<number, void, undefined> {
    for (const _ of this.#paths) yield 1;
  }
}
