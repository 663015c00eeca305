/**
 * Format `packed`: the fewest bits an index, checksums, and random access; see packed-bytes.ts.
 *
 *     codes.vqc
 */
import { createHash, type Hash } from "node:crypto";
import { join } from "node:path";
import type { VqkitError } from "../../core/errors.js";
import { type BoundedReader, crc32, formatError, openReader, withReader } from "../../files/index.js";
import type { Codes } from "../codes.js";
import { type CodeContents, type CodeGrid, checkSameContents, GridCounts } from "./contents.js";
import { type EntryCodes, entriesOf } from "./entry.js";
import type { Format, FormatContext, FormatReader, FormatWriter } from "./format.js";
import {
  decodeBlock,
  decodeEntry,
  ENTRY_BYTES,
  encodeBlock,
  encodeEnd,
  encodeEndStart,
  encodeEntry,
  encodeHeader,
  isPackedStart,
  type PackedEntry,
  readEnd,
  readHeader,
} from "./packed-bytes.js";

const FILE = "codes.vqc";
/** The index grows here until it goes behind the last block. */
const INDEX_FILE = `${FILE}.scratch`;
const ENTRIES_AT_ONCE = 4096;
/** Bytes of neighbouring blocks that are read at once, unless a single one has more. */
const READ_AHEAD = 2 ** 20;

export const packedFormat: Format = {
  isFile: (name) => name === FILE,
  usesTokens: false,
  writer: (context) => new PackedWriter(context),
  reader: async (dir, contents) => {
    const path = join(dir, FILE);
    const reader = await PackedReader.open(path);
    checkSameContents(path, { found: reader.contents, expected: contents });
    return reader;
  },
  standalone: {
    called: "packed (.vqc)",
    // A damaged beginning is to be named as such.
    isOne: (start, path) => path.endsWith(".vqc") || isPackedStart(start),
    open: (path) => PackedReader.open(path),
  },
};

class PackedWriter implements FormatWriter {
  readonly pending = 0;
  readonly #context: FormatContext;
  readonly #header: Uint8Array;

  constructor(context: FormatContext) {
    this.#context = context;
    this.#header = encodeHeader({ ...context.kind, settings: context.settings });
  }

