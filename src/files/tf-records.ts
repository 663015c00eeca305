/**
 * TFRecord: pieces of bytes one behind the other, each under a checksum. A record is the length of its data (u64), the
 * masked CRC-32C of these 8 bytes (u32), the data, and their masked CRC-32C (u32), little-endian.
 */
import { type BoundedReader, openReader } from "./bounded-reader.js";
import { maskedCrc32c } from "./crc32c.js";

const LENGTH_BYTES = 8;
const HEADER_BYTES = LENGTH_BYTES + 4;
const FOOTER_BYTES = 4;

/** A record of a file, and where it stands in it. */
export interface TfRecord {
  readonly data: Uint8Array<ArrayBuffer>;
  /** Of its first byte. */
  readonly start: number;
  /** Behind its last byte. */
  readonly end: number;
}

/** Data as a record. */
export function encodeTfRecord(data: Uint8Array): Uint8Array {
  const record = new Uint8Array(HEADER_BYTES + data.length + FOOTER_BYTES);
  const view = new DataView(record.buffer);
  view.setBigUint64(0, BigInt(data.length), true);
  view.setUint32(LENGTH_BYTES, maskedCrc32c(record.subarray(0, LENGTH_BYTES)), true);
  record.set(data, HEADER_BYTES);
  view.setUint32(HEADER_BYTES + data.length, maskedCrc32c(data), true);
  return record;
}

/**
 * The records of a file, in memory of one of them, up to the first that is not whole or has a wrong checksum: there a
 * writer that was killed left off.
 *
 * @throws VqkitError("file")
 */
export async function* wholeTfRecords(path: string): AsyncGenerator<TfRecord, void, undefined> {
  const reader = await openReader(path);
  try {
    let record = await readRecord(reader, 0);
    while (record !== undefined) {
      yield record;
      record = await readRecord(reader, record.end);
    }
  } finally {
    await reader.close();
  }
}

async function readRecord(reader: BoundedReader, start: number): Promise<TfRecord | undefined> {
  if (start + HEADER_BYTES + FOOTER_BYTES > reader.size) return undefined;
  const header = await reader.read(start, HEADER_BYTES);
  const view = new DataView(header.buffer);
  if (view.getUint32(LENGTH_BYTES, true) !== maskedCrc32c(header.subarray(0, LENGTH_BYTES))) return undefined;
  const length = Number(view.getBigUint64(0, true));
  const end = start + HEADER_BYTES + length + FOOTER_BYTES;
  if (end > reader.size) return undefined;
  const body = await reader.read(start + HEADER_BYTES, length + FOOTER_BYTES);
  const data = body.subarray(0, length);
  const checksum = new DataView(body.buffer).getUint32(length, true);
  return checksum === maskedCrc32c(data) ? { data, start, end } : undefined;
}
