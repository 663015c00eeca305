/**
 * The manifest of a folder of codes: `manifest.json`, the same for every format. It is written last, so a folder without
 * it is none. docs/formats.md describes it and the files beside it.
 */
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { parseConfig } from "../../core/config.js";
import { messageOf, VqkitError } from "../../core/errors.js";
import {
  isContent,
  isPartialName,
  type JsonObject,
  nameOfPartial,
  readJsonFile,
  writeJsonFile,
} from "../../files/index.js";

export const MANIFEST_FILE = "manifest.json";
/** Stands in a folder of codes that is not finished; see progress.ts. */
export const PROGRESS_FILE = ".progress.json";

/** How codes are laid out in their folder. */
export const codeFormats = ["npy", "jsonl", "parquet", "tar", "packed"] as const;
export type CodeFormat = (typeof codeFormats)[number];

/** A size of latent grid, and how many entries have it. */
export interface CodeGrid {
  readonly gridHeight: number;
  readonly gridWidth: number;
  readonly entries: number;
}

/** A file of a folder of codes. */
export interface CodeFile {
  readonly file: string;
  readonly bytes: number;
}

/** Whose codes a folder holds. */
export interface CodeKind {
  /** `Tokenizer.fingerprint` of the model that made the codes. */
  readonly fingerprint: string;
  /** K: every index is in 0..K-1. */
  readonly codebookSize: number;
  /** Q. */
  readonly numCodebooks: number;
}

/** What a folder of codes holds. */
export interface CodeManifest extends CodeKind {
  readonly layout: CodeFormat;
  /** What has a grid of indices of its own: an image, or one tile of one with the size policy `tile`. */
  readonly entries: number;
  /** Every size of latent grid, in the order in which they first occur. */
  readonly grids: readonly CodeGrid[];
  /** All files but the manifest; none for a single file without a folder, or for codes that version 0.1 wrote. */
  readonly files: readonly CodeFile[];
  /** How images became codes, as the writer was told. */
  readonly settings: JsonObject;
}

const FORMAT = { format: "vqkit-codes", formatVersion: 3 } as const;

/** Usage is counted in a table for each. */
const MAX_CODEBOOKS = 65_536;

const whole = z.int().min(1);
const grid = z.object({ gridHeight: whole, gridWidth: whole, entries: whole });

/** Fields that say whose codes they are. */
export const kindSchema = z.object({
  fingerprint: z.string().regex(/^[0-9a-f]{64}$/, "expected 64 hexadecimal digits"),
  codebookSize: whole.max(2 ** 32),
  numCodebooks: whole.max(MAX_CODEBOOKS),
});

export const manifestSchema = kindSchema.extend({
  layout: z.enum(codeFormats),
  entries: whole,
  grids: z.array(grid).min(1),
  files: z.array(z.object({ file: z.string(), bytes: whole })),
  settings: z.record(z.string(), z.json()).default({}),
});

const schema = manifestSchema.extend({
  format: z.literal(FORMAT.format),
  formatVersion: z.literal(FORMAT.formatVersion),
});

/** Versions 1 and 2 said `images` for `entries`. */
const earlierGrid = z
  .object({ gridHeight: whole, gridWidth: whole, images: whole })
  .transform(({ images: entries, ...size }): CodeGrid => ({ ...size, entries }));

/** In version 1 there was only `npy`, whose stacks were listed. */
const version1 = kindSchema.extend({ images: whole, stacks: z.array(earlierGrid).min(1) }).transform(
  ({ images: entries, stacks: grids, ...kind }): CodeManifest => ({
    ...kind,
    layout: "npy",
    entries,
    grids,
    files: [],
    settings: {},
  }),
);

const version2 = manifestSchema
  .omit({ entries: true, grids: true })
  .extend({ images: whole, grids: z.array(earlierGrid).min(1) })
  .transform(({ images: entries, ...rest }): CodeManifest => ({ ...rest, entries }));

const CODE_FILE =
  /^(?:manifest\.json|images\.jsonl|codes-\d+x\d+\.npy|codes\.(?:jsonl|parquet|vqc)|codes-\d{6,}\.tar)$/;

/** Whether a file of this name in a folder of codes is part of it, in any format. */
export function isCodeFile(name: string): boolean {
  return CODE_FILE.test(name);
}

/** Whether a file of this name is what an unfinished writer leaves. */
export function isUnfinishedFile(name: string): boolean {
  if (name === PROGRESS_FILE) return true;
  // What a writer notes down for itself has an ending behind the name of the file it is for.
  return isPartialName(name) && isCodeFile(nameOfPartial(name).replace(/\.scratch$/, ""));
}

/** Names in a folder that count (`isContent`); none where there is no folder. @throws VqkitError("file") */
export async function namesIn(dir: string): Promise<string[]> {
  try {
    return (await readdir(dir)).filter(isContent);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return [];
    const reason = code === "ENOTDIR" ? "a file" : messageOf(error);
    throw new VqkitError("file", `${dir}: expected a folder, got ${reason}.`, { cause: error });
  }
}

