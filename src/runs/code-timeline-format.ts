import { deflateRawSync, inflateRawSync } from "node:zlib";
import { crc32, formatError } from "../files/index.js";
import type { CodebookDrift, CodeRecord, IntervalCounts } from "../metrics/index.js";

/** The sizes that every record of a timeline shares. */
export interface TimelineShape {
  /** K. */
  readonly codebookSize: number;
  /** Q. */
  readonly numCodebooks: number;
}

/** K·Q at most, so that a record is bounded: 2^24, as many codes as an implicit codebook may have. */
export const MAX_TIMELINE_CODES = 2 ** 24;

/** Bytes of a record before its compressed part. */
export const RECORD_HEADER_BYTES = 40;
const CRC_AT = 36;
const HAS_DRIFT = 1;
const HAS_REPLACED = 2;
/** What deflate can shrink its input to at most: 258 bytes to 2 bits. */
const LARGEST_RATIO = 1032;
/** For each code at most 4 bytes of its index, 8 of its count, 4 of its index where it was replaced, and one of its drift. */
const MAX_BYTES_PER_CODE = 17;
/** Two lists' lengths, and the drift of the whole. */
const MAX_BYTES_PER_CODEBOOK = 20;

/** A record as bytes: 40 of header, then the compressed counts and drifts. See docs/formats.md. */
export function encodeRecord(record: CodeRecord): Uint8Array {
  const { step, samples, drift, replaced } = record;
  const plain = plainBytes(record);
  const packed = deflateRawSync(plain);
  const bytes = Buffer.alloc(RECORD_HEADER_BYTES + packed.length);
  bytes.writeUInt32LE(packed.length, 0);
  bytes.writeUInt32LE(plain.length, 4);
  bytes.writeBigUInt64LE(BigInt(step), 8);
  bytes.writeBigUInt64LE(BigInt(samples), 16);
  bytes.writeDoubleLE(drift?.[0]?.overall ?? Number.NaN, 24);
  bytes.writeUInt32LE((drift === null ? 0 : HAS_DRIFT) + (replaced === undefined ? 0 : HAS_REPLACED), 32);
  bytes.set(packed, RECORD_HEADER_BYTES);
  bytes.writeUInt32LE(checksum(bytes), CRC_AT);
  return bytes;
}

/** The length of a whole record by its first 40 bytes. */
export function recordLength(header: Uint8Array): number {
  return RECORD_HEADER_BYTES + Buffer.from(header.buffer, header.byteOffset, header.length).readUInt32LE(0);
}

/**
 * Reads a whole record.
 *
 * @param where names the record in messages
 * @throws VqkitError("format")
 */
export function decodeRecord(content: Uint8Array, shape: TimelineShape, where: string): CodeRecord {
  const bytes = Buffer.from(content.buffer, content.byteOffset, content.length);
  if (bytes.readUInt32LE(CRC_AT) !== checksum(bytes)) {
    throw formatError(
      where,
      "expected the CRC-32 that it was written with, got another. The file is damaged.",
    );
  }
  const step = safeInteger(bytes.readBigUInt64LE(8), "step", where);
  const samples = safeInteger(bytes.readBigUInt64LE(16), "samples", where);
  const flags = bytes.readUInt32LE(32);
  const most = HAS_DRIFT + HAS_REPLACED;
  if (flags > most) throw formatError(where, `expected flags of 0..${most}, got ${flags}.`);
  const plain = unpacked(bytes, shape, where);
  const cursor = new Cursor(plain, where);
  const codebooks = Array.from({ length: shape.numCodebooks }, () => readCounts(cursor, shape, samples));
  const replaced =
    (flags & HAS_REPLACED) === 0
      ? {}
      : { replaced: Array.from({ length: shape.numCodebooks }, () => readIndices(cursor, shape, 1)) };
  const drift = (flags & HAS_DRIFT) === 0 ? null : readDrift(cursor, shape, bytes.readDoubleLE(24));
  cursor.end();
  return { step, samples, codebooks, drift, ...replaced };
}

/** CRC-32 of a record's bytes but for its own four. */
function checksum(bytes: Uint8Array): number {
  return crc32(Buffer.concat([bytes.subarray(0, CRC_AT), bytes.subarray(RECORD_HEADER_BYTES)]));
}

function unpacked(bytes: Buffer, shape: TimelineShape, where: string): Uint8Array {
  const packed = bytes.subarray(RECORD_HEADER_BYTES);
  const length = bytes.readUInt32LE(4);
  const { codebookSize, numCodebooks } = shape;
  const most = Math.min(
    packed.length * LARGEST_RATIO,
    numCodebooks * (MAX_BYTES_PER_CODEBOOK + MAX_BYTES_PER_CODE * codebookSize),
  );
  if (length > most) throw formatError(where, `expected at most ${most} bytes of counts, got ${length}.`);
  let plain: Buffer;
  try {
    plain = inflateRawSync(packed, { maxOutputLength: Math.max(1, length) });
  } catch (error) {
    throw formatError(where, `expected deflated counts of ${length} bytes (${(error as Error).message}).`);
  }
  if (plain.length !== length) {
    throw formatError(where, `expected ${length} bytes of counts, got ${plain.length}.`);
  }
  return plain;
}

