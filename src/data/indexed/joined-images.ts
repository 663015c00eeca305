import type { ImageSource } from "../image-source.js";
import { type IndexedImages, type IndexedItem, itemAt } from "./indexed-images.js";

/** A part, and the number of its first image in the whole. */
interface PlacedPart {
  readonly images: IndexedImages;
  readonly start: number;
}

/** Images of several kinds, one behind the other. */
export class JoinedImages implements IndexedImages {
  readonly length: number;
  readonly sequential: string | undefined;
  readonly #parts: readonly PlacedPart[];

  constructor(parts: readonly IndexedImages[]) {
    let start = 0;
    this.#parts = parts.flatMap((images) => {
      if (images.length === 0) return [];
      const placed = { images, start };
      start += images.length;
      return [placed];
    });
    this.length = start;
    this.sequential = parts.find(({ sequential }) => sequential !== undefined)?.sequential;
  }

  name(index: number): string {
    const { images, start } = this.#partOf(index);
    return images.name(index - start);
  }

  identity(index: number): string {
    const { images, start } = this.#partOf(index);
    return images.identity(index - start);
  }

  async load(index: number): Promise<ImageSource> {
    const { images, start } = this.#partOf(index);
    return images.load(index - start);
  }

  async *read(indices: Iterable<number>): AsyncGenerator<IndexedItem, void, undefined> {
    let together: { readonly part: PlacedPart; readonly indices: number[] } | undefined;
    for (const index of indices) {
      const part = this.#partOf(index);
      if (together !== undefined && together.part !== part) {
        yield* readPart(together.part, together.indices);
        together = undefined;
      }
      if (part.images.sequential === undefined) yield itemAt(this, index);
      else {
        together ??= { part, indices: [] };
        together.indices.push(index - part.start);
      }
    }
    if (together !== undefined) yield* readPart(together.part, together.indices);
  }

  *partLengths(): Generator<number, void, undefined> {
    for (const { images } of this.#parts) yield* images.partLengths();
  }

  /** The last part that does not begin behind the image. */
  #partOf(index: number): PlacedPart {
    let [low, high] = [0, this.#parts.length - 1];
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if ((this.#parts[middle] as PlacedPart).start <= index) low = middle;
      else high = middle - 1;
    }
    return this.#parts[low] as PlacedPart;
  }
}

async function* readPart(
  { images, start }: PlacedPart,
  indices: readonly number[],
): AsyncGenerator<IndexedItem, void, undefined> {
  for await (const item of images.read(indices)) yield { ...item, index: item.index + start };
}
