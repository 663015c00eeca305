import { z } from "zod";
import { parseConfig } from "../../core/config.js";
import { CodeCounts, type CodeGeometry } from "../../metrics/index.js";
import type { Codes } from "../codes.js";
import type { CodeStack } from "./manifest.js";
import { type ImageLine, OpenCodes } from "./open-codes.js";

export interface ReadCodesOptions {
  /** Images that come at once at most, >= 1; default 64. */
  readonly batchSize?: number;
}

/** Indices read at once for counting. */
const COUNTED_AT_ONCE = 2 ** 20;

const readOptions = z.strictObject({ batchSize: z.int().min(1).default(64) });

/**
 * Reads a code folder in the order of encoding, in memory that does not grow with it. Neighbours of one latent grid
 * come together. `Tokenizer.decodeBatch` takes what it yields.
 *
 * Names are as they were written, perhaps on another machine: do not take them for safe paths.
 *
 * @throws ConfigError for a wrong option; VqkitError("codes") when there is no code folder; VqkitError("format") where
 * its files contradict each other; VqkitError("file")
 */
export async function* readCodes(
  dir: string,
  options: ReadCodesOptions = {},
): AsyncGenerator<Codes, void, undefined> {
  const { batchSize } = parseConfig(readOptions, options, "");
  const folder = await OpenCodes.open(dir);
  let lines: ImageLine[] = [];
  for await (const line of folder.lines()) {
    if (lines.length === batchSize || (lines[0] !== undefined && lines[0].stack !== line.stack)) {
      yield await codesOf(lines, folder);
      lines = [];
    }
    lines.push(line);
  }
  if (lines.length > 0) yield await codesOf(lines, folder);
}

/** What a usage report needs to know of a code folder. */
export interface CodeFolderUsage {
  readonly counts: CodeCounts;
  readonly images: number;
  /** Sizes of latent grid and image; null when the images have no common size. */
  readonly geometry: CodeGeometry | null;
}

/** Counts how often each code occurs in a code folder, in memory that does not grow with it. @throws as `readCodes` */
export async function countCodes(dir: string): Promise<CodeFolderUsage> {
  const folder = await OpenCodes.open(dir);
  const { codebookSize, numCodebooks, images, stacks } = folder.manifest;
  const counts = new CodeCounts(codebookSize, numCodebooks);
  for (const stack of stacks) {
    const step = Math.max(
      1,
      Math.floor(COUNTED_AT_ONCE / (stack.gridHeight * stack.gridWidth * numCodebooks)),
    );
    for (let start = 0; start < stack.images; start += step) {
      counts.add(await folder.rows(stack.file, { start, count: Math.min(step, stack.images - start) }));
    }
  }
  return { counts, images, geometry: await commonGeometry(folder) };
}

/** @param lines neighbours in one stack, at least one */
async function codesOf(lines: readonly ImageLine[], folder: OpenCodes): Promise<Codes> {
  const { stack: file, row } = lines[0] as ImageLine;
  const { fingerprint, codebookSize, numCodebooks, stacks } = folder.manifest;
  const { gridHeight, gridWidth } = stacks.find((stack) => stack.file === file) as CodeStack;
  return {
    indices: await folder.rows(file, { start: row, count: lines.length }),
    shape: [lines.length, gridHeight, gridWidth, numCodebooks],
    codebookSize,
    images: lines.map(({ name, width, height }) => ({ name, width, height })),
    fingerprint,
  };
}

async function commonGeometry(folder: OpenCodes): Promise<CodeGeometry | null> {
  const { stacks, numCodebooks } = folder.manifest;
  let size: { readonly width: number; readonly height: number } | undefined;
  let same = stacks.length === 1;
  for await (const { width, height } of folder.lines()) {
    size ??= { width, height };
    same &&= size.width === width && size.height === height;
  }
  const stack = stacks[0];
  if (!same || size === undefined || stack === undefined) return null;
  return {
    gridHeight: stack.gridHeight,
    gridWidth: stack.gridWidth,
    imageHeight: size.height,
    imageWidth: size.width,
    numCodebooks,
  };
}
