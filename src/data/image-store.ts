import type { BrokenImage, ImageNote } from "./batch.js";
import { decodeFile, type ImageTransform } from "./decode.js";
import type { RgbImage } from "./images.js";

export interface ImageStoreOptions {
  readonly transform: ImageTransform;
  /** What becomes of each image behind that; default nothing. */
  readonly prepare?: (image: RgbImage) => RgbImage;
  /** Bytes of decoded pixels that may be kept; 0 keeps none. */
  readonly cacheBytes: number;
  /** Called once for each file found broken. */
  readonly onBroken?: (broken: BrokenImage) => void;
  /** Called once for each note on a file, however often it is decoded. */
  readonly onNote?: (note: ImageNote) => void;
}

/**
 * Decoded images by file, each decoded once while it fits into the cache.
 *
 * The cache keeps what came first and never evicts: every epoch visits all files once in a new order, and under that
 * pattern evicting the least recent would serve fewer hits at equal memory.
 */
export class ImageStore {
  readonly #options: ImageStoreOptions;
  readonly #kept = new Map<string, RgbImage>();
  readonly #broken = new Map<string, BrokenImage>();
  /** Files whose notes have been told. */
  readonly #noted = new Set<string>();
  /** Decodes under way, shared by all who ask for the same file meanwhile. */
  readonly #pending = new Map<string, Promise<RgbImage | undefined>>();
  /** Of pixels, at most `cacheBytes`. */
  #keptBytes = 0;

  constructor(options: ImageStoreOptions) {
    this.#options = options;
  }

  /** Broken files met so far, each once. */
  get broken(): readonly BrokenImage[] {
    return [...this.#broken.values()];
  }

  /** The decoded image, or undefined when the file is broken. */
  async get(file: string): Promise<RgbImage | undefined> {
    if (this.#broken.has(file)) return undefined;
    const kept = this.#kept.get(file);
    if (kept !== undefined) return kept;
    const pending = this.#pending.get(file) ?? this.#decode(file);
    this.#pending.set(file, pending);
    return pending;
  }

  async #decode(file: string): Promise<RgbImage | undefined> {
    try {
      const result = await decodeFile(file, this.#options.transform);
      if ("reason" in result) {
        this.#broken.set(file, result);
        this.#options.onBroken?.(result);
        return undefined;
      }
      this.#tell(file, result.notes);
      const image = this.#options.prepare?.(result.image) ?? result.image;
      this.#keep(file, image);
      return image;
    } finally {
      this.#pending.delete(file);
    }
  }

  #tell(file: string, notes: readonly string[]): void {
    if (notes.length === 0 || this.#noted.has(file)) return;
    this.#noted.add(file);
    for (const note of notes) this.#options.onNote?.({ file, note });
  }

  #keep(file: string, image: RgbImage): void {
    const bytes = image.pixels.byteLength;
    if (this.#keptBytes + bytes > this.#options.cacheBytes) return;
    this.#kept.set(file, image);
    this.#keptBytes += bytes;
  }
}
