import { rm } from "node:fs/promises";
import { join } from "node:path";
import { VqkitError } from "../core/errors.js";
import { fileError, makeFolder, namesIn, removeTemporaries } from "../files/index.js";
import { type Checkpoint, readCheckpoint, writeCheckpoint } from "./checkpoint-file.js";

export interface CheckpointsOptions {
  /** How many of the newest steps to keep, >= 1; the best one is kept besides. */
  readonly keep: number;
}

/** A checkpoint's place in the folder. */
export interface CheckpointEntry {
  readonly path: string;
  readonly step: number;
  /** Saved as the best so far. */
  readonly best: boolean;
}

/** A checkpoint that was loaded, and those that should have been and could not. */
export interface LoadedCheckpoint {
  readonly checkpoint: Checkpoint;
  readonly path: string;
  /** Newer ones that are broken, newest first: tell the user. */
  readonly skipped: readonly { readonly path: string; readonly reason: string }[];
}

const NAME = /^step-(\d{8,16})(-best)?\.safetensors$/;

/**
 * The checkpoints of a run: `step-00000100.safetensors`, or `step-00000100-best.safetensors` when it was the best at
 * that time. Which one is best stands in the name, so saving is one rename and needs no second file to agree with it.
 */
export class Checkpoints {
  readonly dir: string;
  readonly keep: number;

  /** Touches nothing: `save` makes the folder. @throws VqkitError("run") unless `keep` is an integer >= 1 */
  constructor(dir: string, { keep }: CheckpointsOptions) {
    if (!Number.isSafeInteger(keep) || keep < 1) {
      throw new VqkitError("run", `keep: expected an integer >= 1 (checkpoints), got ${keep}.`);
    }
    this.dir = dir;
    this.keep = keep;
  }

  /**
   * Saves a checkpoint, whole or not at all; only when it is on disk are older ones removed, down to the newest `keep`
   * steps and the newest one marked best.
   *
   * Checkpoints of later steps are removed too: the run that wrote them was abandoned when an earlier one was resumed,
   * or they are broken, and either way they must not be taken for the newest.
   *
   * @returns the new file's path
   * @throws VqkitError("file") when it could not be saved (all earlier ones stand) or an old one not be removed;
   * VqkitError("format" | "numerics") for content that no file can hold
   */
  async save(checkpoint: Checkpoint, { best = false } = {}): Promise<string> {
    const path = join(this.dir, fileName(checkpoint.step, best));
    await makeFolder(this.dir);
    await removeTemporaries(this.dir);
    await writeCheckpoint(path, checkpoint);
    await this.prune(checkpoint.step);
    return path;
  }

  /**
   * Removes the checkpoints that `save` would have removed after saving this step: for one that was interrupted between
   * the two.
   *
   * @throws VqkitError("file")
   */
  async prune(newest: number): Promise<void> {
    const entries = await this.list();
    const current = entries.filter(({ step }) => step <= newest);
    const steps = [...new Set(current.map(({ step }) => step))].slice(0, this.keep);
    const best = current.find((entry) => entry.best);
    for (const entry of entries) {
      if (entry === best || steps.includes(entry.step)) continue;
      await rm(entry.path, { force: true }).catch((error: unknown) => {
        throw fileError(entry.path, "remove an old checkpoint", error);
      });
    }
  }

  /** What is there, newest first; at one step the best comes first. @throws VqkitError("file") */
  async list(): Promise<CheckpointEntry[]> {
    const entries = (await namesIn(this.dir)).flatMap((name) => {
      const match = NAME.exec(name);
      const step = Number(match?.[1]);
      // Only names that `save` gives: another spelling of a step would be listed and never pruned rightly.
      if (match === null || fileName(step, match[2] !== undefined) !== name) return [];
      return [{ path: join(this.dir, name), step, best: match[2] !== undefined }];
    });
    return entries.sort((a, b) => b.step - a.step || Number(b.best) - Number(a.best));
  }

  /**
   * Loads the newest checkpoint that is whole.
   *
   * @returns null when there is no checkpoint at all
   * @throws VqkitError("run") when there are some and each is broken; VqkitError("file") when one cannot be read
   */
  async loadNewest(): Promise<LoadedCheckpoint | null> {
    return loadFirst(this.dir, await this.list());
  }

  /** Loads the newest whole one of those marked best. @returns null when none is marked. @throws as `loadNewest` */
  async loadBest(): Promise<LoadedCheckpoint | null> {
    return loadFirst(
      this.dir,
      (await this.list()).filter(({ best }) => best),
    );
  }
}

async function loadFirst(dir: string, entries: readonly CheckpointEntry[]): Promise<LoadedCheckpoint | null> {
  const skipped: { path: string; reason: string }[] = [];
  for (const { path, step } of entries) {
    try {
      return { checkpoint: await readCheckpoint(path, step), path, skipped };
    } catch (error) {
      if (!(error instanceof VqkitError) || error.code !== "format") throw error;
      skipped.push({ path, reason: error.message });
    }
  }
  const [first] = skipped;
  if (first === undefined) return null;
  throw new VqkitError(
    "run",
    `${dir}: expected a whole checkpoint, got ${skipped.length} broken, the newest by: ${first.reason} Put a copy of one back, or start a new run.`,
  );
}

function fileName(step: number, best: boolean): string {
  return `step-${String(step).padStart(8, "0")}${best ? "-best" : ""}.safetensors`;
}
