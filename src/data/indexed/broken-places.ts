import { basename } from "node:path";
import { type ImageSource, loadItem, type SourceItem } from "../image-source.js";
import { type IndexedImages, type IndexedItem, readEach } from "./indexed-images.js";

/** Items that stand for what could not be read, each in the place of the images that would be there. */
export class BrokenPlaces implements IndexedImages {
  readonly sequential = undefined;
  readonly #items: readonly SourceItem[];

  constructor(items: readonly SourceItem[]) {
    this.#items = items;
  }

  get length(): number {
    return this.#items.length;
  }

  name(index: number): string {
    const { name, where = name } = this.#items[index] as SourceItem;
    return where;
  }

  identity(index: number): string {
    return basename(this.name(index));
  }

  async load(index: number): Promise<ImageSource> {
    return (await loadItem(this.#items[index] as SourceItem)).source;
  }

  read(indices: Iterable<number>): AsyncGenerator<IndexedItem, void, undefined> {
    return readEach(this, indices);
  }

  *partLengths(): Generator<number, void, undefined> {
    yield this.length;
  }
}
