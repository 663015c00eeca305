import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { messageOf, VqkitError } from "../../core/errors.js";
import {
  isPartialName,
  type JsonObject,
  nameOfPartial,
  placeStagedFiles,
  removeStagedFiles,
  removeTemporaries,
} from "../../runs/index.js";
import { otherModel } from "../codes.js";
import {
  type CodeFormat,
  type CodeManifest,
  isCodeFile,
  isUnfinishedFile,
  MANIFEST_FILE,
  namesIn,
  PROGRESS_FILE,
  writeManifest,
} from "./manifest.js";
import { type Progress, readProgress, removeProgress } from "./progress.js";

/** What a writer was asked for. */
export interface Wish {
  readonly format: CodeFormat;
  readonly overwrite: boolean;
  readonly resume: boolean;
  readonly settings: JsonObject;
  readonly fingerprint?: string | undefined;
  readonly shardBytes: number;
}

/**
 * Makes sure that a writer may write into a folder.
 *
 * @returns where an interrupted writer stopped, when the wish is to go on and there is one
 * @throws VqkitError("codes" | "format" | "file") as `openCodeWriter`
 */
export async function prepareTarget(dir: string, wish: Wish): Promise<Progress | undefined> {
  const names = await namesIn(dir);
  if (wish.resume && names.includes(PROGRESS_FILE)) {
    const progress = await readProgress(dir);
    if (progress.manifest === undefined) {
      checkSame(dir, progress, wish);
      return progress;
    }
    // It was interrupted between its last two steps: the files are complete.
    await placeCodes(dir, progress.manifest);
    throw finished(dir, progress.manifest.images);
  }
  if (wish.resume && names.includes(MANIFEST_FILE) && !wish.overwrite) throw finished(dir);
  checkFree(dir, names, wish);
  if (names.length === 0) return undefined;
  await removeTemporaries(dir);
  await removeUnfinished(dir, names);
  return undefined;
}

/** @returns whether the folder was not there before @throws VqkitError("file") */
export async function makeFolder(dir: string): Promise<boolean> {
  try {
    return (await mkdir(dir, { recursive: true })) !== undefined;
  } catch (error) {
    throw new VqkitError("file", `${dir}: could not make the folder (${messageOf(error)}). Check the path.`, {
      cause: error,
    });
  }
}

/**
 * Puts complete files into place, the manifest last, in the stead of codes that stood there. It may be repeated when it
 * was interrupted.
 *
 * @throws VqkitError("file")
 */
export async function placeCodes(dir: string, manifest: CodeManifest): Promise<void> {
  const files = manifest.files.map(({ file }) => file);
  await rm(join(dir, MANIFEST_FILE), { force: true });
  for (const name of (await namesIn(dir)).filter(isCodeFile)) {
    if (!files.includes(name)) await rm(join(dir, name), { force: true });
  }
  await placeStagedFiles(dir, files);
  await writeManifest(dir, manifest);
  await removeUnfinished(dir, await namesIn(dir));
}

async function removeUnfinished(dir: string, names: readonly string[]): Promise<void> {
  await removeProgress(dir);
  const partial = names.filter((name) => isUnfinishedFile(name) && isPartialName(name));
  await removeStagedFiles(dir, partial.map(nameOfPartial));
}

function checkFree(dir: string, names: readonly string[], { overwrite }: Wish): void {
  // A writer that was killed before it could save its progress leaves files of no use to anybody.
  const unfinished = names.includes(PROGRESS_FILE);
  const others = unfinished ? names : names.filter((name) => !isUnfinishedFile(name));
  if (others.length === 0) return;
  // A writer that was killed while it put files into place leaves codes without a manifest.
  const isOurs = others.includes(MANIFEST_FILE) || others.every((n) => isCodeFile(n) || isUnfinishedFile(n));
  if (isOurs && overwrite) return;
  const wanted = `a new or empty folder${overwrite ? ", or a code folder to overwrite" : ""}`;
  const got = isOurs ? (unfinished ? "an interrupted run" : "codes") : "other files";
  const goOn = unfinished ? "Go on with it (--resume), choose" : "Choose";
  const next = isOurs ? `${goOn} another folder, or set overwrite (--overwrite).` : "Choose another folder.";
  throw new VqkitError("codes", `${dir}: expected ${wanted}, got one with ${got} in it. ${next}`);
}

function finished(dir: string, images?: number): VqkitError {
  const count = images === undefined ? "" : ` of ${images} images`;
  return new VqkitError(
    "codes",
    `${dir}: expected an interrupted run to go on with, got finished codes${count}. Nothing is left to do.`,
  );
}

function checkSame(dir: string, progress: Progress, wish: Wish): void {
  const { fingerprint } = progress.kind;
  if (wish.fingerprint !== undefined && wish.fingerprint !== fingerprint) {
    throw otherModel(fingerprint, wish.fingerprint);
  }
  const before = { format: progress.layout, shardBytes: progress.shardBytes, ...progress.settings };
  const now = { format: wish.format, shardBytes: wish.shardBytes, ...wish.settings };
  for (const key of new Set([...Object.keys(before), ...Object.keys(now)])) {
    const [a, b] = [(before as JsonObject)[key], (now as JsonObject)[key]];
    if (isDeepStrictEqual(a, b)) continue;
    throw new VqkitError(
      "codes",
      `${dir}: expected ${key} ${JSON.stringify(a)} as in the interrupted run, got ${JSON.stringify(b)}. Use the same settings, or begin anew (--overwrite).`,
    );
  }
}
