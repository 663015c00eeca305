import { readdir } from "node:fs/promises";
import path from "node:path";
import { ConfigError, messageOf, VqkitError } from "../core/errors.js";
import { makeFolder, writeFileAtomic } from "../files/index.js";

/** Where an export goes. */
export interface OutputOptions {
  /** A folder, new or empty. */
  readonly out: string;
  /** Let new files replace those of the same name; others stay. Default false. */
  readonly overwrite?: boolean;
}

/** For those who must know before they compute. @throws ConfigError at `out` for a folder that holds anything */
export async function checkOutput({ out, overwrite = false }: OutputOptions): Promise<void> {
  let entries: string[];
  try {
    entries = await readdir(out);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return;
    if (code === "ENOTDIR") throw new ConfigError("out", `expected a folder, got the file ${out}.`);
    throw new VqkitError("file", `${out}: could not read the folder: ${messageOf(error)}`, { cause: error });
  }
  if (entries.length === 0 || overwrite) return;
  throw new ConfigError(
    "out",
    `expected a new or empty folder, got ${out}, which has files. Choose another, or set overwrite (--overwrite).`,
  );
}

/** Writes files, each whole or not at all, after everything that could fail has been computed. */
export async function writeOutput(
  { out }: OutputOptions,
  files: Readonly<Record<string, string | Uint8Array>>,
): Promise<void> {
  await makeFolder(out);
  for (const [name, content] of Object.entries(files)) await writeFileAtomic(path.join(out, name), content);
}
