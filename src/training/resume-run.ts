import { isDeepStrictEqual } from "node:util";
import { ConfigError, VqkitError } from "../core/errors.js";
import { isObject } from "../core/objects.js";
import type { FolderLock } from "../files/index.js";
import { type Checkpoints, type LoadedCheckpoint, RunFolder } from "../runs/index.js";
import { type RunConfig, type RunOptions, resolveRun, runOptionNames, savedConfig } from "./run-config.js";
import { progressOf, type RunProgress } from "./run-progress.js";
import { KEPT_CHECKPOINTS } from "./run-recorder.js";

/** Which of a run's checkpoints it is resumed from. */
export const checkpointChoices = ["newest", "best"] as const;
export type CheckpointChoice = (typeof checkpointChoices)[number];

/** What a resumed run is to do otherwise than it did. */
export interface ResumeOptions extends Partial<RunOptions> {
  /**
   * "newest" (the default) continues the run. "best" goes back to the checkpoint whose evaluation in training had the
   * highest PSNR; what the run did after it is abandoned.
   */
  readonly checkpoint?: CheckpointChoice;
}

/** Where a run is resumed from. */
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

/** A run folder that is locked, to be resumed. */
export interface ResumableRun {
  readonly config: RunConfig;
  readonly folder: RunFolder;
  readonly lock: FolderLock;
  readonly loaded: LoadedCheckpoint | null;
  /** As the checkpoint says; null without one. */
  readonly progress: RunProgress | null;
  readonly from: ResumedFrom;
}

/**
 * Opens a run to resume it. Changes nothing in its folder but the lock, which is the caller's to release.
 *
 * @throws ConfigError naming an option that may not change; VqkitError("run") when there is no run, it is finished, it
 * has no checkpoint of the kind that is asked for, or all of these are damaged; VqkitError("locked") when another process
 * writes it; VqkitError("format" | "file")
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
    const saved = await folder.readConfig();
    if (saved.trainedBy !== undefined) {
      throw new VqkitError(
        "run",
        `${dir}: expected a run that was trained here, got one that was trained elsewhere and imported. Resume it there, or start a run from its model (option from).`,
      );
    }
    const resumed = resumedConfig(saved, changes as Readonly<Record<string, unknown>>);
    const config = { ...resumed.config, out: dir, overwrite: false, allowOversize: true };
    const checkpoints = folder.checkpoints({ keep: KEPT_CHECKPOINTS });
    const loaded = checkpoint === "best" ? await loadBest(checkpoints) : await checkpoints.loadNewest();
    const progress = loaded && progressOf(loaded);
    const step = loaded?.checkpoint.step ?? 0;
    // Going back, a finished run may also end where its best checkpoint is.
    const goesBack = loaded !== null && (await checkpoints.list()).some((entry) => entry.step > step);
    await checkSteps(folder, config.steps, { done: step, isOpen: checkpoint === "best" && goesBack });
    const { path = null, skipped = [] } = loaded ?? {};
    return {
      config,
      folder,
      lock,
      loaded,
      progress,
      from: { step, path, skipped, changes: resumed.changes },
    };
  } catch (error) {
    lock.release();
    throw error;
  }
}

/** @throws VqkitError("run") when no checkpoint is marked best, and as `loadBest` */
async function loadBest(checkpoints: Checkpoints): Promise<LoadedCheckpoint> {
  const loaded = await checkpoints.loadBest();
  if (loaded !== null) return loaded;
  throw new VqkitError(
    "run",
    `${checkpoints.dir}: expected a checkpoint marked best, got none: the run was not evaluated in training (evaluateEvery). Resume from the newest.`,
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
    `${folder.dir}: expected a run to resume, got one that finished at step ${done}. To train it further, give more steps (option steps).`,
  );
}

/** Whether the file that a run writes last is there. @throws VqkitError("file") where it cannot be read */
export async function isFinished(folder: RunFolder): Promise<boolean> {
  try {
    await folder.readSummary();
    return true;
  } catch (error) {
    // "run": there is no summary. A damaged one is written again.
    if (error instanceof VqkitError && (error.code === "run" || error.code === "format")) return false;
    throw error;
  }
}

