import type { TarHeader } from "./tar-images.js";

/** Bytes of a header; contents are filled up to a multiple of it. */
export const TAR_BLOCK_BYTES = 512;

/** Kinds of entries by their flag, called as tar-stream calls them. */
const TYPES: Readonly<Record<string, string>> = {
  "\0": "file",
  "0": "file",
  "1": "link",
  "2": "symlink",
  "3": "character-device",
  "4": "block-device",
  "5": "directory",
  "6": "fifo",
  "7": "contiguous-file",
  x: "pax-header",
  g: "pax-global-header",
  K: "gnu-long-link-path",
  L: "gnu-long-path",
  N: "gnu-long-path",
};

/** Where the fields of a header stand, from and to. */
const FIELDS = {
  name: [0, 100],
  size: [124, 136],
  checksum: [148, 156],
  type: [156, 157],
  linkname: [157, 257],
  prefix: [345, 500],
} as const;

/**
 * What a block says as the header of an entry (POSIX 1003.1, "ustar Interchange Format"), also where it has no mark, as in
 * version 7 of Unix.
 *
 * @param block 512 bytes
 * @returns undefined for a block of zeros, as archives end with
 * @throws Error where the checksum is another
 */
export function decodeTarHeader(block: Uint8Array): TarHeader | undefined {
  const sum = checksumOf(block);
  if (sum === 8 * 0x20) return undefined; // nothing but the checksum's own spaces
  if (sum !== numberIn(block, FIELDS.checksum)) throw new Error("Invalid tar header: a wrong checksum");
  const flag = String.fromCharCode(block[FIELDS.type[0]] as number);
  const name = textIn(block, FIELDS.name);
  const isUstar = Buffer.from(block.subarray(257, 263)).toString("latin1") === "ustar\0";
  const prefix = isUstar ? textIn(block, FIELDS.prefix) : "";
  const type = TYPES[flag] ?? null;
  return {
    name: prefix === "" ? name : `${prefix}/${name}`,
    // Before there was a flag for directories, a slash at the end told.
    type: type === "file" && name.endsWith("/") ? "directory" : type,
    size: numberIn(block, FIELDS.size),
    linkname: textIn(block, FIELDS.linkname) || null,
  };
}

/** The sum of all bytes, spaces in the place of the checksum. */
function checksumOf(block: Uint8Array): number {
  let sum = 8 * 0x20;
  for (let i = 0; i < TAR_BLOCK_BYTES; i++) {
    if (i < FIELDS.checksum[0] || i >= FIELDS.checksum[1]) sum += block[i] as number;
  }
  return sum;
}

/** Up to the first NUL. */
function textIn(block: Uint8Array, [from, to]: readonly [number, number]): string {
  const field = block.subarray(from, to);
  const end = field.indexOf(0);
  return Buffer.from(end < 0 ? field : field.subarray(0, end)).toString("utf8");
}

/** Octal digits, or a number of many bytes where the first bit is set; NaN where there is neither. */
function numberIn(block: Uint8Array, [from, to]: readonly [number, number]): number {
  const field = block.subarray(from, to);
  if (((field[0] as number) & 0x80) !== 0) return binaryNumber(field);
  const [, digits = "", rest = ""] = /^[ \0]*([0-7]*)(.?)/s.exec(Buffer.from(field).toString("latin1")) ?? [];
  if (digits !== "") return Number.parseInt(digits, 8);
  return rest === "" ? 0 : Number.NaN;
}

/** Two's complement behind a first byte of 0x80 or, below zero, 0xff. */
function binaryNumber(field: Uint8Array): number {
  const [first, ...bytes] = field;
  if (first !== 0x80 && first !== 0xff) return Number.NaN;
  const magnitude = bytes.reduce((sum, byte) => sum * 256 + (first === 0x80 ? byte : 0xff - byte), 0);
  return first === 0x80 ? magnitude : -magnitude - 1;
}

/** The records of an extended header of POSIX: `LENGTH key=value` and a line feed each; what is behind a damaged one is left out. */
export function decodePaxRecords(content: Uint8Array): Record<string, string> {
  const records: Record<string, string> = {};
  for (let rest = Buffer.from(content); rest.length > 0; ) {
    const space = rest.indexOf(0x20);
    const length = Number.parseInt(rest.toString("latin1", 0, Math.max(0, space)), 10);
    if (!(length > space + 1)) break;
    const record = rest.toString("utf8", space + 1, length - 1);
    const at = record.indexOf("=");
    if (at < 0) break;
    records[record.slice(0, at)] = record.slice(at + 1);
    rest = rest.subarray(length);
  }
  return records;
}
