/**
 * The bytes of a packed file, all numbers little-endian:
 *
 *     header     magic, u32 version, u32 length of the JSON, u32 its CRC-32, JSON
 *     blocks     one an entry: u32 width, u32 height, u32 bytes of the name, u32 what else there is (1 a tile, 2 a
 *                label, 4 a view), if so 5 × u32 of the tile's place, u32 the label, u32 the view; the name in UTF-8,
 *                the packed indices
 *     index      24 bytes an entry: u64 offset, u32 bytes, u32 CRC-32 of its block, u32 grid height, u32 grid width
 *     end        u64 offset of the index, u64 entries, SHA-256 of header, index and these 16 bytes, magic
 *
 * Every byte is under a checksum: blocks under those in the index, all else under the SHA-256. docs/formats.md has each
 * field.
 */
import { z } from "zod";
import { parseConfig } from "../../core/config.js";
import { VqkitError } from "../../core/errors.js";
import {
  type BoundedReader,
  crc32,
  decodePrelude,
  encodePrelude,
  formatError,
  type JsonObject,
  PRELUDE_BYTES,
  parseJson,
} from "../../files/index.js";
import { type CodedImage, type IndexArray, indexArray, scalesOf } from "../codes.js";
import { asFormatError, type CodeKind, contentsSchema, kindSchema } from "./contents.js";
import { type EntryCodes, imageExtras } from "./entry.js";

const MAGIC = Uint8Array.of(0x89, 0x56, 0x51, 0x43, 0x0d, 0x0a, 0x1a, 0x0a); // \x89VQC\r\n\x1a\n
const END_MAGIC = Uint8Array.of(0x56, 0x51, 0x43, 0x2d, 0x45, 0x4e, 0x44, 0x0a); // VQC-END\n
/** 2 has labels and views; without them files are of version 1. */
const VERSIONS = [1, 2];
/** Of the header, by version: labels come with the names of their classes. */
const MAX_JSON = [0, 65_536, 2 ** 24];
/** What a block has beside its size and name: what the bits of its fourth number say. */
const HAS = { tile: 1, label: 2, view: 4 } as const;
export const ENTRY_BYTES = 24;
const END_BYTES = 56;
/** Of `END_BYTES`, those under the checksum. */
const END_CHECKED = 16;

/** Bits of an index that are moved at once. */
const PIECE = 16;
const PIECE_MASK = 2 ** PIECE - 1;

/** What the header's JSON says. */
export interface PackedHeader extends CodeKind {
  readonly settings: JsonObject;
}

/** Where an entry's block stands. */
export interface PackedEntry {
  readonly offset: number;
  readonly bytes: number;
  readonly crc: number;
  readonly gridHeight: number;
  readonly gridWidth: number;
}

const headerSchema = kindSchema.extend({
  format: z.literal("vqkit-packed-codes"),
  bitsPerIndex: z.int().min(1).max(32),
  settings: contentsSchema.shape.settings,
});

/** Whether a file that begins with these bytes is a packed one. */
export function isPackedStart(start: Uint8Array): boolean {
  return MAGIC.every((byte, i) => start[i] === byte);
}

export function encodeHeader({ settings, ...kind }: PackedHeader): Uint8Array {
  const { fingerprint, codebookSize, numCodebooks } = kind;
  const own = { fingerprint, codebookSize, numCodebooks, bitsPerIndex: bitsPerIndex(codebookSize) };
  const fields = { format: "vqkit-packed-codes", ...own, ...scalesOf(kind), settings };
  const json = Buffer.from(JSON.stringify(fields));
  const { label, view } = imageExtras(settings);
  const version = label || view ? 2 : 1;
  const most = MAX_JSON[version] as number;
  if (json.length > most) {
    throw new VqkitError("codes", `settings: expected at most ${most} bytes of JSON, got ${json.length}.`);
  }
  return encodePrelude({ magic: MAGIC, version }, json);
}

/** Reads the header of an open file. @returns its bytes as well @throws VqkitError("format") */
export async function readHeader(
  reader: BoundedReader,
): Promise<{ readonly header: PackedHeader; readonly bytes: Uint8Array }> {
  const where = `${reader.path}: header`;
  const start = await reader.read(0, Math.min(reader.size, PRELUDE_BYTES));
  const prelude = decodePrelude(start, MAGIC);
  if (prelude === undefined) {
    throw formatError(where, "expected a packed code file (\\x89VQC), got something else.");
  }
  const { version, length, crc } = prelude;
  if (!VERSIONS.includes(version)) {
    throw formatError(where, `expected version ${VERSIONS.join(" or ")}, got ${version}.`);
  }
  const most = Math.min(MAX_JSON[version] as number, reader.size - PRELUDE_BYTES);
  if (length > most) throw formatError(where, `expected at most ${most} bytes of JSON, got ${length}.`);
  const bytes = await reader.read(0, PRELUDE_BYTES + length);
  const json = bytes.subarray(PRELUDE_BYTES);
  checkCrc(crc32(json), crc, where);
  try {
    const { format, bitsPerIndex: bits, ...header } = parseConfig(headerSchema, parseJson(json, "JSON"), "");
    if (bits === bitsPerIndex(header.codebookSize)) return { header, bytes };
    throw formatError("bitsPerIndex", `expected ${bitsPerIndex(header.codebookSize)}, got ${bits}.`);
  } catch (error) {
    throw asFormatError(error, where);
  }
}

