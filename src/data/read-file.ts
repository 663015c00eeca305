import { closeSync, constants, fstatSync, open, read } from "node:fs";
import { promisify } from "node:util";
import { Semaphore } from "../core/semaphore.js";
import { MAX_TRANSFER_BYTES } from "../files/index.js";

const openFile = promisify(open);
const readInto = promisify(read);

/** A larger file is not read into memory: no image format needs as much for the pixels that are allowed. */
const MAX_FILE_BYTES = 2 ** 30;

/** Opening a named pipe would otherwise wait for a writer, for ever if need be. Windows has neither. */
const WITHOUT_WAITING = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);

/** Bytes of file contents in memory at once, over the whole process. */
const held = new Semaphore(128 * 2 ** 20);

/**
 * Reads a file and hands its content to `use`; the content counts as held until `use` has settled.
 *
 * It does what `readFile` does in two returns to the event loop instead of four or more. That matters here: while the
 * main thread computes, work on other threads gets one step further each time the loop turns, which may be once in a
 * training step.
 */
export async function withFile<T>(file: string, use: (content: Uint8Array) => Promise<T>): Promise<T> {
  let descriptor: number | undefined = await openFile(file, WITHOUT_WAITING);
  const close = (): void => {
    if (descriptor !== undefined) closeSync(descriptor);
    descriptor = undefined;
  };
  try {
    const status = fstatSync(descriptor);
    const { size } = status;
    if (!status.isFile() && !status.isDirectory()) throw new Error("a device or a pipe"); // of a folder, reading tells
    if (size > MAX_FILE_BYTES)
      throw new Error(`a file of ${size} bytes, over the limit of ${MAX_FILE_BYTES}`);
    return await held.run(size, async () => {
      const content = await readAll(descriptor as number, size);
      close();
      return use(content);
    });
  } finally {
    close();
  }
}

async function readAll(descriptor: number, size: number): Promise<Uint8Array> {
  const content = Buffer.allocUnsafeSlow(size);
  let filled = 0;
  while (filled < size) {
    const length = Math.min(size - filled, MAX_TRANSFER_BYTES);
    const { bytesRead } = await readInto(descriptor, content, filled, length, filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return content.subarray(0, filled);
}
