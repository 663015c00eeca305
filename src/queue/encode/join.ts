import { VqkitError } from "../../core/errors.js";
import {
  advanced,
  beginsImage,
  type Codes,
  concatCodes,
  type EncodedBatch,
  NOTHING_READ,
  openCodes,
  type SourceProgress,
  sliceCodes,
} from "../../tokenizer/index.js";
import type { PieceRecord } from "./piece.js";

/** Puts pieces one behind the other into the batches of one encoding, from a place on. */
export class PieceJoin {
  readonly #start: SourceProgress | undefined;
  #at: SourceProgress = NOTHING_READ;

  /** @param start a batch of an earlier encoding of the same images; those up to there are passed over */
  constructor(start?: SourceProgress) {
    this.#start = start;
  }

  /** How far the source has been read. */
  get at(): SourceProgress {
    return this.#at;
  }

  /**
   * The batches of the next piece.
   *
   * @param codes its folder of codes
   * @throws VqkitError("data") when what is passed over is not what was done; VqkitError("format") for damaged codes
   */
  async *add(
    { names, batches, broken }: PieceRecord,
    codes: string,
  ): AsyncGenerator<EncodedBatch, void, undefined> {
    const base = this.#at;
    const entries = new Entries(codes);
    let done = 0;
    for (const [itemsDone, itemsBroken, size] of batches) {
      const items = names.slice(done, itemsDone);
      const isPassed = base.itemsDone + itemsDone <= this.#done;
      const missing = this.#done - (base.itemsDone + done);
      this.#advance(items, base.itemsBroken + itemsBroken);
      done = itemsDone;
      if (isPassed) {
        entries.skip(size);
        continue;
      }
      const batch = await entries.take(size);
      const rest = missing > 0 ? withoutItems(batch, items.slice(0, missing)) : batch;
      if (rest !== undefined) yield { ...rest, ...this.#at };
    }
    this.#advance(names.slice(done), base.itemsBroken + broken.length);
  }

  /** @throws VqkitError("data") when the pieces have fewer items than were done before */
  end(): void {
    if (this.#at.itemsDone >= this.#done) return;
    throw new VqkitError(
      "data",
      `images: expected at least the ${this.#done} that are done, got ${this.#at.itemsDone}. Give the same images as before.`,
    );
  }

  get #done(): number {
    return this.#start?.itemsDone ?? 0;
  }

  #advance(names: readonly string[], itemsBroken: number): void {
    for (const name of names) {
      this.#at = { ...advanced(this.#at, name, false), itemsBroken };
      if (this.#at.itemsDone !== this.#start?.itemsDone) continue;
      if (this.#at.itemsDigest === this.#start.itemsDigest) continue;
      throw new VqkitError(
        "data",
        `images: expected the first ${this.#done} to be those that are done, got others or in another order. Give the same images as before.`,
      );
    }
  }
}

/** The entries of a folder of codes, in order, as many at a time as are asked for. */
class Entries {
  readonly #folder: string;
  #batches: AsyncGenerator<Codes, void, undefined> | undefined;
  #rest: Codes | undefined;
  #skipped = 0;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Nothing is read for them as long as nothing behind them is. */
  skip(count: number): void {
    this.#skipped += count;
  }

  /** @param count of neighbours of one latent grid */
  async take(count: number): Promise<Codes> {
    const parts: Codes[] = [];
    for (let left = this.#skipped + count; left > 0; ) {
      const codes = this.#rest ?? (await this.#next());
      const [size] = codes.shape;
      const taken = Math.min(size, left);
      const from = Math.min(taken, Math.max(0, left - count));
      if (from < taken) parts.push(sliceCodes(codes, from, taken));
      this.#rest = taken < size ? sliceCodes(codes, taken) : undefined;
      left -= taken;
    }
    this.#skipped = 0;
    return parts.length === 1 ? (parts[0] as Codes) : concatCodes(parts);
  }

  async #next(): Promise<Codes> {
    this.#batches ??= (await openCodes(this.#folder)).read();
    const next = await this.#batches.next();
    if (next.done !== true) return next.value;
    throw new VqkitError("format", `${this.#folder}: expected more codes, got the end of the piece.`);
  }
}

/**
 * A batch without the images of its first items, of which some may be broken and have none.
 *
 * @returns undefined where nothing is left
 */
function withoutItems(codes: Codes, items: readonly string[]): Codes | undefined {
  let entry = 0;
  for (const name of items) {
    if (codes.images[entry]?.name !== name) continue;
    do entry++;
    while (entry < codes.images.length && !beginsImage(codes.images[entry] as Codes["images"][number]));
  }
  return entry === 0 ? codes : entry < codes.images.length ? sliceCodes(codes, entry) : undefined;
}
