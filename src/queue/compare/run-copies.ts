/** Copies of run folders, whole or not at all: what an attempt continues from, and what is put into its place. */
import { link, rename, rm } from "node:fs/promises";
import path from "node:path";
import {
  copyWhole,
  errnoOf,
  fileError,
  isMissingFile,
  isTemporaryName,
  type JsonObject,
  makeFolder,
  namesIn,
  syncFolder,
} from "../../files/index.js";
import { Checkpoints, RUN_FILES, RunFolder } from "../../runs/index.js";

/** Files that grow as a run trains. */
const GROWING: readonly (keyof typeof RUN_FILES)[] = ["metrics", "timeline"];
/** What a finished run has besides; the summary comes last, so that its presence says that all is there. */
const FINISHED: readonly (keyof typeof RUN_FILES)[] = ["usage", "reconstructions"];

/** Only names are looked at, and nothing is removed. */
const ANY_NUMBER = 1;

/** A run folder to copy, and the configuration that the copy is to have. */
interface RunCopy {
  readonly dir: string;
  readonly config: JsonObject;
}

/** The step of the newest checkpoint in a run folder; undefined where there is none. @throws VqkitError("file") */
export async function newestStep(dir: string): Promise<number | undefined> {
  const [newest] = await checkpointsIn(dir).list();
  return newest?.step;
}

/**
 * Makes a run folder of what another holds that is still being trained, or was: its checkpoints, and all that grows with
 * them. Checkpoints are taken first. A writer that is still there only appends to what they count on.
 *
 * @returns false where no checkpoint could be had
 * @throws VqkitError("file")
 */
export async function copyBegun(from: RunCopy, to: string): Promise<boolean> {
  const staged = path.join(path.dirname(to), `.${path.basename(to)}.partial`);
  try {
    const folder = await RunFolder.create(staged);
    const places = { from: from.dir, to: staged };
    if ((await copyFolder(places, "checkpoints", { isShared: true })) === 0) return false;
    for (const name of GROWING) await copyOne(places, RUN_FILES[name]);
    await copyFolder(places, "strips");
    await folder.writeConfig(from.config);
    await rename(staged, to);
    await syncFolder(path.dirname(to));
    return true;
  } catch (error) {
    throw errnoOf(error) === undefined ? error : fileError(to, "copy the run", error);
  } finally {
    await rm(staged, { recursive: true, force: true }).catch(() => {});
  }
}

/**
 * Puts a copy of a finished run into its place; an earlier run there is replaced. Killed on the way, it leaves a run
 * without a summary, and without checkpoints as long as what they count on is not there.
 *
 * @throws VqkitError("run") for a place that holds something else; VqkitError("locked"); VqkitError("file")
 */
export async function placeFinished(from: RunCopy, to: string): Promise<void> {
  const lock = await RunFolder.lock(to);
  try {
    const folder = await RunFolder.create(to, { overwrite: true });
    await folder.writeConfig(from.config);
    const places = { from: from.dir, to };
    for (const name of [...GROWING, ...FINISHED]) await copyOne(places, RUN_FILES[name]);
    // Models and checkpoints are written once and never changed: two folders may share them.
    await copyOne(places, RUN_FILES.model, { isShared: true });
    await copyFolder(places, "strips");
    await copyFolder(places, "checkpoints", { isShared: true });
    await copyOne(places, RUN_FILES.summary);
    await syncFolder(to);
  } catch (error) {
    throw errnoOf(error) === undefined ? error : fileError(to, "put the run there", error);
  } finally {
    lock.release();
  }
}

interface Places {
  readonly from: string;
  readonly to: string;
}

/** @returns how many files were there; those that vanish meanwhile are passed over */
async function copyFolder(
  { from, to }: Places,
  name: "checkpoints" | "strips",
  options: { readonly isShared?: boolean } = {},
): Promise<number> {
  const inner = { from: path.join(from, RUN_FILES[name]), to: path.join(to, RUN_FILES[name]) };
  const names = (await namesIn(inner.from)).filter((each) => !isTemporaryName(each));
  if (names.length > 0) await makeFolder(inner.to);
  let copied = 0;
  for (const each of names.sort()) if (await copyOne(inner, each, options)) copied++;
  return copied;
}

/** @returns whether it was there */
async function copyOne(
  { from, to }: Places,
  name: string,
  { isShared = false }: { readonly isShared?: boolean } = {},
): Promise<boolean> {
  const [source, target] = [path.join(from, name), path.join(to, name)];
  try {
    if (isShared && (await linked(source, target))) return true;
    await copyWhole(source, target);
    return true;
  } catch (error) {
    if (isMissingFile(error) || errnoOf(error) === "ENOENT") return false;
    throw error;
  }
}

/** Whether the target is the same file now; not where file systems differ, or have no links. */
async function linked(source: string, target: string): Promise<boolean> {
  try {
    await link(source, target);
    return true;
  } catch (error) {
    if (errnoOf(error) === "ENOENT") throw error;
    return false;
  }
}

function checkpointsIn(dir: string): Checkpoints {
  return new Checkpoints(path.join(dir, RUN_FILES.checkpoints), { keep: ANY_NUMBER });
}
