import { readFile } from "node:fs/promises";
import type { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { UsageError } from "./errors.js";

/**
 * Names of files, one a line, or separated by NUL as `find -print0` writes them; empty lines are skipped. In UTF-8, or
 * in UTF-16 with its byte order mark.
 *
 * @param file its path, or "-" for standard input
 * @throws UsageError when it cannot be read, or holds no name
 */
export async function readFileList(file: string, stdin: Readable | undefined): Promise<string[]> {
  const bytes = file === "-" ? await readStream(stdin) : await readNamed(file);
  const names = await namesIn(bytes, file);
  if (names.length > 0) return names;
  throw new UsageError(`--files-from ${file}: expected names of files, one a line, got none.`);
}

async function namesIn(bytes: Uint8Array, file: string): Promise<string[]> {
  const { namesInList } = await import("../src/data/index.js");
  try {
    return namesInList(bytes);
  } catch (error) {
    throw new UsageError(`--files-from ${file}: ${(error as Error).message}. Save it as UTF-8.`, {
      cause: error,
    });
  }
}

async function readStream(stdin: Readable | undefined): Promise<Uint8Array> {
  return stdin === undefined ? new Uint8Array(0) : buffer(stdin);
}

async function readNamed(file: string): Promise<Uint8Array> {
  try {
    return await readFile(file);
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? String(error);
    throw new UsageError(`--files-from ${file}: expected a readable file, got ${reason}.`, { cause: error });
  }
}
