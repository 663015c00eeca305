import { formatError } from "../file-errors.js";

/** A text line in a pickle is a number or a name. */
const MAX_LINE = 4096;

/** Bytes read one after another; never past their end. */
export class PickleBytes {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #where: string;
  position: number;

  constructor(bytes: Uint8Array, { start, where }: { readonly start: number; readonly where: string }) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#where = where;
    this.position = start;
  }

  /** @throws VqkitError("format") past the end */
  take(length: number): Uint8Array {
    const start = this.#advance(length);
    return this.#bytes.subarray(start, start + length);
  }

  byte(): number {
    return this.#view.getUint8(this.#advance(1));
  }

  uint16(): number {
    return this.#view.getUint16(this.#advance(2), true);
  }

  uint32(): number {
    return this.#view.getUint32(this.#advance(4), true);
  }

  int32(): number {
    return this.#view.getInt32(this.#advance(4), true);
  }

  /** A length of 8 bytes; one past 2^53 is past the end, too. */
  length64(): number {
    return Number(this.#view.getBigUint64(this.#advance(8), true));
  }

  /** Big-endian, as pickles have it. */
  float64(): number {
    return this.#view.getFloat64(this.#advance(8), false);
  }

  /** Text up to a line's end, without it. */
  line(): string {
    const end = this.#bytes.subarray(0, this.position + MAX_LINE).indexOf(10, this.position);
    if (end < 0) this.fail("a line without an end");
    const text = latin1(this.#bytes.subarray(this.position, end));
    this.position = end + 1;
    return text;
  }

  /** UTF-8; lone surrogates, which Python may write, become U+FFFD. */
  text(length: number): string {
    return new TextDecoder("utf-8", { ignoreBOM: true }).decode(this.take(length));
  }

  /** A little-endian two's complement integer of any length. */
  integer(length: number): number | bigint {
    const bytes = this.take(length);
    let value = 0n;
    for (let i = bytes.length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i] as number);
    if (length > 0 && (bytes[length - 1] as number) >= 128) value -= 1n << BigInt(8 * length);
    return asNumber(value);
  }

  fail(what: string): never {
    throw formatError(this.#where, `not a whole pickle: ${what} at byte ${this.position}.`);
  }

  #advance(length: number): number {
    const start = this.position;
    if (!(start + length <= this.#bytes.length)) this.fail(`${length} bytes wanted, the end reached`);
    this.position = start + length;
    return start;
  }
}

export function asNumber(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

export function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
}
