/**
 * What an interrupted writer leaves behind: how far it had come, and how long its files were then. It is replaced whole
 * every few seconds, after the files are on disk up to those lengths.
 */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { parseConfig } from "../../core/config.js";
import { readJsonFile, writeJsonFile } from "../../files/index.js";
import { asFormatError, isCodeFile, kindSchema, manifestSchema, PROGRESS_FILE } from "./manifest.js";

const FORMAT = { format: "vqkit-codes-progress", formatVersion: 2 } as const;

const count = z.int().min(0);

const schema = z
  .object({
    format: z.literal(FORMAT.format),
    formatVersion: z.literal(FORMAT.formatVersion),
    layout: manifestSchema.shape.layout,
    kind: kindSchema,
    settings: manifestSchema.shape.settings,
    shardBytes: count,
    /** Absent where only the renaming is left. */
    source: z.object({ itemsDone: count, itemsBroken: count, itemsDigest: z.string() }).optional(),
    /** Of the items of the source that are done. */
    entries: count,
    grids: manifestSchema.shape.grids,
    /** Entries of the items that follow, which are in the files already: see written-ahead.ts. */
    ahead: z.object({ entries: count, digest: z.string() }).optional(),
    /** Bytes of each file at that moment. */
    files: z.record(
      z.string().refine((name) => isCodeFile(name.replace(/\.scratch$/, "")), "expected names of code files"),
      count,
    ),
    /** There once the files are complete and only their renaming is left. */
    manifest: manifestSchema.optional(),
  })
  .refine(
    ({ source, manifest }) => source !== undefined || manifest !== undefined,
    "expected source or manifest",
  );

export type Progress = Omit<z.output<typeof schema>, "format" | "formatVersion">;

/** @throws VqkitError("file") */
export async function writeProgress(dir: string, progress: Progress): Promise<void> {
  await writeJsonFile(join(dir, PROGRESS_FILE), { ...FORMAT, ...progress });
}

/** @throws VqkitError("format") for what no writer of this version left; VqkitError("file") */
export async function readProgress(dir: string): Promise<Progress> {
  const path = join(dir, PROGRESS_FILE);
  try {
    const { format, formatVersion, ...progress } = parseConfig(schema, await readJsonFile(path), "");
    return progress;
  } catch (error) {
    throw asFormatError(error, path);
  }
}

export async function removeProgress(dir: string): Promise<void> {
  await rm(join(dir, PROGRESS_FILE), { force: true });
}
