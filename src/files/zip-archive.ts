import { promisify } from "node:util";
import { inflateRaw, type ZlibOptions } from "node:zlib";
import type { Entry, RandomAccessReader as Reader, ZipFile } from "yauzl";
import { VqkitError } from "../core/errors.js";
import type { BoundedReader } from "./bounded-reader.js";
import { crc32 } from "./crc32.js";
import { formatError, quoted } from "./file-errors.js";

const inflate = promisify<Uint8Array, ZlibOptions, Buffer>(inflateRaw);

/** A file in an archive, stored as it is: any part of it is read without the rest. */
export interface ZipEntry {
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  /** CRC-32 of the whole; 0 where the archive's writer computed none. */
  readonly crc32: number;
}

/** More files than any archive of weights has; the names of all are held in memory. */
const MAX_ENTRIES = 2 ** 18;

/**
 * A zip archive (zip64 too) whose files are stored without compression, as PyTorch writes them. Nothing is unpacked:
 * what is read is a part of the archive, never longer than it.
 */
export class ZipArchive {
  readonly #zip: ZipFile;
  readonly #reader: BoundedReader;
  readonly #entries: ReadonlyMap<string, Entry>;

  private constructor(reader: BoundedReader, zip: ZipFile, entries: ReadonlyMap<string, Entry>) {
    this.#reader = reader;
    this.#zip = zip;
    this.#entries = entries;
  }

  /**
   * Reads an archive's directory.
   *
   * @param reader stays open as long as the archive is used
   * @throws VqkitError("format") for what is no zip archive, or a damaged one; VqkitError("file")
   */
  static async open(reader: BoundedReader): Promise<ZipArchive> {
    return inArchive(reader.path, async () => {
      const { default: yauzl } = await import("yauzl");
      const ranges = rangesOf(reader, yauzl.RandomAccessReader);
      const zip = await yauzl.fromRandomAccessReaderPromise(ranges, reader.size, {
        autoClose: false,
        lazyEntries: true,
      });
      if (zip.entryCount > MAX_ENTRIES) {
        throw formatError(reader.path, `expected at most ${MAX_ENTRIES} files in it, got ${zip.entryCount}.`);
      }
      const entries = new Map<string, Entry>();
      for await (const entry of zip.eachEntry()) {
        if (entries.has(entry.fileName)) {
          throw formatError(
            reader.path,
            `expected every file once in the archive, got ${quoted(entry.fileName)} twice.`,
          );
        }
        entries.set(entry.fileName, entry);
      }
      return new ZipArchive(reader, zip, entries);
    });
  }

  /** The names of its files, in its order. */
  names(): string[] {
    return [...this.#entries.keys()];
  }

  /** undefined where the archive has no such file. */
  entry(name: string): ZipEntry | undefined {
    const entry = this.#entries.get(name);
    if (entry === undefined) return undefined;
    return { name, size: entry.uncompressedSize, crc32: entry.crc32 };
  }

  /**
   * A part of a file.
   *
   * @throws VqkitError("format") for a file that is missing, compressed or encrypted, or shorter than that; VqkitError("file")
   */
  async read(name: string, offset: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
    const { path } = this.#reader;
    const entry = this.#entries.get(name);
    if (entry === undefined) throw formatError(path, `expected ${quoted(name)} in the archive, got none.`);
    if (entry.isEncrypted() || entry.compressionMethod !== 0) {
      throw formatError(
        path,
        `expected ${quoted(name)} stored without compression, got it compressed or encrypted. Save the file again with torch.save.`,
      );
    }
    if (offset + length > entry.uncompressedSize) {
      throw formatError(
        path,
        `expected ${offset + length} bytes in ${quoted(name)}, got ${entry.uncompressedSize}.`,
      );
    }
    return inArchive(path, async () => {
      const { fileDataStart } = await this.#zip.readLocalFileHeaderPromise(entry, { minimal: true });
      return this.#reader.read(fileDataStart + offset, length);
    });
  }

  /**
   * A whole file, stored or deflated, whose CRC-32 is as the archive says.
   *
   * @param limit the most bytes that it may have unpacked
   * @throws as `read`; VqkitError("format") for a larger file, or one that unpacks to something else than is promised
   */
  async readFile(name: string, limit: number): Promise<Uint8Array<ArrayBuffer>> {
    const { path } = this.#reader;
    const entry = this.#entries.get(name);
    if (entry === undefined) throw formatError(path, `expected ${quoted(name)} in the archive, got none.`);
    const { uncompressedSize: size, compressedSize, compressionMethod } = entry;
    if (size > limit) {
      throw formatError(path, `expected ${quoted(name)} of at most ${limit} bytes, got ${size}.`);
    }
    const bytes =
      compressionMethod === 8 && !entry.isEncrypted()
        ? await inArchive(path, async () => {
            const { fileDataStart } = await this.#zip.readLocalFileHeaderPromise(entry, { minimal: true });
            const packed = await this.#reader.read(fileDataStart, compressedSize);
            // One byte more than is promised would be told.
            return new Uint8Array(await inflate(packed, { maxOutputLength: size + 1 }));
          })
        : await this.read(name, 0, size);
    if (bytes.length !== size || crc32(bytes) !== entry.crc32) {
      throw formatError(
        path,
        `${quoted(name)} is damaged (its length or CRC-32 differs). Download the file again.`,
      );
    }
    return bytes;
  }
}

/** What yauzl reads by, on a reader of ours. */
function rangesOf(reader: BoundedReader, Base: typeof Reader): Reader {
  class Ranges extends Base {
    override read(
      buffer: Buffer,
      offset: number,
      length: number,
      position: number,
      done: (error: Error | null) => void,
    ): void {
      reader.read(position, length).then(
        (bytes) => {
          buffer.set(bytes, offset);
          done(null);
        },
        (error: Error) => done(error),
      );
    }
  }
  return new Ranges();
}

/** What the library finds wrong, as an error of ours that names the file. */
async function inArchive<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof VqkitError || !(error instanceof Error)) throw error;
    const reason = error.message.replace(/\s+/g, " ").replace(/\.$/, "").slice(0, 120);
    throw formatError(path, `not a whole zip archive (${reason}). Download it again if it was cut short.`);
  }
}
