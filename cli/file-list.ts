import { readFile } from "node:fs/promises";
import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { UsageError } from "./errors.js";

/**
 * Names of files, one a line, or separated by NUL as `find -print0` writes them; empty lines are passed over.
 *
 * @param file its path, or "-" for standard input
 * @throws UsageError when it cannot be read, or holds no name
 */
export async function readFileList(file: string, stdin: Readable | undefined): Promise<string[]> {
  const content = await readList(file, stdin);
  const names = content.split(content.includes("\0") ? "\0" : /\r?\n/).filter((name) => name !== "");
  if (names.length > 0) return names;
  throw new UsageError(`--files-from ${file}: expected names of files, one a line, got none.`);
}

async function readList(file: string, stdin: Readable | undefined): Promise<string> {
  if (file === "-") return stdin === undefined ? "" : text(stdin);
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? String(error);
    throw new UsageError(`--files-from ${file}: expected a readable file, got ${reason}.`, { cause: error });
  }
}
