/**
 * Format `packed`: the fewest bits an index, checksums, and random access; see packed-format.ts.
 *
 *     codes.vqc
 */
import { createHash, type Hash } from "node:crypto";
import { join } from "node:path";
import { VqkitError } from "../../core/errors.js";
import { type BoundedReader, crc32, openReader, withReader } from "../../files/index.js";
import type { Codes } from "../codes.js";
import type { EntryCodes, Layout, LayoutContext, LayoutReader, LayoutWriter } from "./layout.js";
import { type CodeGrid, type CodeManifest, checkSameCodes } from "./manifest.js";
import {
  decodeBlock,
  decodeEntry,
  ENTRY_BYTES,
  encodeBlock,
  encodeEnd,
  encodeEndStart,
  encodeEntry,
  encodeHeader,
  type PackedEntry,
  type PackedHeader,
  readEnd,
  readHeader,
} from "./packed-format.js";

const FILE = "codes.vqc";
/** The index grows here until it goes behind the last block. */
const INDEX_FILE = `${FILE}.scratch`;
const ENTRIES_AT_ONCE = 4096;
/** Bytes of neighbouring blocks that are read at once, unless a single one has more. */
const READ_AHEAD = 2 ** 20;

export const packedLayout: Layout = {
  writer: async (context) => new PackedWriter(context),
  reader: async (dir, manifest) => {
    const reader = await PackedReader.open(join(dir, FILE));
    reader.checkManifest(manifest);
    return reader;
  },
};

class PackedWriter implements LayoutWriter {
  readonly pending = 0;
  readonly #context: LayoutContext;
  readonly #header: Uint8Array;

  constructor(context: LayoutContext) {
    this.#context = context;
    this.#header = encodeHeader({ ...context.kind, settings: context.settings });
  }

  async add(codes: Codes): Promise<void> {
    const { files, kind } = this.#context;
    if (files.length(FILE) === 0) await files.append(FILE, this.#header);
    const [, gridHeight, gridWidth] = codes.shape;
    const length = codes.indices.length / codes.images.length;
    const blocks: Uint8Array[] = [];
    const entries: Uint8Array[] = [];
    let offset = files.length(FILE);
    for (const [i, image] of codes.images.entries()) {
      const indices = codes.indices.subarray(i * length, (i + 1) * length);
      const block = encodeBlock({ image, gridHeight, gridWidth, indices }, kind.codebookSize);
      const bytes = block.length;
      blocks.push(block);
      entries.push(encodeEntry({ offset, bytes, crc: crc32(block), gridHeight, gridWidth }));
      offset += bytes;
    }
    await files.append(FILE, Buffer.concat(blocks));
    await files.append(INDEX_FILE, Buffer.concat(entries));
  }

  async complete({ entries }: Pick<CodeManifest, "entries">): Promise<string[]> {
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
export class PackedReader implements LayoutReader {
  /** As that of a folder; a packed file says all of it itself. */
  readonly manifest: CodeManifest;
  readonly #path: string;
  readonly #indexOffset: number;

  private constructor(path: string, manifest: CodeManifest, indexOffset: number) {
    this.#path = path;
    this.manifest = manifest;
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
      return new PackedReader(path, manifestOf(header, end.entries, grids), end.indexOffset);
    });
  }

  /** @throws VqkitError("format") when the folder's manifest says something else */
  checkManifest(manifest: CodeManifest): void {
    checkSameCodes(this.#path, { found: this.manifest, expected: manifest });
  }

  async *entries(): AsyncGenerator<EntryCodes, void, undefined> {
    const reader = await openReader(this.#path);
    try {
      for (let first = 0; first < this.manifest.entries; first += ENTRIES_AT_ONCE) {
        const count = Math.min(ENTRIES_AT_ONCE, this.manifest.entries - first);
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
    const where = `${this.#path}: entry ${index} of ${this.manifest.entries}`;
    return decodeBlock(bytes, entry, { kind: this.manifest, where });
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
  const grids = new Map<string, CodeGrid>();
  let offset = blocksOffset;
  for (let first = 0; first < entries; first += ENTRIES_AT_ONCE) {
    const count = Math.min(ENTRIES_AT_ONCE, entries - first);
    const bytes = await reader.read(indexOffset + first * ENTRY_BYTES, count * ENTRY_BYTES);
    hash.update(bytes);
    for (let i = 0; i < count; i++) {
      const entry = decodeEntry(bytes, i);
      if (entry.offset !== offset) throw damagedIndex(reader.path);
      offset += entry.bytes;
      const { gridHeight, gridWidth } = entry;
      const key = `${gridHeight}x${gridWidth}`;
      grids.set(key, { gridHeight, gridWidth, entries: (grids.get(key)?.entries ?? 0) + 1 });
    }
  }
  if (offset !== indexOffset) throw damagedIndex(reader.path);
  return [...grids.values()];
}

function manifestOf({ settings, ...kind }: PackedHeader, entries: number, grids: CodeGrid[]): CodeManifest {
  return { layout: "packed", ...kind, entries, grids, files: [], settings };
}

function damagedIndex(path: string): VqkitError {
  return new VqkitError(
    "format",
    `${path}: header, index or end of file: expected what their checksum says, got something else. The file is damaged there.`,
  );
}