export function encodeBlock({ image, indices }: EntryCodes, codebookSize: number): Uint8Array {
  const { width, height, tile, label, view } = image;
  const name = Buffer.from(image.name);
  const place =
    tile === undefined ? [] : [tile.top, tile.left, tile.imageHeight, tile.imageWidth, tile.overlap];
  const more = [...place, ...(label === undefined ? [] : [label]), ...(view === undefined ? [] : [view])];
  const has =
    (tile === undefined ? 0 : HAS.tile) |
    (label === undefined ? 0 : HAS.label) |
    (view === undefined ? 0 : HAS.view);
  const numbers = Uint32Array.of(width, height, name.length, has, ...more);
  return Buffer.concat([
    new Uint8Array(numbers.buffer),
    name,
    packIndices(indices, bitsPerIndex(codebookSize)),
  ]);
}

/** @param where names the entry in messages @throws VqkitError("format") for a block that its entry does not fit */
export function decodeBlock(
  bytes: Uint8Array,
  entry: PackedEntry,
  { kind, where }: { readonly kind: CodeKind; readonly where: string },
): EntryCodes {
  checkCrc(crc32(bytes), entry.crc, where);
  const { gridHeight, gridWidth } = entry;
  const { codebookSize, numCodebooks } = kind;
  const count = gridHeight * gridWidth * numCodebooks;
  const block = bufferOf(bytes);
  const number = (position: number): number => block.readUInt32LE(4 * position);
  const has = block.length < 16 ? 0 : number(3);
  const numbers = 4 + (has & HAS.tile ? 5 : 0) + (has & HAS.label ? 1 : 0) + (has & HAS.view ? 1 : 0);
  const nameLength = block.length < 16 ? 0 : number(2);
  const start = 4 * numbers + nameLength;
  if (start + packedLength(count, bitsPerIndex(codebookSize)) !== block.length) {
    throw formatError(
      where,
      `expected a block for ${gridHeight}×${gridWidth} positions, got ${block.length} bytes.`,
    );
  }
  const name = block.subarray(4 * numbers, start).toString();
  const size = { name, width: number(0), height: number(1) };
  if (nameLength === 0 || size.width === 0 || size.height === 0 || count === 0) {
    throw formatError(where, "expected a name, sides and positions >= 1, got none of one.");
  }
  const indices = unpackIndices(block.subarray(start), { count, codebookSize });
  return { image: { ...size, ...moreOf(has, number) }, gridHeight, gridWidth, indices };
}

/** What a block says of its image beside its size and name. @param number a number of the block by its place */
function moreOf(
  has: number,
  number: (position: number) => number,
): Omit<CodedImage, "name" | "width" | "height"> {
  let at = 4;
  const place = has & HAS.tile ? Array.from({ length: 5 }, () => number(at++)) : undefined;
  const label = has & HAS.label ? { label: number(at++) } : {};
  const view = has & HAS.view ? { view: number(at++) } : {};
  if (place === undefined) return { ...label, ...view };
  const [top, left, imageHeight, imageWidth, overlap] = place as [number, number, number, number, number];
  return { ...label, ...view, tile: { top, left, imageHeight, imageWidth, overlap } };
}

export function encodeEntry({ offset, bytes, crc, gridHeight, gridWidth }: PackedEntry): Uint8Array {
  const entry = Buffer.alloc(ENTRY_BYTES);
  entry.writeBigUInt64LE(BigInt(offset), 0);
  for (const [i, value] of [bytes, crc, gridHeight, gridWidth].entries())
    entry.writeUInt32LE(value, 8 + 4 * i);
  return entry;
}

export function decodeEntry(index: Uint8Array, position: number): PackedEntry {
  const entry = bufferOf(index.subarray(position * ENTRY_BYTES, (position + 1) * ENTRY_BYTES));
  return {
    offset: Number(entry.readBigUInt64LE(0)),
    bytes: entry.readUInt32LE(8),
    crc: entry.readUInt32LE(12),
    gridHeight: entry.readUInt32LE(16),
    gridWidth: entry.readUInt32LE(20),
  };
}

