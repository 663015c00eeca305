import type { ImageSource, SourceItem } from "../image-source.js";

/** An item of a source, and its number there. */
export interface IndexedItem extends SourceItem {
  readonly index: number;
}

/**
 * Images that are counted, and known by their numbers from 0 in an order that does not change: what a dataset is made of.
 * Image files, tar shards and Parquet files are each one form of it, and so are several of them one behind the other.
 */
export interface IndexedImages {
  readonly length: number;
  /** What messages call an image: its path, or that of its shard and its place there. */
  name(index: number): string;
  /** What a resumed run knows an image by: its name and that of its shard, without folders, so that all may be moved. */
  identity(index: number): string;
  /** One image, whenever it is asked for. @throws ImageError for a broken one */
  load(index: number): Promise<ImageSource>;
  /** The images of these numbers, in this order; ascending ones are read at one go where that is quicker. */
  read(indices: Iterable<number>): AsyncGenerator<IndexedItem, void, undefined>;
  /** A file whose images can be read from its beginning on alone, as it is compressed; undefined where there is none. */
  readonly sequential: string | undefined;
  /** How many images stand in each part that is best read at one go: an image file, a tar shard, a row group. */
  partLengths(): Iterable<number>;
}

/** Images that are brought by themselves, one after the other. */
export async function* readEach(
  images: Pick<IndexedImages, "name" | "load">,
  indices: Iterable<number>,
): AsyncGenerator<IndexedItem, void, undefined> {
  for (const index of indices) yield itemAt(images, index);
}

/** An image as an item, which is brought when it is asked for. */
export function itemAt(images: Pick<IndexedImages, "name" | "load">, index: number): IndexedItem {
  return { index, name: images.name(index), source: () => images.load(index) };
}
