import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { VqkitError } from "../core/errors.js";
import { errnoOf, fileError, formatError } from "./file-errors.js";
import { readFully } from "./transfer.js";

/** A file opened for reading parts of it, each no longer than the file says it is. */
export interface BoundedReader {
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  /** `length` bytes from `offset`, in a buffer of their own. @throws VqkitError("format") past the end; VqkitError("file") */
  read(offset: number, length: number): Promise<Uint8Array<ArrayBuffer>>;
}

/** Opening a named pipe would otherwise wait for a writer, for ever if need be. Windows has neither. */
const WITHOUT_WAITING = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);

/**
 * Opens a regular file for reading; the caller closes it.
 *
 * @throws VqkitError("file") when it cannot be opened, or is no regular file
 */
export async function openReader(path: string): Promise<BoundedReader & { close(): Promise<void> }> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(path, WITHOUT_WAITING);
    const file = handle;
    const stat = await file.stat();
    if (!stat.isFile()) throw new VqkitError("file", `${path}: expected a file, got a folder or a device.`);
    return {
      path,
      size: stat.size,
      read: (offset, length) => readFrom(file, path, [offset, length]),
      close: () => file.close(),
    };
  } catch (error) {
    await handle?.close();
    throw errnoOf(error) === undefined ? error : fileError(path, "read", error);
  }
}

/** Opens a regular file, hands a reader to `use`, and closes it again. @throws VqkitError("file") as `openReader` */
export async function withReader<T>(path: string, use: (reader: BoundedReader) => Promise<T>): Promise<T> {
  const reader = await openReader(path);
  try {
    return await use(reader);
  } finally {
    await reader.close();
  }
}

/** A whole file, refused when it is larger than `limit` bytes. @throws VqkitError("file" | "format") */
export async function readWhole(path: string, limit: number): Promise<Uint8Array<ArrayBuffer>> {
  return withReader(path, async (reader) => {
    if (reader.size > limit) {
      throw formatError(path, `expected at most ${limit} bytes, got ${reader.size}.`);
    }
    return reader.read(0, reader.size);
  });
}

async function readFrom(
  handle: FileHandle,
  path: string,
  [offset, length]: readonly [number, number],
): Promise<Uint8Array<ArrayBuffer>> {
  try {
    const { size } = await handle.stat(); // before allocating: no more than the file is long
    if (offset + length > size) {
      throw formatError(path, `expected ${offset + length} bytes, got ${size}. The file is cut short.`);
    }
    const bytes = new Uint8Array(length);
    const read = await readFully(handle, bytes, offset);
    if (read < length) throw formatError(path, "the file became shorter while it was read.");
    return bytes;
  } catch (error) {
    throw errnoOf(error) === undefined ? error : fileError(path, "read", error);
  }
}