/**
 * For each codebook: how many codes, the gaps between their indices, their counts. For each codebook: how many codes were
 * replaced, the gaps between their indices. Then the drift of each codebook but the first, which stands in the header,
 * and for each codebook a byte a code.
 */
function plainBytes({ codebooks, drift, replaced = [] }: CodeRecord): Uint8Array {
  const bytes: number[] = [];
  for (const { indices, counts } of codebooks) {
    pushIndices(bytes, indices);
    for (const count of counts) pushInteger(bytes, count);
  }
  for (const indices of replaced) pushIndices(bytes, indices);
  if (drift === null) return Uint8Array.from(bytes);
  const others = Buffer.alloc(8 * (drift.length - 1));
  for (const [i, { overall }] of drift.slice(1).entries()) others.writeDoubleLE(overall ?? Number.NaN, 8 * i);
  const levels = drift.map(({ perCode }) => Uint8Array.from(perCode, driftLevel));
  return Buffer.concat([Uint8Array.from(bytes), others, ...levels]);
}

function readCounts(cursor: Cursor, shape: TimelineShape, samples: number): IntervalCounts {
  const indices = readIndices(cursor, shape, 2);
  const counts = new Float64Array(indices.length);
  let total = 0;
  for (let i = 0; i < indices.length; i++) {
    const count = cursor.integer();
    if (count === 0) throw cursor.error("expected counts >= 1, got 0");
    counts[i] = count;
    total += count;
  }
  if (total !== samples) throw cursor.error(`expected ${samples} counted indices, got ${total}`);
  return { indices, counts };
}

/**
 * Ascending indices, as `pushIndices` writes them.
 *
 * @param bytesOfCode that each takes at least: no length is believed that the bytes cannot hold
 */
function readIndices(cursor: Cursor, { codebookSize }: TimelineShape, bytesOfCode: number): Uint32Array {
  const length = cursor.integer();
  const most = Math.min(codebookSize, Math.floor(cursor.left / bytesOfCode));
  if (length > most) throw cursor.error(`expected at most ${most} codes, got ${length}`);
  const indices = new Uint32Array(length);
  let next = 0;
  for (let i = 0; i < length; i++) {
    const index = next + cursor.integer();
    if (index >= codebookSize) throw cursor.error(`expected indices below ${codebookSize}, got ${index}`);
    indices[i] = index;
    next = index + 1;
  }
  return indices;
}

function readDrift(
  cursor: Cursor,
  { codebookSize, numCodebooks }: TimelineShape,
  first: number,
): CodebookDrift[] {
  const others = Buffer.from(cursor.bytes(8 * (numCodebooks - 1)));
  return Array.from({ length: numCodebooks }, (_, codebook) => {
    const overall = codebook === 0 ? first : others.readDoubleLE(8 * (codebook - 1));
    if (overall < 0 || overall === Number.POSITIVE_INFINITY) {
      throw cursor.error(`expected an overall drift >= 0, got ${overall}`);
    }
    const perCode = Float32Array.from(cursor.bytes(codebookSize), driftOfLevel);
    return { overall: Number.isNaN(overall) ? null : overall, perCode };
  });
}

/** Drift in a byte: 0 for none, then 1e-6 to 100 in 255 levels that are evenly spaced by their logarithm. */
const [LOWEST, DECADES, STEPS] = [-6, 8, 254];

function driftLevel(drift: number): number {
  if (drift === 0) return 0;
  const place = Math.min(1, Math.max(0, (Math.log10(drift) - LOWEST) / DECADES));
  return 1 + Math.round(place * STEPS);
}

function driftOfLevel(level: number): number {
  return level === 0 ? 0 : 10 ** (LOWEST + (DECADES * (level - 1)) / STEPS);
}

/** How many indices, and the gaps between them. */
function pushIndices(bytes: number[], indices: Uint32Array): void {
  pushInteger(bytes, indices.length);
  let next = 0;
  for (const index of indices) {
    pushInteger(bytes, index - next);
    next = index + 1;
  }
}

/** An integer >= 0 below 2^53 in groups of seven bits, the lowest first; the highest bit says that more follow. */
function pushInteger(bytes: number[], value: number): void {
  let rest = value;
  while (rest >= 128) {
    bytes.push((rest % 128) + 128);
    rest = Math.floor(rest / 128);
  }
  bytes.push(rest);
}

class Cursor {
  readonly #bytes: Uint8Array;
  readonly #where: string;
  #at = 0;

  constructor(bytes: Uint8Array, where: string) {
    this.#bytes = bytes;
    this.#where = where;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  integer(): number {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = this.#bytes[this.#at++];
      if (byte === undefined) throw this.error("expected a whole integer, got the end");
      value += (byte & 127) * scale;
      if (!Number.isSafeInteger(value)) throw this.error("expected integers below 2^53");
      if (byte < 128) return value;
      if (scale > 2 ** 53) throw this.error("expected integers of at most 8 bytes");
    }
  }

  bytes(length: number): Uint8Array {
    if (length > this.left) throw this.error(`expected ${length} more bytes, got ${this.left}`);
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  end(): void {
    if (this.left > 0) throw this.error(`expected no more bytes, got ${this.left}`);
  }

  error(message: string): Error {
    return formatError(this.#where, `counts: ${message}.`);
  }
}

function safeInteger(value: bigint, name: string, where: string): number {
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) {
    throw formatError(where, `expected a ${name} below 2^53, got ${value}.`);
  }
  return Number(value);
}
