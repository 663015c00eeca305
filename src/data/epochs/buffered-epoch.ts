import type { ImageSource } from "../image-source.js";
import type { IndexedImages, IndexedItem } from "../indexed/indexed-images.js";
import { type BufferedOrder, bufferedOrder } from "./buffered-order.js";
import type { Epoch } from "./epoch.js";

/** Images that have been shown and are kept a little, for a broken one near to them may show the next. */
const KEPT_BEHIND = 64;

export interface BufferedEpochOptions {
  readonly number: number;
  readonly seed: number;
  /** Images in the buffer, >= 1. */
  readonly size: number;
  /** The first position that is asked for. */
  readonly start: number;
}

/**
 * An epoch whose images are read one after the other and shown out of a shuffle buffer: image files as they were found,
 * undecoded. The images that are in the buffer where an epoch is entered follow from the seed, and are read again; what has
 * been shown before is passed over.
 */
export class BufferedEpoch implements Epoch {
  readonly number: number;
  readonly #images: IndexedImages;
  readonly #order: BufferedOrder;
  readonly #items: AsyncGenerator<IndexedItem, void, undefined>;
  /** Places of the reading order that are to be read, ascending. */
  readonly #places: Uint32Array;
  #read = 0;
  /** By their places; what has been read, and is not far behind. */
  readonly #held = new Map<number, Promise<ImageSource>>();
  readonly #shown: number[] = [];
  /** Whoever asks waits for those who asked before. */
  #turn: Promise<void> = Promise.resolve();

  /** @param train numbers of the images, ascending */
  constructor(images: IndexedImages, train: Uint32Array, options: BufferedEpochOptions) {
    const { number, seed, size, start } = options;
    this.number = number;
    this.#images = images;
    const partLengths = images.partLengths();
    this.#order = bufferedOrder(train, { partLengths, size, seed, epoch: number });
    const { reading, shown } = this.#order;
    this.#places = shown.slice(start).sort();
    this.#items = images.read(this.#places.map((place) => reading[place] as number));
  }

  get length(): number {
    return this.#order.shown.length;
  }

  /** Images that are held in memory now. */
  get held(): number {
    return this.#held.size;
  }

  index(position: number): number {
    const { reading, shown } = this.#order;
    return reading[shown[position] as number] as number;
  }

  /** Reads at once, so that the buffer is the same whether the image is then wanted or known already. */
  source(position: number): () => Promise<ImageSource> {
    const place = this.#order.shown[position] as number;
    const ready = this.#turn.then(() => this.#readTo(place));
    this.#turn = ready.catch(() => {
      // Whoever asked is told.
    });
    const image = ready.then(() => this.#held.get(place) ?? this.#images.load(this.index(position)));
    const leave = (): void => this.#leave(place);
    void image.then(leave, leave);
    return () => image;
  }

  async close(): Promise<void> {
    await this.#turn;
    await this.#items.return();
    this.#held.clear();
  }

  async #readTo(place: number): Promise<void> {
    while (this.#read < this.#places.length && (this.#places[this.#read] as number) <= place) {
      const next = await this.#items.next();
      if (next.done === true) return; // closed meanwhile
      const { source } = next.value;
      const image = Promise.resolve(typeof source === "function" ? source() : source);
      this.#held.set(this.#places[this.#read] as number, image);
      this.#read++;
      await image.catch(() => {
        // A broken one is told when it is shown.
      });
      // Whatever the items are read from need not stay open.
      if (this.#read === this.#places.length) await this.#items.return();
    }
  }

  #leave(place: number): void {
    this.#shown.push(place);
    if (this.#shown.length > KEPT_BEHIND) this.#held.delete(this.#shown.shift() as number);
  }
}
