import { loadItem, type SourceItem } from "../../../src/data/image-source.js";
import type { IndexedImages } from "../../../src/data/index.js";
import { ImageError } from "../../../src/data/index.js";

/** What an image is called, and its bytes, its path, or why it cannot be read. */
export type Content = readonly [name: string, content: number[] | string];

/** Anything thrown that is no `ImageError` is thrown. */
async function contentOf(name: string, load: () => Promise<unknown>): Promise<Content> {
  try {
    const source = await load();
    return [name, source instanceof Uint8Array ? [...source] : String(source)];
  } catch (error) {
    if (!(error instanceof ImageError)) throw error;
    // What a damaged archive is said to be is told by another reader.
    return [name, error.reason.replace(/ \(.*$/, "")];
  }
}

/** The items of a source one after the other. */
export async function streamed(items: AsyncIterable<SourceItem>): Promise<Content[]> {
  const all: Content[] = [];
  for await (const item of items) {
    all.push(await contentOf(item.where ?? item.name, async () => (await loadItem(item)).source));
  }
  return all;
}

/** Each image by its number, the last one first, in their order. */
export async function backwards(images: IndexedImages): Promise<Content[]> {
  const all: Content[] = [];
  for (let index = images.length - 1; index >= 0; index--) {
    all.push(await contentOf(images.name(index), () => images.load(index)));
  }
  return all.reverse();
}

/** The images of these numbers, read at one go. */
export async function readAtOnce(images: IndexedImages, indices: readonly number[]): Promise<Content[]> {
  const all: Content[] = [];
  for await (const item of images.read(indices)) {
    if (item.index !== indices[all.length]) throw new Error("another image than the one that was asked for");
    all.push(await contentOf(item.name, async () => (await loadItem(item)).source));
  }
  return all;
}
