import { ConfigError, VqkitError } from "../core/errors.js";
import type { ImageDataset } from "../data/index.js";
import type { FolderLock } from "../files/index.js";
import { type Checkpoints, type LoadedCheckpoint, RunFolder } from "../runs/index.js";
import { type ConfigChange, resumedConfig } from "./resumed-config.js";
import type { RunConfig, RunOptions } from "./run-config.js";
import { KEPT_CHECKPOINTS } from "./run-recorder.js";
import { filesDigest, parseSavedState, type SavedState } from "./run-state.js";

/** Which of a run's checkpoints it goes on from. */
export const checkpointChoices = ["newest", "best"] as const;
export type CheckpointChoice = (typeof checkpointChoices)[number];

/** What a run that goes on is to do otherwise than it did. */
export interface ResumeOptions extends Partial<RunOptions> {
  /**
   * "newest" (the default) continues the run. "best" goes back to the checkpoint whose evaluation in training had the
   * highest PSNR; what the run did after it is abandoned.
   */
  readonly checkpoint?: CheckpointChoice;
}

/** Where a run goes on from. */
export interface ResumedFrom {
  /** Steps done; 0 when the run had no checkpoint yet and starts again. */
  readonly step: number;
  /** The checkpoint; null when there was none. */
  readonly path: string | null;
  /** Newer checkpoints that are damaged, newest first. */
  readonly skipped: LoadedCheckpoint["skipped"];
  /** What differs from the configuration that the run had. */
  readonly changes: readonly ConfigChange[];
}

/** A run folder that is ours to go on with. */
export interface ResumableRun {
  readonly config: RunConfig;
  readonly folder: RunFolder;
  readonly lock: FolderLock;
  readonly loaded: LoadedCheckpoint | null;
  /** Of the checkpoint; null without one. */
  readonly saved: SavedState | null;
  readonly from: ResumedFrom;
}

/**
 * Opens a run to go on with it. Changes nothing in its folder but the lock, which is the caller's to release.
 *
 * @throws ConfigError naming an option that may not change; VqkitError("run") when there is no run, another process
 * writes it, it is finished, it has no checkpoint of the kind that is asked for, or all of these are damaged;
 * VqkitError("format" | "file")
 */
export async function openResumable(
  dir: string,
  { checkpoint = "newest", ...changes }: ResumeOptions,
): Promise<ResumableRun> {
  if (!checkpointChoices.includes(checkpoint)) {
    throw new ConfigError(
      "checkpoint",
      `expected ${checkpointChoices.map((choice) => `"${choice}"`).join(" or ")}, got ${JSON.stringify(checkpoint)}.`,
    );
  }
  const folder = await RunFolder.open(dir);
  const lock = await RunFolder.lock(dir);
  try {
    const resumed = resumedConfig(await folder.readConfig(), changes as Readonly<Record<string, unknown>>);
    const config = { ...resumed.config, out: dir, overwrite: false };
    const checkpoints = folder.checkpoints({ keep: KEPT_CHECKPOINTS });
    const loaded = checkpoint === "best" ? await loadBest(checkpoints) : await checkpoints.loadNewest();
    const saved = loaded && parseSavedState(loaded.checkpoint.state, loaded.path);
    const step = loaded?.checkpoint.step ?? 0;
    // Going back, a finished run may also end where its best checkpoint is.
    const goesBack = loaded !== null && (await checkpoints.list()).some((entry) => entry.step > step);
    await checkSteps(folder, config.steps, { done: step, isOpen: checkpoint === "best" && goesBack });
    const { path = null, skipped = [] } = loaded ?? {};
    return { config, folder, lock, loaded, saved, from: { step, path, skipped, changes: resumed.changes } };
  } catch (error) {
    lock.release();
    throw error;
  }
}

/** Checks that the images are those that the run was made with, in the same order. @throws ConfigError */
export function checkSameFiles(dataset: ImageDataset, digest: string): void {
  if (filesDigest(dataset) === digest) return;
  throw new ConfigError(
    "data.images",
    `expected the files that the run began with, got others (now ${dataset.trainFiles.length} to train on and ${dataset.heldOutFiles.length} held out). Put them back, or start a new run.`,
  );
}

/** @throws VqkitError("run") when no checkpoint is marked best, and as `loadBest` */
async function loadBest(checkpoints: Checkpoints): Promise<LoadedCheckpoint> {
  const loaded = await checkpoints.loadBest();
  if (loaded !== null) return loaded;
  throw new VqkitError(
    "run",
    `${checkpoints.dir}: expected a checkpoint marked best, got none: the run was not evaluated in training (evaluateEvery). Go on from the newest.`,
  );
}

/** @param place.isOpen whether there is something to do also when no step is left */
async function checkSteps(
  folder: RunFolder,
  steps: number,
  { done, isOpen }: { readonly done: number; readonly isOpen: boolean },
): Promise<void> {
  if (steps < done) {
    throw new ConfigError(
      "steps",
      `expected at least the ${done} steps that the run has done, got ${steps}.`,
    );
  }
  if (steps > done || isOpen || !(await isFinished(folder))) return;
  throw new VqkitError(
    "run",
    `${folder.dir}: expected a run to go on with, got one that finished at step ${done}. To train it further, give more steps (--steps).`,
  );
}

/** Whether the file that is written last is there. */
async function isFinished(folder: RunFolder): Promise<boolean> {
  try {
    await folder.readSummary();
    return true;
  } catch (error) {
    // "run": there is no summary. A damaged one is written again.
    if (error instanceof VqkitError && (error.code === "run" || error.code === "format")) return false;
    throw error;
  }
}