  async add(codes: Codes): Promise<void> {
    const { files, kind } = this.#context;
    if (files.length(FILE) === 0) await files.append(FILE, this.#header);
    const blocks: Uint8Array[] = [];
    const entries: Uint8Array[] = [];
    let offset = files.length(FILE);
    for (const entry of entriesOf(codes)) {
      const { gridHeight, gridWidth } = entry;
      const block = encodeBlock(entry, kind.codebookSize);
      const bytes = block.length;
      blocks.push(block);
      entries.push(encodeEntry({ offset, bytes, crc: crc32(block), gridHeight, gridWidth }));
      offset += bytes;
    }
    await files.append(FILE, Buffer.concat(blocks));
    await files.append(INDEX_FILE, Buffer.concat(entries));
  }

  async complete({ entries }: Pick<CodeContents, "entries">): Promise<string[]> {
    const { files } = this.#context;
    const end = { indexOffset: files.length(FILE), entries };
    const hash = createHash("sha256").update(this.#header);
    const size = files.length(INDEX_FILE);
    const step = ENTRIES_AT_ONCE * ENTRY_BYTES;
    for (let at = 0; at < size; at += step) {
      const part = await files.read(INDEX_FILE, at, Math.min(step, size - at));
      hash.update(part);
      await files.append(FILE, part);
    }
    await files.append(FILE, encodeEnd(end, hash.update(encodeEndStart(end)).digest()));
    return [FILE];
  }
}

/** A packed file whose header, index and end are known to be whole. */
class PackedReader implements FormatReader {
  /** As those of a folder; a packed file says all of it itself. */
  readonly contents: CodeContents;
  readonly #path: string;
  readonly #indexOffset: number;

  private constructor(path: string, contents: CodeContents, indexOffset: number) {
    this.#path = path;
    this.contents = contents;
    this.#indexOffset = indexOffset;
  }

  /** @throws VqkitError("format") naming header, index or end of file where they are damaged; VqkitError("file") */
  static async open(path: string): Promise<PackedReader> {
    return withReader(path, async (reader) => {
      const { header, bytes } = await readHeader(reader);
      const end = await readEnd(reader);
      const hash = createHash("sha256").update(bytes);
      const grids = await tallyIndex(reader, { ...end, blocksOffset: bytes.length, hash });
      if (!hash.update(encodeEndStart(end)).digest().equals(end.sha256)) throw damagedIndex(path);
      return new PackedReader(path, { ...header, entries: end.entries, grids, files: [] }, end.indexOffset);
    });
  }

  async *entries(): AsyncGenerator<EntryCodes, void, undefined> {
    const reader = await openReader(this.#path);
    try {
      for (let first = 0; first < this.contents.entries; first += ENTRIES_AT_ONCE) {
        const count = Math.min(ENTRIES_AT_ONCE, this.contents.entries - first);
        const entries = await readEntries(reader, this.#indexOffset + first * ENTRY_BYTES, count);
        yield* this.#blocks(reader, entries, first);
      }
    } finally {
      await reader.close();
    }
  }

  async entry(index: number): Promise<EntryCodes> {
    return withReader(this.#path, async (reader) => {
      const [entry] = await readEntries(reader, this.#indexOffset + index * ENTRY_BYTES, 1);
      const { offset, bytes } = entry as PackedEntry;
      return this.#decode(await reader.read(offset, bytes), entry as PackedEntry, index);
    });
  }

  /** @param first the number of the first of these entries */
  async *#blocks(reader: BoundedReader, entries: readonly PackedEntry[], first: number) {
    let ahead = { offset: 0, bytes: new Uint8Array() };
    for (const [i, entry] of entries.entries()) {
      if (entry.offset + entry.bytes > ahead.offset + ahead.bytes.length) {
        const length = Math.max(entry.bytes, Math.min(READ_AHEAD, this.#indexOffset - entry.offset));
        ahead = { offset: entry.offset, bytes: await reader.read(entry.offset, length) };
      }
      const start = entry.offset - ahead.offset;
      yield this.#decode(ahead.bytes.subarray(start, start + entry.bytes), entry, first + i);
    }
  }

  #decode(bytes: Uint8Array, entry: PackedEntry, index: number): EntryCodes {
    const where = `${this.#path}: entry ${index} of ${this.contents.entries}`;
    return decodeBlock(bytes, entry, { kind: this.contents, where });
  }
}

async function readEntries(reader: BoundedReader, offset: number, count: number): Promise<PackedEntry[]> {
  const bytes = await reader.read(offset, count * ENTRY_BYTES);
  return Array.from({ length: count }, (_, i) => decodeEntry(bytes, i));
}

interface Index {
  readonly indexOffset: number;
  readonly entries: number;
  /** Where the first block begins. */
  readonly blocksOffset: number;
  readonly hash: Hash;
}

/** Reads the index once: hashes it, counts grids, and sees that the blocks leave no gap, which no checksum would cover. */
async function tallyIndex(
  reader: BoundedReader,
  { indexOffset, entries, blocksOffset, hash }: Index,
): Promise<CodeGrid[]> {
  const grids = new GridCounts();
  let offset = blocksOffset;
  for (let first = 0; first < entries; first += ENTRIES_AT_ONCE) {
    const count = Math.min(ENTRIES_AT_ONCE, entries - first);
    const bytes = await reader.read(indexOffset + first * ENTRY_BYTES, count * ENTRY_BYTES);
    hash.update(bytes);
    for (let i = 0; i < count; i++) {
      const entry = decodeEntry(bytes, i);
      if (entry.offset !== offset) throw damagedIndex(reader.path);
      offset += entry.bytes;
      grids.add({ gridHeight: entry.gridHeight, gridWidth: entry.gridWidth, entries: 1 });
    }
  }
  if (offset !== indexOffset) throw damagedIndex(reader.path);
  return grids.grids();
}

function damagedIndex(path: string): VqkitError {
  return formatError(
    `${path}: header, index or end of file`,
    "expected what their checksum says, got something else. The file is damaged there.",
  );
}
