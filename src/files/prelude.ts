import { crc32 } from "./crc32.js";

/** Bytes of a prelude before its JSON. */
export const PRELUDE_BYTES = 20;

/** What stands between a prelude's magic and its JSON. */
export interface Prelude {
  readonly version: number;
  /** Bytes of the JSON. */
  readonly length: number;
  /** CRC-32 of the JSON. */
  readonly crc: number;
}

/**
 * How our binary files begin: 8 bytes of magic, u32 version, u32 length of the JSON, u32 its CRC-32, JSON. Numbers are
 * little-endian.
 */
export function encodePrelude(
  { magic, version }: { readonly magic: Uint8Array; readonly version: number },
  json: Uint8Array,
): Uint8Array {
  const fixed = Buffer.alloc(PRELUDE_BYTES);
  fixed.set(magic);
  fixed.writeUInt32LE(version, 8);
  fixed.writeUInt32LE(json.length, 12);
  fixed.writeUInt32LE(crc32(json), 16);
  return Buffer.concat([fixed, json]);
}

/**
 * Reads a file's first `PRELUDE_BYTES`. Nothing of what they say has been checked.
 *
 * @returns undefined when they are fewer, or begin with another magic
 */
export function decodePrelude(bytes: Uint8Array, magic: Uint8Array): Prelude | undefined {
  if (bytes.length < PRELUDE_BYTES || !magic.every((byte, i) => bytes[i] === byte)) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [version, length, crc] = [8, 12, 16].map((at) => view.getUint32(at, true)) as [
    number,
    number,
    number,
  ];
  return { version, length, crc };
}