/** What stands behind the index. */
export interface PackedEnd {
  readonly indexOffset: number;
  readonly entries: number;
}

/** The first bytes of the end, which are under the checksum. */
export function encodeEndStart({ indexOffset, entries }: PackedEnd): Uint8Array {
  const bytes = Buffer.alloc(END_CHECKED);
  bytes.writeBigUInt64LE(BigInt(indexOffset), 0);
  bytes.writeBigUInt64LE(BigInt(entries), 8);
  return bytes;
}

/** The whole end. */
export function encodeEnd(end: PackedEnd, sha256: Uint8Array): Uint8Array {
  return Buffer.concat([encodeEndStart(end), sha256, END_MAGIC]);
}

/** Reads the end of an open file. @throws VqkitError("format") for one that the file's size contradicts */
export async function readEnd(reader: BoundedReader): Promise<PackedEnd & { readonly sha256: Uint8Array }> {
  const where = `${reader.path}: end of file`;
  const length = Math.min(reader.size, END_BYTES);
  const bytes = bufferOf(await reader.read(reader.size - length, length));
  if (length < END_BYTES || !END_MAGIC.every((byte, i) => bytes[END_BYTES - END_MAGIC.length + i] === byte)) {
    throw formatError(
      where,
      "expected the end of a packed code file, got something else. The file is cut short or damaged.",
    );
  }
  const indexOffset = Number(bytes.readBigUInt64LE(0));
  const entries = Number(bytes.readBigUInt64LE(8));
  if (entries < 1 || indexOffset + entries * ENTRY_BYTES + END_BYTES !== reader.size) {
    throw formatError(
      where,
      `expected an index of ${entries} entries at byte ${indexOffset}, got a file of ${reader.size} bytes. The file is damaged.`,
    );
  }
  return { indexOffset, entries, sha256: bytes.subarray(END_CHECKED, END_CHECKED + 32) };
}

function checkCrc(found: number, expected: number, where: string): void {
  if (found === expected) return;
  const hex = (crc: number): string => crc.toString(16).padStart(8, "0");
  throw formatError(
    where,
    `expected checksum ${hex(expected)}, got ${hex(found)}. The file is damaged there.`,
  );
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Bits that every index in 0..codebookSize-1 fits into, at least 1. */
export function bitsPerIndex(codebookSize: number): number {
  return Math.max(1, Math.ceil(Math.log2(codebookSize)));
}

/** Bytes of `count` packed indices; the bits that are left over in the last one are 0. */
export function packedLength(count: number, bits: number): number {
  return Math.ceil((count * bits) / 8);
}

/**
 * Packs indices, the first in the lowest bits of the first byte: index i takes the bits i·b to i·b + b - 1, where bit n
 * is bit n mod 8 of byte ⌊n / 8⌋. Bits run on from one byte to the next without a gap.
 *
 * @param bits of each, 1..32
 */
export function packIndices(indices: IndexArray, bits: number): Uint8Array {
  const bytes = new Uint8Array(packedLength(indices.length, bits));
  let at = 0;
  let pending = 0;
  let pendingBits = 0;
  for (let i = 0; i < indices.length; i++) {
    const index = indices[i] as number;
    // In pieces, so that 32-bit arithmetic holds one beside what is pending.
    for (let done = 0; done < bits; done += PIECE) {
      pending |= ((index >>> done) & PIECE_MASK) << pendingBits;
      pendingBits += Math.min(bits - done, PIECE);
      for (; pendingBits >= 8; pendingBits -= 8) {
        bytes[at++] = pending;
        pending >>>= 8;
      }
    }
  }
  if (pendingBits > 0) bytes[at] = pending;
  return bytes;
}

/** The way back. @param bytes at least `packedLength(count, bits)` */
export function unpackIndices(
  bytes: Uint8Array,
  { count, codebookSize }: { readonly count: number; readonly codebookSize: number },
): IndexArray {
  const indices = indexArray(codebookSize, count);
  const bits = bitsPerIndex(codebookSize);
  let at = 0;
  let pending = 0;
  let pendingBits = 0;
  for (let i = 0; i < count; i++) {
    let index = 0;
    for (let done = 0; done < bits; done += PIECE) {
      const width = Math.min(bits - done, PIECE);
      for (; pendingBits < width; pendingBits += 8) pending |= (bytes[at++] as number) << pendingBits;
      index |= (pending & (2 ** width - 1)) << done;
      pending >>>= width;
      pendingBits -= width;
    }
    indices[i] = index; // as 32 bits, whatever sign the arithmetic gave them
  }
  return indices;
}
