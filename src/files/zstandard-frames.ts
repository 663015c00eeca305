/** The frames of Zstandard as far as their outline goes (RFC 8878, 3.1): where each ends, and what it would take to decode. */

const MAGIC = 0xfd2fb528;
/** The last digit is anything. */
const SKIPPABLE = 0x184d2a50;
/** A block stands for this many bytes at most. */
export const MAX_BLOCK_BYTES = 2 ** 17;

/**
 * Follows frames piece by piece, so that a decoder that allocates what they ask for can be spared those that ask for too
 * much, need a dictionary or are cut short.
 */
export class FrameOutline {
  readonly #maxWindow: number;
  /** Bytes of the field that is being gathered. */
  #held: number[] = [];
  /** Bytes to skip before the next field. */
  #skip = 0;
  #field: "start" | "header" | "block" = "start";
  #hasChecksum = false;

  /** @param maxWindow bytes that a frame may look back */
  constructor(maxWindow: number) {
    this.#maxWindow = maxWindow;
  }

  /** @returns where in the piece frames end @throws Error that says what is wrong */
  push(piece: Uint8Array): readonly number[] {
    const ends: number[] = [];
    for (let at = 0; at < piece.length; ) {
      if (this.#skip === 0) {
        this.#held.push(piece[at++] as number);
        if (this.#held.length === this.#wanted()) this.#take();
      }
      const skipped = Math.min(this.#skip, piece.length - at);
      this.#skip -= skipped;
      at += skipped;
      if (this.#isBetweenFrames()) ends.push(at);
    }
    return ends;
  }

  /** @throws Error unless a frame has just ended */
  end(): void {
    if (!this.#isBetweenFrames()) throw new Error("Zstandard data that are cut short");
  }

  #isBetweenFrames(): boolean {
    return this.#field === "start" && this.#held.length === 0 && this.#skip === 0;
  }

  #number(at: number, length: number): number {
    return this.#held.slice(at, at + length).reduceRight((value, byte) => value * 256 + byte, 0);
  }

  /** Length of the field, as far as its first bytes tell. */
  #wanted(): number {
    if (this.#field === "block") return 3;
    if (this.#field === "header") return headerLength(this.#held[4] ?? 0);
    return this.#held.length >= 4 && isSkippable(this.#number(0, 4)) ? 8 : 5;
  }

  #take(): void {
    if (this.#field === "start") this.#takeStart();
    else if (this.#field === "header") this.#takeHeader();
    else this.#takeBlock();
  }

  #takeStart(): void {
    const magic = this.#number(0, 4);
    if (isSkippable(magic)) {
      this.#skip = this.#number(4, 4);
      this.#held = [];
      return;
    }
    if (magic !== MAGIC) throw new Error("data that are no Zstandard");
    this.#field = "header";
    // A header has a byte more at least.
  }

  #takeHeader(): void {
    const descriptor = this.#held[4] as number;
    const window = windowBytes(this.#held, (at, length) => this.#number(at, length));
    if ((descriptor & 8) !== 0) throw new Error("a Zstandard frame of an unknown kind");
    if (
      dictionaryBytes(descriptor) > 0 &&
      this.#number(5 + windowField(descriptor), dictionaryBytes(descriptor)) !== 0
    ) {
      throw new Error("a Zstandard frame that needs a dictionary");
    }
    if (window > this.#maxWindow) {
      throw new Error(
        `a Zstandard frame with a window of ${window} bytes, over the limit of ${this.#maxWindow}`,
      );
    }
    this.#hasChecksum = (descriptor & 4) !== 0;
    this.#next("block");
  }

  #takeBlock(): void {
    const header = this.#number(0, 3);
    const [last, type, size] = [(header & 1) === 1, (header >> 1) & 3, header >> 3];
    if (type === 3 || size > MAX_BLOCK_BYTES) throw new Error("a Zstandard block of an unknown kind");
    this.#skip = type === 1 ? 1 : size; // type 1 repeats one byte
    if (last && this.#hasChecksum) this.#skip += 4;
    this.#next(last ? "start" : "block");
  }

  #next(field: "start" | "block"): void {
    this.#field = field;
    this.#held = [];
  }
}

function isSkippable(magic: number): boolean {
  return magic >= SKIPPABLE && magic < SKIPPABLE + 16;
}

function windowField(descriptor: number): number {
  return (descriptor & 32) === 0 ? 1 : 0; // a single segment states its content's size only
}

function dictionaryBytes(descriptor: number): number {
  return [0, 1, 2, 4][descriptor & 3] as number;
}

function sizeBytes(descriptor: number): number {
  const flag = descriptor >> 6;
  return flag === 0 ? 1 - windowField(descriptor) : 2 ** flag;
}

function headerLength(descriptor: number): number {
  return 5 + windowField(descriptor) + dictionaryBytes(descriptor) + sizeBytes(descriptor);
}

function windowBytes(held: readonly number[], number: (at: number, length: number) => number): number {
  const descriptor = held[4] as number;
  if (windowField(descriptor) === 1) {
    const base = 2 ** (10 + ((held[5] as number) >> 3));
    return base + (base / 8) * ((held[5] as number) & 7);
  }
  const bytes = sizeBytes(descriptor);
  return number(5 + dictionaryBytes(descriptor), bytes) + (bytes === 2 ? 256 : 0);
}
