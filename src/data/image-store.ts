import type { BrokenImage, ImageNote } from "./batch.js";
import { type DecodedFile, decodeItem, type ImageTransform } from "./decode.js";
import type { SourceItem } from "./image-source.js";
import type { RgbImage } from "./images.js";
import type { IndexedItem } from "./indexed/indexed-images.js";

export interface ImageStoreOptions {
  readonly transform: ImageTransform;
  /** What becomes of each image behind that; default nothing. */
  readonly prepare?: (image: RgbImage) => RgbImage;
  /** Bytes of decoded pixels that may be kept; 0 keeps none. */
  readonly cacheBytes: number;
  /** Called once for each image found broken. */
  readonly onBroken?: (broken: BrokenImage) => void;
  /** Called once for each note on an image, however often it is decoded. */
  readonly onNote?: (note: ImageNote) => void;
}

/**
 * Decoded images by their numbers, each decoded once while it fits into the cache.
 *
 * The cache keeps what came first and never evicts: every epoch visits all files once in a new order, and under that
 * pattern evicting the least recent would serve fewer hits at equal memory.
 */
export class ImageStore {
  readonly #options: ImageStoreOptions;
  readonly #kept = new Map<number, RgbImage>();
  readonly #broken = new Map<number, BrokenImage>();
  /** Images whose notes have been told. */
  readonly #noted = new Set<number>();
  /** Decodes under way, shared by all who ask for the same image meanwhile. */
  readonly #pending = new Map<number, Promise<RgbImage | undefined>>();
  /** Of pixels, at most `cacheBytes`. */
  #keptBytes = 0;

  constructor(options: ImageStoreOptions) {
    this.#options = options;
  }

  /** Broken images met so far, each once. */
  get broken(): readonly BrokenImage[] {
    return [...this.#broken.values()];
  }

  /** The decoded image, or undefined when it is broken. It is brought only if it is not here. */
  async get(item: IndexedItem): Promise<RgbImage | undefined> {
    const { index } = item;
    if (this.#broken.has(index)) return undefined;
    const kept = this.#kept.get(index);
    if (kept !== undefined) return kept;
    const pending = this.#pending.get(index) ?? this.#decode(index, item);
    this.#pending.set(index, pending);
    return pending;
  }

  async #decode(index: number, item: SourceItem): Promise<RgbImage | undefined> {
    try {
      const result = await decodeItem(item, this.#options.transform);
      if ("reason" in result) {
        this.#broken.set(index, result);
        this.#options.onBroken?.(result);
        return undefined;
      }
      this.#tell(index, result);
      const image = this.#options.prepare?.(result.image) ?? result.image;
      this.#keep(index, image);
      return image;
    } finally {
      this.#pending.delete(index);
    }
  }

  #tell(index: number, { file, notes }: DecodedFile): void {
    if (notes.length === 0 || this.#noted.has(index)) return;
    this.#noted.add(index);
    for (const note of notes) this.#options.onNote?.({ file, note });
  }

  #keep(index: number, image: RgbImage): void {
    const bytes = image.pixels.byteLength;
    if (this.#keptBytes + bytes > this.#options.cacheBytes) return;
    this.#kept.set(index, image);
    this.#keptBytes += bytes;
  }
}
