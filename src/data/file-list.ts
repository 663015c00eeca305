import { readFile } from "node:fs/promises";
import { ConfigError, messageOf } from "../core/errors.js";
import { decodeText } from "../core/text.js";

/**
 * Names of files in a text, one a line, or separated by NUL as `find -print0` writes them; empty lines are skipped.
 *
 * @param content in UTF-8, or in UTF-16 with its byte order mark
 * @throws Error for text that is neither
 */
export function namesInList(content: Uint8Array): string[] {
  const text = decodeText(content);
  return text.split(text.includes("\0") ? "\0" : /\r?\n/).filter((name) => name !== "");
}

/** The names in a list of files. @throws ConfigError at `data.filesFrom` where it cannot be read, or holds none */
export async function readFileList(file: string): Promise<string[]> {
  const refuse = (message: string, cause?: unknown): ConfigError =>
    new ConfigError("data.filesFrom", `expected ${message}`, { cause });
  let content: Uint8Array;
  try {
    content = await readFile(file);
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? messageOf(error);
    throw refuse(`a readable file, got ${reason} for ${file}.`, error);
  }
  let names: string[];
  try {
    names = namesInList(content);
  } catch (error) {
    throw refuse(`a text in UTF-8 or UTF-16, got another encoding in ${file}. Save it as UTF-8.`, error);
  }
  if (names.length === 0) throw refuse(`names of files in ${file}, one a line, got none.`);
  return names;
}
