/**
 * A code folder: a data set as integers, for any program that reads .npy and JSON.
 *
 *     manifest.json       whose codes these are, and the stacks
 *     images.jsonl        one object an image, in the order of encoding: name, width, height, stack, row
 *     codes-16x12.npy     every image with a latent grid of 16 rows and 12 columns: [images, 16, 12, Q], uint16 or uint32
 *
 * The manifest is written last: a folder without it is none.
 */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { parseConfig } from "../../core/config.js";
import { messageOf, VqkitError } from "../../core/errors.js";
import { isTemporaryName, readJsonFile, writeJsonFile } from "../../runs/index.js";

export const MANIFEST_FILE = "manifest.json";
export const IMAGES_FILE = "images.jsonl";

/** The images of one latent grid. */
export interface CodeStack {
  readonly file: string;
  readonly gridHeight: number;
  readonly gridWidth: number;
  /** Rows of the stack, one an image. */
  readonly images: number;
}

/** What a code folder holds. */
export interface CodeManifest {
  /** `Tokenizer.fingerprint` of the model that made the codes. */
  readonly fingerprint: string;
  /** K: every index is in 0..K-1. */
  readonly codebookSize: number;
  /** Q. */
  readonly numCodebooks: number;
  /** Images in all stacks. */
  readonly images: number;
  readonly stacks: readonly CodeStack[];
}

const FORMAT = { format: "vqkit-codes", formatVersion: 1 } as const;

const whole = z.int().min(1);
const schema = z.object({
  format: z.literal(FORMAT.format),
  formatVersion: z.literal(FORMAT.formatVersion),
  fingerprint: z.string().regex(/^[0-9a-f]{64}$/, "expected 64 hexadecimal digits"),
  codebookSize: whole,
  numCodebooks: whole,
  images: whole,
  stacks: z.array(z.object({ file: z.string(), gridHeight: whole, gridWidth: whole, images: whole })).min(1),
});

/** The stack of a latent grid: `codes-16x12.npy`. */
export function stackFile(gridHeight: number, gridWidth: number): string {
  return `codes-${gridHeight}x${gridWidth}.npy`;
}

/** Whether a file of this name in a code folder is part of it. */
export function isCodeFile(name: string): boolean {
  return name === MANIFEST_FILE || name === IMAGES_FILE || /^codes-\d+x\d+\.npy$/.test(name);
}

/** Names in a folder, files in progress aside; none where there is no folder. @throws VqkitError("file") */
export async function namesIn(dir: string): Promise<string[]> {
  try {
    return (await readdir(dir)).filter((name) => !isTemporaryName(name));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return [];
    const reason = code === "ENOTDIR" ? "a file" : messageOf(error);
    throw new VqkitError("file", `${dir}: expected a folder, got ${reason}.`, { cause: error });
  }
}

export async function writeManifest(dir: string, manifest: CodeManifest): Promise<void> {
  await writeJsonFile(join(dir, MANIFEST_FILE), { ...FORMAT, ...manifest });
}

/**
 * Reads what a code folder holds, not the codes themselves.
 *
 * @throws VqkitError("codes") when the folder is not there, or is no code folder; VqkitError("format") for a manifest of
 * another version or one that contradicts itself; VqkitError("file")
 */
export async function readCodeManifest(dir: string): Promise<CodeManifest> {
  const names = await namesIn(dir);
  if (!names.includes(MANIFEST_FILE)) {
    const got = names.length === 0 ? "nothing there" : "a folder without it";
    throw new VqkitError(
      "codes",
      `${dir}: expected a code folder with ${MANIFEST_FILE}, got ${got}. Give the folder that encode wrote.`,
    );
  }
  const path = join(dir, MANIFEST_FILE);
  const value = await readJsonFile(path);
  try {
    const { format, formatVersion, ...manifest } = parseConfig(schema, value, "");
    checkStacks(manifest);
    return manifest;
  } catch (error) {
    // A file is no flag: the command line must not call this wrong usage.
    throw error instanceof VqkitError ? new VqkitError("format", `${path}: ${error.message}`) : error;
  }
}

/** Names follow from the grids, so that no manifest can lead outside its folder or to one stack twice. */
function checkStacks({ stacks, images }: CodeManifest): void {
  for (const [i, { file, gridHeight, gridWidth }] of stacks.entries()) {
    const expected = stackFile(gridHeight, gridWidth);
    if (file !== expected || stacks.findIndex((stack) => stack.file === file) !== i) {
      throw new VqkitError(
        "format",
        `stacks[${i}].file: expected "${expected}", once, got ${JSON.stringify(file)}.`,
      );
    }
  }
  const total = stacks.reduce((sum, stack) => sum + stack.images, 0);
  if (total !== images) {
    throw new VqkitError("format", `images: expected ${total}, as the stacks have together, got ${images}.`);
  }
}
