import { bitsAt, varint } from "./parquet-runs.js";

/** A miniblock has 32 values or a multiple; writers take 32 to 256. */
const MAX_BLOCK = 2 ** 16;

/**
 * Parquet's DELTA_BINARY_PACKED for 32-bit numbers, one after the other: the first, then what each has more than the one
 * before. Nothing is allocated, however many values are claimed.
 *
 * Format: https://parquet.apache.org/docs/file-format/data-pages/encodings/
 */
export class DeltaNumbers {
  readonly #bytes: Uint8Array;
  readonly #count: number;
  readonly #blockSize: number;
  readonly #miniblocks: number;
  #value: number;
  #read = 0;
  /** Of the current block. */
  #smallest = 0;
  #widthsAt = 0;
  #miniblock = 0;
  /** Values of the current miniblock that have been read, and where its bits begin. */
  #within = 0;
  #at: number;

  /** @param start of the encoding in `bytes` @param count of values that are to be there */
  constructor(bytes: Uint8Array, start: number, count: number) {
    this.#bytes = bytes;
    this.#count = count;
    const block = varint(bytes, start);
    const miniblocks = varint(bytes, block.next);
    const stated = varint(bytes, miniblocks.next);
    const first = zigzag(bytes, stated.next);
    this.#blockSize = block.value;
    this.#miniblocks = miniblocks.value;
    this.#miniblock = miniblocks.value;
    if (stated.value !== count) throw new Error(`${stated.value} numbers for ${count} values`);
    const each = block.value / miniblocks.value;
    if (!(block.value <= MAX_BLOCK && Number.isInteger(each) && each > 0 && each % 8 === 0)) {
      throw new Error(`blocks of ${block.value} numbers in ${miniblocks.value} parts`);
    }
    this.#value = first.value;
    this.#within = each;
    this.#at = first.next;
  }

  /** @throws Error when all have been read, or the bytes end before */
  next(): number {
    if (this.#read === this.#count) throw new Error(`more than ${this.#count} numbers`);
    if (this.#read++ === 0) return this.#value;
    const each = this.#blockSize / this.#miniblocks;
    if (this.#within === each) this.#nextMiniblock();
    const width = this.#width();
    const more = bitsAt(this.#bytes, this.#at * 8 + this.#within * width, width);
    this.#within++;
    this.#value = (this.#value + this.#smallest + more) | 0; // as 32-bit numbers wrap around
    return this.#value;
  }

  /** Where the encoding ends, once all have been read. */
  get end(): number {
    if (this.#count <= 1) return this.#at;
    // The last miniblock is filled up.
    return this.#at + (this.#blockSize / this.#miniblocks / 8) * this.#width();
  }

  #width(): number {
    return this.#bytes[this.#widthsAt + this.#miniblock] as number;
  }

  #nextBlock(): void {
    const smallest = zigzag(this.#bytes, this.#at);
    this.#smallest = smallest.value;
    this.#widthsAt = smallest.next;
    this.#at = smallest.next + this.#miniblocks;
    this.#miniblock = 0;
  }

  #nextMiniblock(): void {
    const each = this.#blockSize / this.#miniblocks;
    if (this.#miniblock < this.#miniblocks) {
      this.#at += (each / 8) * this.#width();
      this.#miniblock++;
    }
    if (this.#miniblock === this.#miniblocks) this.#nextBlock();
    this.#within = 0;
    const width = this.#width();
    if (!(width <= 32)) throw new Error(`numbers of ${width} bits`);
    if (this.#at + (each / 8) * width > this.#bytes.length)
      throw new Error("numbers beyond the end of their page");
  }
}

/** A signed number; those of more than 32 bits are taken modulo 2^32, as their sums are. */
function zigzag(bytes: Uint8Array, start: number): { value: number; next: number } {
  let value = 0n;
  for (let i = 0; i < 10; i++) {
    const byte = bytes[start + i];
    if (byte === undefined) break;
    value |= BigInt(byte & 0x7f) << BigInt(7 * i);
    if (byte < 0x80) {
      const signed = (value >> 1n) ^ -(value & 1n);
      return { value: Number(BigInt.asIntN(32, signed)), next: start + i + 1 };
    }
  }
  throw new Error("numbers beyond the end of their page");
}