/** The same manifest gives the same bytes, in whatever order its fields come. */
export async function writeManifest(dir: string, manifest: CodeManifest): Promise<void> {
  const { layout, fingerprint, codebookSize, numCodebooks, entries, grids, files, settings } = manifest;
  const fields = { layout, fingerprint, codebookSize, numCodebooks, entries, grids, files, settings };
  await writeJsonFile(join(dir, MANIFEST_FILE), { ...FORMAT, ...fields });
}

/**
 * Reads the manifest of a folder of codes and checks that its files are as long as it says.
 *
 * @throws VqkitError("codes") when the folder is not there, holds no codes, or is not finished; VqkitError("format") for
 * a manifest of another version or one that contradicts itself or its folder; VqkitError("file")
 */
export async function readManifest(dir: string): Promise<CodeManifest> {
  const names = await namesIn(dir);
  if (!names.includes(MANIFEST_FILE)) throw noManifest(dir, names);
  const path = join(dir, MANIFEST_FILE);
  const manifest = parseManifest(await readJsonFile(path), path);
  for (const { file, bytes } of manifest.files) await checkLength(join(dir, file), bytes);
  return manifest;
}

/** @param where names the value in messages @throws VqkitError("format") */
export function parseManifest(value: unknown, where: string): CodeManifest {
  const version = (value as { formatVersion?: unknown } | null)?.formatVersion;
  if (typeof version === "number" && ![1, 2, FORMAT.formatVersion].includes(version)) {
    throw new VqkitError(
      "format",
      `${where}: formatVersion: expected at most ${FORMAT.formatVersion}, got ${version}. Another version of vqkit wrote it.`,
    );
  }
  try {
    const manifest = parseVersion(version, value);
    checkManifest(manifest);
    return manifest;
  } catch (error) {
    throw asFormatError(error, where);
  }
}

function parseVersion(version: unknown, value: unknown): CodeManifest {
  if (version === 1) return parseConfig(version1, value, "");
  if (version === 2) return parseConfig(version2, value, "");
  const { format, formatVersion, ...manifest } = parseConfig(schema, value, "");
  return manifest;
}

/** A file is no flag: the command line must not call what is wrong in it wrong usage. */
export function asFormatError(error: unknown, where: string): unknown {
  return error instanceof VqkitError ? new VqkitError("format", `${where}: ${error.message}`) : error;
}

function checkManifest({ grids, entries, files }: CodeManifest): void {
  const sides = new Set<string>();
  for (const [i, { gridHeight, gridWidth }] of grids.entries()) {
    const size = `${gridHeight}×${gridWidth}`;
    if (sides.has(size)) throw new VqkitError("format", `grids[${i}]: expected ${size} once, got it again.`);
    sides.add(size);
  }
  const total = grids.reduce((sum, grid) => sum + grid.entries, 0);
  if (total !== entries) {
    throw new VqkitError("format", `entries: expected ${total}, as the grids have together, got ${entries}.`);
  }
  const names = new Set<string>();
  for (const [i, { file }] of files.entries()) {
    if (names.has(file)) {
      throw new VqkitError(
        "format",
        `files[${i}].file: expected each once, got ${JSON.stringify(file)} again.`,
      );
    }
    names.add(file);
    // No manifest leads outside its folder.
    if (isCodeFile(file) && file !== MANIFEST_FILE) continue;
    throw new VqkitError(
      "format",
      `files[${i}].file: expected the name of a code file, got ${JSON.stringify(file)}.`,
    );
  }
}

async function checkLength(path: string, bytes: number): Promise<void> {
  const found = await stat(path).catch((error: unknown) => {
    throw new VqkitError("format", `${path}: expected a file as in the manifest (${messageOf(error)}).`, {
      cause: error,
    });
  });
  if (found.size === bytes) return;
  const alone = /\.(?:parquet|vqc)$/.test(path) ? " To read it as it is, give the file itself." : "";
  const fault =
    found.size < bytes
      ? "The file is cut short, or was replaced."
      : `The file was changed or replaced after it was written.${alone}`;
  throw new VqkitError(
    "format",
    `${path}: expected ${bytes} bytes as in the manifest, got ${found.size}. ${fault}`,
  );
}

function noManifest(dir: string, names: readonly string[]): VqkitError {
  if (names.some(isUnfinishedFile)) {
    return new VqkitError(
      "codes",
      `${dir}: expected finished codes, got those of an interrupted run. Go on with it first (encode --resume).`,
    );
  }
  const got = names.length === 0 ? "nothing there" : "a folder without it";
  return new VqkitError(
    "codes",
    `${dir}: expected a code folder with ${MANIFEST_FILE}, got ${got}. Give the folder that encode wrote.`,
  );
}

/**
 * A file that stands alone says itself whose codes it has: that must be what the folder's manifest says.
 *
 * @throws VqkitError("format") naming the file and the field
 */
export function checkSameCodes(
  path: string,
  { found, expected }: { readonly found: CodeManifest; readonly expected: CodeManifest },
): void {
  for (const key of ["fingerprint", "codebookSize", "numCodebooks", "entries"] as const) {
    if (expected[key] === found[key]) continue;
    throw new VqkitError(
      "format",
      `${path}: expected ${key} ${expected[key]} as in the manifest, got ${found[key]}.`,
    );
  }
}