/** What a run computes on, how often it writes, and where its images are now: what does not make it another run. */
export const circumstances: readonly string[] = [
  "logEvery",
  "checkpointEvery",
  "engine",
  "device",
  "threads",
  "data.images",
  "data.filesFrom",
  "data.prefetch",
  "data.cacheMegabytes",
];

/**
 * What may change when a run is resumed: how long and how fast it learns, when it is evaluated, and its circumstances.
 * Everything else would make the checkpoint that of another run.
 */
export const changeableFields: readonly string[] = [
  "steps",
  "learningRate",
  "warmupSteps",
  "schedule",
  "finalLearningRateFraction",
  "gradientClip",
  "onNan",
  "evaluateEvery",
  "stopAfter",
  "monitor",
  ...circumstances,
];

/** A field that differs between the run and what was asked for. */
export interface ConfigChange {
  /** e.g. `data.prefetch` */
  readonly field: string;
  readonly from: unknown;
  readonly to: unknown;
}

/**
 * The configuration of a resumed run.
 *
 * @param saved what the run folder has
 * @param changes what the caller wants otherwise; a field that is not named stays
 * @throws ConfigError naming the first field that may not change, or that is wrong
 */
export function resumedConfig(
  saved: unknown,
  changes: Readonly<Record<string, unknown>>,
): { readonly config: RunConfig; readonly changes: readonly ConfigChange[] } {
  const before = resolveRun(saved);
  const misplaced = ["out", "overwrite"].find((name) => name in changes);
  if (misplaced !== undefined) {
    throw new ConfigError(misplaced, "expected nothing, for a run is resumed in its own folder. Remove it.");
  }
  const merged = { ...before, ...changes } as Record<string, unknown>;
  for (const part of ["data", "quantizer", "optimizer", "model"] as const) {
    const given = part in changes ? objectOf(part, changes[part]) : {};
    const other = part === "data" ? withOneSource(given) : given;
    // A preset says every field of the model.
    merged[part] = "preset" in given ? given : { ...before[part], ...other };
  }
  if (!("nominalCodebookSize" in changes)) merged.nominalCodebookSize = before.nominalCodebookSize;
  refuseOtherKind(before, merged.quantizer);
  const config = resolveRun(merged);
  const found = [...differences("", savedConfig(before), savedConfig(config))];
  const refused = found.find(({ field }) => !changeableFields.includes(field));
  if (refused !== undefined) {
    const { field, from, to } = refused;
    throw new ConfigError(
      field,
      `expected ${shown(from)} as in the run that is resumed, got ${shown(to)}. Only these may change: ${changeableFields.join(", ")}. Start a new run for the rest.`,
    );
  }
  return { config, changes: found };
}

/** Images in the place of a list of files, or the list in theirs. */
function withOneSource(given: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  if ("images" in given && !("filesFrom" in given)) return { ...given, filesFrom: null };
  if ("filesFrom" in given && !("images" in given)) return { ...given, images: null };
  return given;
}

/** A part of the options as an object, from its short form. */
function objectOf(part: string, value: unknown): Record<string, unknown> {
  if (isObject(value)) return { ...value };
  if (part === "data") return { images: value };
  if (part === "quantizer") return { kind: value };
  if (part === "model") return { preset: value };
  throw new ConfigError(part, `expected an object, got ${shown(value)}.`);
}

/** Before the options of one kind are read as those of another. */
function refuseOtherKind({ quantizer }: RunConfig, given: unknown): void {
  const { kind } = given as { kind?: unknown };
  if (kind === quantizer.kind) return;
  throw new ConfigError(
    "quantizer.kind",
    `expected ${shown(quantizer.kind)} as in the run that is resumed, got ${shown(kind)}. Start a new run for another quantizer.`,
  );
}

/** Each leaf that differs; lists are leaves. */
function* differences(field: string, before: unknown, after: unknown): Generator<ConfigChange> {
  if (!isObject(before) || !isObject(after)) {
    if (!isDeepStrictEqual(before, after)) yield { field, from: before, to: after };
    return;
  }
  const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
  const order = (key: string) => (field === "" ? runOptionNames.indexOf(key) : 0);
  for (const key of [...keys].sort((a, b) => order(a) - order(b))) {
    yield* differences(field === "" ? key : `${field}.${key}`, before[key], after[key]);
  }
}

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? "nothing";
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
