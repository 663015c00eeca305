import { open } from "node:fs/promises";
import { readFully } from "../../files/index.js";

/** Bytes that are read piece by piece. */
export interface ByteSource {
  readonly length: number;
  /** `length` bytes from `start`, which stay as they are. @throws Error past the end, before anything is allocated */
  read(start: number, length: number): Promise<Uint8Array>;
}

/** Bytes in memory; what is read are views of them. */
export function bytesInMemory(bytes: Uint8Array): ByteSource {
  return {
    length: bytes.length,
    read: async (start, length) => {
      checkPart(bytes.length, start, length);
      return bytes.subarray(start, start + length);
    },
  };
}

/** Short reads of a file fetch this much, for those that follow. */
const WINDOW_BYTES = 2 ** 16;

/**
 * A part of a file. The file is open only while it is read, and what is read is in memory only as long as its reader keeps
 * it, but for a small window.
 */
export function bytesOfFile(path: string, from: number, length: number): ByteSource {
  let window = new Uint8Array(0);
  let windowStart = 0;
  const readFile = async (start: number, count: number): Promise<Uint8Array<ArrayBuffer>> => {
    const file = await open(path, "r");
    try {
      const bytes = new Uint8Array(count);
      const read = await readFully(file, bytes, from + start);
      if (read < count) throw new Error("the file is shorter than when it was opened");
      return bytes;
    } finally {
      await file.close();
    }
  };
  return {
    length,
    async read(start, count) {
      checkPart(length, start, count);
      if (count >= WINDOW_BYTES) return readFile(start, count);
      if (!(start >= windowStart && start + count <= windowStart + window.length)) {
        window = await readFile(start, Math.min(WINDOW_BYTES, length - start));
        windowStart = start;
      }
      return window.slice(start - windowStart, start - windowStart + count);
    },
  };
}

/** A part of another source. */
export function partOf(source: ByteSource, from: number, length = source.length - from): ByteSource {
  checkPart(source.length, from, length);
  return {
    length,
    read: async (start, count) => {
      checkPart(length, start, count);
      return source.read(from + start, count);
    },
  };
}

/** The four bytes at a place as an unsigned number. */
export async function uint32At(source: ByteSource, at: number): Promise<number> {
  const field = await source.read(at, 4);
  return new DataView(field.buffer, field.byteOffset, 4).getUint32(0, true);
}

function checkPart(whole: number, start: number, length: number): void {
  if (length >= 0 && start >= 0 && start + length <= whole) return;
  throw new Error(`${length} bytes where ${Math.max(0, whole - start)} are left`);
}
