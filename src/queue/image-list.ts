/** The files that hold a task's images, in the folder of the task. */
import { createHash } from "node:crypto";
import path from "node:path";
import { z } from "zod";
import { parseConfig } from "../core/config.js";
import { VqkitError } from "../core/errors.js";
import type { SourceFile } from "../data/index.js";
import { formatError, readJsonLines, writeFileAtomic } from "../files/index.js";
import type { SharedFolder } from "./shared-folder.js";

const FILE = "images.jsonl";
const MAX_LINE = 2 ** 26;
/** Files in a line. */
const FILES_AT_ONCE = 1000;

const fileSchema = z.strictObject({ file: z.string().min(1), name: z.string() });
const lineSchema = z.strictObject({ files: z.array(fileSchema).min(1) });

/** A list of files, and what it is known by. */
export interface ImageList {
  readonly lines: readonly string[];
  /** SHA-256 in hex. */
  readonly digest: string;
}

/** Files with images as lines of JSON. @throws ConfigError at `shared` for one outside of the shared folder */
export function imageList(files: readonly SourceFile[], shared: SharedFolder): ImageList {
  const lines: string[] = [];
  const hash = createHash("sha256");
  for (let at = 0; at < files.length; at += FILES_AT_ONCE) {
    const some = files.slice(at, at + FILES_AT_ONCE);
    const named = some.map(({ path: file, name }) => ({ file: shared.nameOf(file), name }));
    const line = `${JSON.stringify({ files: named })}\n`;
    hash.update(line);
    lines.push(line);
  }
  return { lines, digest: hash.digest("hex") };
}

/** @throws VqkitError("file") */
export async function writeImageList(dir: string, { lines }: Pick<ImageList, "lines">): Promise<void> {
  await writeFileAtomic(
    path.join(dir, FILE),
    lines.map((line) => Buffer.from(line)),
  );
}

/**
 * The files of a list, where they lie on this machine.
 *
 * @param digest what the list must be known by
 * @throws VqkitError("queue") for a name that leads out of the shared folder; VqkitError("format" | "file")
 */
export async function readImageList(
  dir: string,
  digest: string,
  shared: SharedFolder,
): Promise<SourceFile[]> {
  const file = path.join(dir, FILE);
  const hash = createHash("sha256");
  const files: SourceFile[] = [];
  for await (const { value, line } of readJsonLines(file, { maxLine: MAX_LINE })) {
    hash.update(`${JSON.stringify(value)}\n`);
    for (const { file: place, name } of filesIn(value, `${file} line ${line}`)) {
      files.push({ path: shared.pathOf(place), name });
    }
  }
  if (hash.digest("hex") === digest) return files;
  throw formatError(file, "expected the images of the plan beside it, got others.");
}

/** A file is no flag: the command line must not call this wrong usage. */
function filesIn(value: unknown, where: string): z.output<typeof lineSchema>["files"] {
  try {
    return parseConfig(lineSchema, value, "").files;
  } catch (error) {
    throw error instanceof VqkitError ? formatError(where, error.message) : error;
  }
}
