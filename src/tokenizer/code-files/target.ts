import { rm } from "node:fs/promises";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { VqkitError } from "../../core/errors.js";
import {
  clearLeftovers,
  isPartialName,
  type JsonObject,
  nameOfPartial,
  placeStagedFiles,
  removeStagedFiles,
} from "../../files/index.js";
import { otherModel } from "../codes.js";
import {
  type CodeFormat,
  type CodeManifest,
  isCodeFile,
  isUnfinishedFile,
  MANIFEST_FILE,
  namesIn,
  PROGRESS_FILE,
  readManifest,
  writeManifest,
} from "./manifest.js";
import { type Progress, readProgress, removeProgress } from "./progress.js";

/** Where a writer begins: where an interrupted one stopped, else at the beginning. Or there is nothing left to do. */
export type Target = { readonly progress?: Progress } | { readonly finished: CodeManifest };

/** What stands in the folder: besides, codes that are complete and not in their places yet. */
type Found = Target | { readonly complete: CodeManifest };

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
 * Makes sure that a writer may write into a folder, and touches nothing.
 *
 * @throws VqkitError("codes" | "format" | "file") as `openCodeWriter`
 */
export async function findTarget(dir: string, wish: Wish): Promise<Found> {
  const names = await namesIn(dir);
  if (wish.resume && names.includes(PROGRESS_FILE)) {
    const progress = await readProgress(dir);
    checkSame(progressFacts(progress), wish, { dir, what: "interrupted run" });
    // It was interrupted between its last two steps: the files are complete.
    return progress.manifest === undefined ? { progress } : { complete: progress.manifest };
  }
  if (wish.resume && names.includes(MANIFEST_FILE) && !wish.overwrite) {
    const finished = await readManifest(dir);
    checkSame(manifestFacts(finished), wish, { dir, what: "finished codes" });
    return { finished };
  }
  checkFree(dir, names, wish);
  return {};
}

/**
 * The same for whoever has the folder's lock: puts complete codes into their places, and clears what a killed writer left
 * where there is nothing to go on with.
 */
export async function claimTarget(dir: string, wish: Wish): Promise<Target> {
  const found = await findTarget(dir, wish);
  if ("complete" in found) {
    await placeCodes(dir, found.complete);
    return { finished: found.complete };
  }
  await clearLeftovers(dir);
  if (!("finished" in found) && found.progress === undefined) {
    await removeUnfinished(dir, await namesIn(dir));
  }
  return found;
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

/** What must be the same before a writer goes on. */
interface Facts {
  readonly fingerprint: string;
  /** Format and settings by name, but for those that nothing recorded. */
  readonly settings: JsonObject;
}

function progressFacts({ kind, layout: format, shardBytes, settings }: Progress): Facts {
  return { fingerprint: kind.fingerprint, settings: { format, shardBytes, ...settings } };
}

function manifestFacts({ fingerprint, layout: format, settings }: CodeManifest): Facts {
  return { fingerprint, settings: { format, ...settings } };
}

/** @param what names what was found, for messages */
function checkSame(
  { fingerprint, settings: before }: Facts,
  wish: Wish,
  { dir, what }: { readonly dir: string; readonly what: string },
): void {
  if (wish.fingerprint !== undefined && wish.fingerprint !== fingerprint) {
    throw otherModel(fingerprint, wish.fingerprint);
  }
  const { format, shardBytes, settings } = wish;
  const now: JsonObject = { format, ...("shardBytes" in before ? { shardBytes } : {}), ...settings };
  for (const key of new Set([...Object.keys(before), ...Object.keys(now)])) {
    const [a, b] = [before[key], now[key]];
    if (isDeepStrictEqual(a, b)) continue;
    throw new VqkitError(
      "codes",
      `${dir}: expected ${key} ${textOf(a)} as in the ${what}, got ${textOf(b)}. Use the same settings, or begin anew (--overwrite).`,
    );
  }
}

function textOf(setting: JsonObject[string] | undefined): string {
  return setting === undefined ? "absent" : JSON.stringify(setting);
}
