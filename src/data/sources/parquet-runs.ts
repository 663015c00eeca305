/**
 * Parquet's hybrid of run lengths and packed bits, read from front to back. Nothing is allocated, however many values a
 * run claims.
 */
export class Runs {
  readonly #bytes: Uint8Array;
  readonly #width: number;
  readonly #count: number;
  /** The run that was read last: its first value's number, its length, and its values. */
  #start = 0;
  #length = 0;
  #repeated = 0;
  /** Where its packed values begin; -1 for a repeated one. */
  #packedAt = -1;
  /** Where the next run begins. */
  #next = 0;

  /**
   * @param width bits of a value, 0..32
   * @param count how many values there are to be; what a run has beyond that is an error, but for the filling of the last
   * packed group of 8
   */
  constructor(bytes: Uint8Array, { width, count }: { readonly width: number; readonly count: number }) {
    if (!(width >= 0 && width <= 32)) throw new Error(`values of ${width} bits`);
    this.#bytes = bytes;
    this.#width = width;
    this.#count = count;
  }

  /**
   * A value by its number from 0; going back reads from the front again.
   *
   * @throws Error where there are fewer, the bytes end before, or a run leads beyond the count
   */
  at(index: number): number {
    this.#seek(index);
    if (this.#packedAt < 0) return this.#repeated;
    return bitsAt(this.#bytes, this.#packedAt * 8 + (index - this.#start) * this.#width, this.#width);
  }

  /** How many of the values in `from..to-1` are `wanted`. */
  countOf(wanted: number, from: number, to: number): number {
    let found = 0;
    for (let at = from; at < to; ) {
      const value = this.at(at);
      const end = this.#packedAt < 0 ? Math.min(to, this.#start + this.#length) : at + 1;
      if (value === wanted) found += end - at;
      at = end;
    }
    return found;
  }

  #seek(index: number): void {
    if (!(index >= 0 && index < this.#count)) throw new Error(`value ${index} of ${this.#count}`);
    if (index < this.#start) {
      this.#start = 0;
      this.#length = 0;
      this.#next = 0;
    }
    while (index >= this.#start + this.#length) this.#readRun();
  }

  #readRun(): void {
    const { value: header, next } = varint(this.#bytes, this.#next);
    const packed = (header & 1) === 1;
    const length = packed ? 8 * (header >>> 1) : header >>> 1;
    const start = this.#start + this.#length;
    const left = this.#count - start;
    if (length === 0 || length > (packed ? left + 7 : left)) {
      throw new Error(`a run of ${length} values for ${left}`);
    }
    // A packed run may leave out the bytes of its filling.
    const width = this.#width;
    const used = packed ? Math.ceil((Math.min(length, left) * width) / 8) : Math.ceil(width / 8);
    if (next + used > this.#bytes.length) throw new Error("a run beyond the end of its page");
    this.#repeated = packed ? 0 : bitsAt(this.#bytes, next * 8, used * 8);
    this.#packedAt = packed ? next : -1;
    this.#start = start;
    this.#length = length;
    this.#next = next + (packed ? (length * width) / 8 : used);
  }
}

/** LEB128 of at most 32 bits. @throws Error where it has no end */
export function varint(bytes: Uint8Array, start: number): { value: number; next: number } {
  let value = 0;
  for (let i = 0; i < 5; i++) {
    const byte = bytes[start + i];
    if (byte === undefined) break;
    value |= (byte & 0x7f) << (7 * i);
    if (byte < 0x80) return { value: value >>> 0, next: start + i + 1 };
  }
  throw new Error("a run beyond the end of its page");
}

/** An unsigned number of up to 32 bits, lowest bit first. */
export function bitsAt(bytes: Uint8Array, start: number, width: number): number {
  let value = 0;
  for (let done = 0; done < width; ) {
    const at = start + done;
    const taken = Math.min(8 - (at % 8), width - done);
    // Not at >> 3: a page of 2^28 bytes and more has more bits than fit.
    const bits = ((bytes[Math.floor(at / 8)] as number) >> (at % 8)) & ((1 << taken) - 1);
    value += bits * 2 ** done;
    done += taken;
  }
  return value;
}
