import type { FileHandle } from "node:fs/promises";

/**
 * Bytes that the system is asked for, or given, in one call at most. Node ends the process at a length that does not fit
 * into 31 bits, and Linux moves at most 0x7ffff000 bytes at a time, whatever it is asked for.
 */
export const MAX_TRANSFER_BYTES = 2 ** 30;

/**
 * Fills a buffer from a place in a file, by as many calls as that takes.
 *
 * @returns how many bytes were read; fewer than the buffer has only where the file ends
 * @throws the system's error
 */
export async function readFully(
  file: Pick<FileHandle, "read">,
  into: Uint8Array,
  position: number,
): Promise<number> {
  let at = 0;
  while (at < into.length) {
    const length = Math.min(into.length - at, MAX_TRANSFER_BYTES);
    const { bytesRead } = await file.read(into, at, length, position + at);
    if (bytesRead === 0) break;
    at += bytesRead;
  }
  return at;
}

/**
 * Writes all of a buffer, by as many calls as that takes: one may write less than it was given.
 *
 * @param position in the file; where absent, the bytes go where the handle stands
 * @throws the system's error; one of code EIO when a call writes nothing
 */
export async function writeFully(
  file: Pick<FileHandle, "write">,
  bytes: Uint8Array,
  position?: number,
): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    const length = Math.min(bytes.length - at, MAX_TRANSFER_BYTES);
    const place = position === undefined ? null : position + at;
    const { bytesWritten } = await file.write(bytes, at, length, place);
    if (bytesWritten === 0) throw Object.assign(new Error("EIO: a write made no progress"), { code: "EIO" });
    at += bytesWritten;
  }
}
