/** The values of a Parquet page of byte arrays, by encoding, read from front to back. */
import { type ByteSource, bytesInMemory, uint32At } from "./byte-source.js";
import { DeltaNumbers } from "./parquet-delta.js";
import { Runs } from "./parquet-runs.js";

/** An image file of more bytes than this is not read into memory. */
const MAX_VALUE_BYTES = 2 ** 30;

/** Values by their numbers from 0. */
export interface PageValues {
  /** A value of its own bytes; going back reads from the front again. @throws Error where there are fewer, or the page is damaged */
  at(index: number): Promise<Uint8Array>;
}

/** What values may be looked up in: each with its length before it. */
export interface Dictionary {
  readonly content: ByteSource;
  /** Where each value begins, behind its length; and the end of the last, with a length more. */
  readonly starts: readonly number[];
}

/** Encodings that are read, by Parquet's names. */
const ENCODINGS = [
  "PLAIN",
  "RLE_DICTIONARY",
  "PLAIN_DICTIONARY",
  "DELTA_LENGTH_BYTE_ARRAY",
  "DELTA_BYTE_ARRAY",
] as const;

export interface ValuesOptions {
  readonly encoding: string;
  /** How many values there are. */
  readonly count: number;
  readonly dictionary: () => Promise<Dictionary>;
}

/** @throws Error for an encoding that is not known, or a page that is damaged where it begins */
export async function openValues(
  content: ByteSource,
  { encoding, count, dictionary }: ValuesOptions,
): Promise<PageValues> {
  if (count === 0) return new PlainValues(bytesInMemory(new Uint8Array(0)));
  switch (encoding) {
    case "PLAIN":
      return new PlainValues(content);
    case "RLE_DICTIONARY":
    case "PLAIN_DICTIONARY":
      return new LookedUpValues(await content.read(0, content.length), count, await dictionary());
    case "DELTA_LENGTH_BYTE_ARRAY":
      return new LengthsAhead(await content.read(0, content.length), count);
    case "DELTA_BYTE_ARRAY":
      return new PrefixesAhead(await content.read(0, content.length), count);
    default:
      throw new Error(`values encoded as ${encoding} (known: ${ENCODINGS.join(", ")})`);
  }
}

/** @param count of values, as the page states it; nothing is allocated from it */
export async function openDictionary(content: ByteSource, count: number): Promise<Dictionary> {
  const starts = [4];
  for (let i = 0; i < count; i++) {
    const start = starts[i] as number;
    const end = start + (await uint32At(content, start - 4));
    if (end > content.length)
      throw new Error(`a value of ${end - start} bytes where ${content.length - start} are left`);
    starts.push(end + 4);
  }
  return { content, starts };
}

/** Each with its length before it. */
class PlainValues implements PageValues {
  readonly #content: ByteSource;
  #index = 0;
  #at = 0;

  constructor(content: ByteSource) {
    this.#content = content;
  }

  async at(index: number): Promise<Uint8Array> {
    if (index < this.#index) {
      this.#index = 0;
      this.#at = 0;
    }
    for (; this.#index < index; this.#index++) this.#at += 4 + (await uint32At(this.#content, this.#at));
    const length = await uint32At(this.#content, this.#at);
    const value = await readValue(this.#content, this.#at + 4, length);
    this.#at += 4 + length;
    this.#index++;
    return value;
  }
}

class LookedUpValues implements PageValues {
  readonly #indices: Runs;
  readonly #dictionary: Dictionary;

  constructor(content: Uint8Array, count: number, dictionary: Dictionary) {
    const [width] = content;
    if (width === undefined) throw new Error("a page that ends before its values");
    this.#indices = new Runs(content.subarray(1), { width, count });
    this.#dictionary = dictionary;
  }

  async at(index: number): Promise<Uint8Array> {
    const { content, starts } = this.#dictionary;
    const place = this.#indices.at(index);
    const [start, end] = [starts[place], starts[place + 1]];
    if (start === undefined || end === undefined) {
      throw new Error(`value ${place} of a dictionary of ${starts.length - 1}`);
    }
    return readValue(content, start, end - 4 - start);
  }
}

/** All lengths, then all values. */
class LengthsAhead implements PageValues {
  readonly #content: Uint8Array;
  readonly #count: number;
  readonly #start: number;
  #lengths: DeltaNumbers;
  #index = 0;
  #at: number;

  constructor(content: Uint8Array, count: number) {
    this.#content = content;
    this.#count = count;
    this.#start = endOfNumbers(content, 0, count);
    this.#at = this.#start;
    this.#lengths = new DeltaNumbers(content, 0, count);
  }

  async at(index: number): Promise<Uint8Array> {
    if (index < this.#index) {
      this.#index = 0;
      this.#at = this.#start;
      this.#lengths = new DeltaNumbers(this.#content, 0, this.#count);
    }
    for (; this.#index < index; this.#index++) this.#at += this.#lengths.next();
    const start = this.#at;
    this.#at += this.#lengths.next();
    this.#index++;
    return valueAt(this.#content, start, this.#at - start).slice();
  }
}

/** How much of the value before each begins with; the lengths of what follows; what follows. */
class PrefixesAhead implements PageValues {
  readonly #content: Uint8Array;
  readonly #count: number;
  #prefixes: DeltaNumbers;
  #rest: LengthsAhead;
  #index = 0;
  #last = new Uint8Array(0);

  constructor(content: Uint8Array, count: number) {
    this.#content = content;
    this.#count = count;
    this.#prefixes = new DeltaNumbers(content, 0, count);
    this.#rest = new LengthsAhead(content.subarray(endOfNumbers(content, 0, count)), count);
  }

  async at(index: number): Promise<Uint8Array> {
    if (index < this.#index) {
      this.#index = 0;
      this.#last = new Uint8Array(0);
      this.#prefixes = new DeltaNumbers(this.#content, 0, this.#count);
    }
    for (; this.#index <= index; this.#index++) {
      const rest = await this.#rest.at(this.#index);
      const shared = this.#prefixes.next();
      const value = new Uint8Array(valueAt(this.#last, 0, shared).length + rest.length);
      value.set(this.#last.subarray(0, shared));
      value.set(rest, shared);
      this.#last = value;
    }
    return this.#last.slice();
  }
}

/** A value of its own bytes. */
async function readValue(content: ByteSource, start: number, length: number): Promise<Uint8Array> {
  // What is not there is told as that.
  if (length > MAX_VALUE_BYTES && start + length <= content.length) {
    throw new Error(`${length} bytes, over the limit of ${MAX_VALUE_BYTES}`);
  }
  return (await content.read(start, length)).slice();
}

function endOfNumbers(content: Uint8Array, start: number, count: number): number {
  const numbers = new DeltaNumbers(content, start, count);
  for (let i = 0; i < count; i++) numbers.next();
  return numbers.end;
}

function valueAt(content: Uint8Array, start: number, length: number): Uint8Array {
  if (length >= 0 && start >= 0 && start + length <= content.length)
    return content.subarray(start, start + length);
  throw new Error(`${length} bytes where ${Math.max(0, content.length - start)} are left`);
}
