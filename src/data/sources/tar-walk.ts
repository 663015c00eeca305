import { type FileHandle, open } from "node:fs/promises";
import { readFully } from "../../files/index.js";
import { decodePaxRecords, decodeTarHeader, TAR_BLOCK_BYTES } from "./tar-header.js";
import type { TarEntry, TarHeader } from "./tar-images.js";

/** Where the content of an entry stands in its archive; bytes. */
export interface TarPlace {
  readonly start: number;
  readonly size: number;
}

/** A longer name is none. */
const MAX_LONG_HEADER_BYTES = 4 * 2 ** 20;

/**
 * The entries of an archive that is not compressed, by its headers alone: contents are passed over, and what stands for
 * them is their place. Names of POSIX (`pax`) and GNU headers count, as they do where an archive is streamed.
 *
 * @throws Error where the archive is damaged or cut short, behind what is whole
 */
export async function* walkTar(path: string): AsyncGenerator<TarEntry<TarPlace>, void, undefined> {
  const file = await open(path, "r");
  try {
    const { size: end } = await file.stat();
    const blocks = new Blocks(file, end);
    const long = new LongHeaders();
    let at = 0;
    while (at < end) {
      const header = decodeTarHeader(await blocks.read(at, TAR_BLOCK_BYTES));
      at += TAR_BLOCK_BYTES;
      if (header === undefined) continue;
      if (long.has(header.type)) {
        if (!(header.size <= MAX_LONG_HEADER_BYTES)) throw new Error(`a header of ${header.size} bytes`);
        long.take(header, await blocks.read(at, header.size));
        at += filledUp(header.size);
        continue;
      }
      const entry = long.applied(header);
      if (!(entry.size >= 0)) throw new Error(`an entry of ${entry.size} bytes`);
      const size = entry.type === "directory" ? 0 : entry.size;
      yield placed(entry, { start: at, size }, at + size <= end);
      at += filledUp(size);
    }
    if (at > end) throw shortage();
  } finally {
    await file.close();
  }
}

function placed(header: TarHeader, place: TarPlace, isWhole: boolean): TarEntry<TarPlace> {
  return {
    header,
    skip() {},
    async content() {
      if (!isWhole) throw shortage();
      return place;
    },
  };
}

function shortage(): Error {
  return new Error("Unexpected end of data");
}

function filledUp(size: number): number {
  return TAR_BLOCK_BYTES * Math.ceil(size / TAR_BLOCK_BYTES);
}

/** Read at a time: headers of small entries stand near to one another. */
const WINDOW_BYTES = 2 ** 14;

/** Parts of a file, of which the next is often near to the last. */
class Blocks {
  readonly #file: FileHandle;
  readonly #end: number;
  #window = new Uint8Array(0);
  #start = 0;

  constructor(file: FileHandle, end: number) {
    this.#file = file;
    this.#end = end;
  }

  /** A view that holds until the next one is asked for. */
  async read(at: number, length: number): Promise<Uint8Array> {
    if (at + length > this.#end) throw shortage();
    if (at < this.#start || at + length > this.#start + this.#window.length) {
      this.#window = new Uint8Array(Math.min(this.#end - at, Math.max(length, WINDOW_BYTES)));
      this.#start = at;
      if ((await readFully(this.#file, this.#window, at)) < this.#window.length) throw shortage();
    }
    return this.#window.subarray(at - this.#start, at - this.#start + length);
  }
}

/** Headers before the header of an entry, for what is too long for that. */
class LongHeaders {
  #name: string | undefined;
  #linkname: string | undefined;
  #global: Readonly<Record<string, string>> = {};
  #records: Readonly<Record<string, string>> = {};

  has(type: string | null): boolean {
    return type !== null && /^(?:pax|gnu-long)-/.test(type);
  }

  take({ type }: TarHeader, content: Uint8Array): void {
    if (type === "pax-global-header") this.#global = decodePaxRecords(content);
    else if (type === "pax-header") this.#records = { ...this.#global, ...decodePaxRecords(content) };
    else {
      const [name] = Buffer.from(content).toString("utf8").split("\0", 1);
      if (type === "gnu-long-path") this.#name = name;
      else this.#linkname = name;
    }
  }

  /** The header that they were for. */
  applied(header: TarHeader): TarHeader {
    const { path, linkpath, size } = this.#records;
    const whole = {
      ...header,
      name: path || this.#name || header.name,
      linkname: linkpath || this.#linkname || header.linkname,
      size: size ? Number.parseInt(size, 10) : header.size,
    };
    this.#name = undefined;
    this.#linkname = undefined;
    this.#records = {};
    return whole;
  }
}
