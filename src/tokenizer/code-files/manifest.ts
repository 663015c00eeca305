/**
 * The manifest of a folder of codes: `manifest.json`, the same for every format. It is written last, so a folder without
 * it is none. docs/formats.md describes it and the files beside it.
 */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { parseConfig } from "../../core/config.js";
import { messageOf, VqkitError } from "../../core/errors.js";
import {
  formatError,
  isContent,
  isPartialName,
  nameOfPartial,
  namesIn as namesInFolder,
  readJsonFile,
  writeJsonFile,
} from "../../files/index.js";
import { scalesOf } from "../codes.js";
import {
  asFormatError,
  type CodeContents,
  checkGrids,
  contentsSchema,
  contentsSchema1,
  contentsSchema2,
} from "./contents.js";
import { type CodeFormat, codeFormats, formats } from "./formats.js";

export const MANIFEST_FILE = "manifest.json";
/** Stands in a folder of codes that is not finished; see resume.ts. */
export const PROGRESS_FILE = ".progress.json";

/** What a folder of codes holds. */
export interface CodeManifest extends CodeContents {
  readonly layout: CodeFormat;
}

const FORMAT = { format: "vqkit-codes", formatVersion: 3 } as const;

const layoutSchema = z.object({ layout: z.enum(codeFormats) });

/** As version 3 has it, without `format` and `formatVersion`. */
export const manifestSchema = layoutSchema.extend(contentsSchema.shape);

/** Whether a file of this name in a folder of codes is part of it, in any format. */
export function isCodeFile(name: string): boolean {
  return name === MANIFEST_FILE || Object.values(formats).some((format) => format.isFile(name));
}

/** Whether a file of this name is what an unfinished writer leaves. */
export function isUnfinishedFile(name: string): boolean {
  if (name === PROGRESS_FILE) return true;
  // What a writer notes down for itself has an ending behind the name of the file it is for.
  return isPartialName(name) && isCodeFile(nameOfPartial(name).replace(/\.scratch$/, ""));
}

/** Names in a folder that count (`isContent`); none where there is no folder. @throws VqkitError("file") */
export async function namesIn(dir: string): Promise<string[]> {
  return (await namesInFolder(dir)).filter(isContent);
}

/** The same manifest gives the same bytes, in whatever order its fields come. */
export async function writeManifest(dir: string, manifest: CodeManifest): Promise<void> {
  const { layout, fingerprint, codebookSize, numCodebooks, entries, grids, files, settings } = manifest;
  const kind = { layout, fingerprint, codebookSize, numCodebooks, ...scalesOf(manifest) };
  const fields = { ...kind, entries, grids, files, settings };
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
  await checkLengths(dir, manifest);
  return manifest;
}

function parseManifest(value: unknown, path: string): CodeManifest {
  const version = (value as { formatVersion?: unknown } | null)?.formatVersion;
  if (typeof version === "number" && ![1, 2, FORMAT.formatVersion].includes(version)) {
    const got = `got ${version}. Another version of vqkit wrote it.`;
    throw formatError(path, `formatVersion: expected at most ${FORMAT.formatVersion}, ${got}`);
  }
  try {
    const manifest = parseVersion(version, value);
    checkGrids(manifest);
    checkFiles(manifest);
    return manifest;
  } catch (error) {
    throw asFormatError(error, path);
  }
}

function parseVersion(version: unknown, value: unknown): CodeManifest {
  if (version === 1) return { layout: "npy", ...parseConfig(contentsSchema1, value, "") };
  if (version === 2) {
    return { ...parseConfig(layoutSchema, value, ""), ...parseConfig(contentsSchema2, value, "") };
  }
  const schema = manifestSchema.extend({
    format: z.literal(FORMAT.format),
    formatVersion: z.literal(FORMAT.formatVersion),
  });
  const { format, formatVersion, ...manifest } = parseConfig(schema, value, "");
  return manifest;
}

function checkFiles({ files }: CodeManifest): void {
  const names = new Set<string>();
  for (const [i, { file }] of files.entries()) {
    const where = `files[${i}].file`;
    if (names.has(file)) throw formatError(where, `expected each once, got ${JSON.stringify(file)} again.`);
    names.add(file);
    // No manifest leads outside its folder.
    if (isCodeFile(file) && file !== MANIFEST_FILE) continue;
    throw formatError(where, `expected the name of a code file, got ${JSON.stringify(file)}.`);
  }
}

async function checkLengths(dir: string, { files, layout }: CodeManifest): Promise<void> {
  for (const { file, bytes } of files) {
    const path = join(dir, file);
    const { size } = await stat(path).catch((error: unknown) => {
      throw new VqkitError("format", `${path}: expected a file as in the manifest (${messageOf(error)}).`, {
        cause: error,
      });
    });
    if (size === bytes) continue;
    const alone =
      formats[layout].standalone === undefined ? "" : " To read it as it is, give the file itself.";
    const fault =
      size < bytes
        ? "The file is cut short, or was replaced."
        : `The file was changed or replaced after it was written.${alone}`;
    throw formatError(path, `expected ${bytes} bytes as in the manifest, got ${size}. ${fault}`);
  }
}

function noManifest(dir: string, names: readonly string[]): VqkitError {
  if (names.some(isUnfinishedFile)) {
    return new VqkitError(
      "codes",
      `${dir}: expected finished codes, got those of an interrupted run. Resume the encoding first (option resume).`,
    );
  }
  const got = names.length === 0 ? "nothing there" : "a folder without it";
  return new VqkitError(
    "codes",
    `${dir}: expected a code folder with ${MANIFEST_FILE}, got ${got}. Give the folder that encode wrote.`,
  );
}
