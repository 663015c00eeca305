import { existsSync } from "node:fs";
import { join } from "node:path";
import { VqkitError } from "../../core/errors.js";
import { FolderLock } from "../../files/index.js";
import { RunFolder } from "../../runs/index.js";
import { circumstances, isFinished, resumedConfig } from "../resume-run.js";
import { type RunConfig, savedConfig } from "../run-config.js";
import { checkMemory } from "../size-check.js";
import { readSource, type SourceModel } from "../source-model.js";
import { type ComparisonOptions, type PlannedRun, planComparison } from "./plan.js";
import { PLAN_FILE, readPlan, removePlan, writePlan } from "./plan-file.js";

/** A planned run, and how far it is. */
export interface FoundRun extends PlannedRun {
  readonly state: "new" | "begun" | "finished";
  /** The model that a new run starts from; null for fresh weights. */
  readonly source: SourceModel | null;
}

/** The runs of a comparison as they were found, and its folder, which is this process's from `begin` to `release`. */
export class OpenComparison {
  readonly out: string;
  readonly runs: readonly FoundRun[];
  readonly #overwrite: boolean;
  #lock: FolderLock | undefined;

  private constructor(
    out: string,
    runs: readonly FoundRun[],
    { overwrite = false, lock }: { readonly overwrite?: boolean; readonly lock?: FolderLock },
  ) {
    this.out = out;
    this.runs = runs;
    this.#overwrite = overwrite;
    this.#lock = lock;
  }

  /**
   * Checks all options and folders of a new comparison. Writes nothing: `begin` does.
   *
   * @throws VqkitError("run") when a folder is taken or a comparison was begun there; VqkitError("locked") when another
   * process writes there; otherwise as `planComparison`
   */
  static async create(options: ComparisonOptions): Promise<OpenComparison> {
    const source = await readSource(options.base?.from);
    const runs = planComparison(options, source);
    const { out, overwrite = false } = options;
    await FolderLock.check(out);
    await checkFree(out, runs, overwrite);
    for (const { config } of runs) checkMemory(config);
    return new OpenComparison(
      out,
      runs.map((run) => ({ ...run, state: "new", source })),
      { overwrite },
    );
  }

  /**
   * Opens one that was begun, and locks its folder.
   *
   * @throws VqkitError("run") when none was begun there, or a run folder holds another run than the plan says;
   * VqkitError("locked") when another process writes there; VqkitError("format" | "file")
   */
  static async resume(out: string): Promise<OpenComparison> {
    const planned = await readPlan(out);
    const lock = await FolderLock.acquire(out);
    try {
      const runs: FoundRun[] = [];
      for (const run of planned) {
        const state = await stateOf(run);
        // All runs of a comparison start from one model; one that has begun has its weights.
        const known = runs.find((other) => other.source !== null)?.source;
        const source = state === "new" ? (known ?? (await readSource(run.config.from))) : null;
        runs.push({ ...run, state, source });
      }
      return new OpenComparison(out, runs, { lock });
    } catch (error) {
      lock.release();
      throw error;
    }
  }

  /**
   * Locks the folder, removes what is to be replaced, and writes the plan; of one that was begun before, nothing is left
   * to do.
   *
   * @param options.allowMixed whether machines take part whose arithmetic differs, which the plan then says
   * @throws as `create`
   */
  async begin({ allowMixed = false }: { readonly allowMixed?: boolean } = {}): Promise<void> {
    const { out, runs } = this;
    const isNew = this.#lock === undefined;
    if (isNew) {
      this.#lock = await FolderLock.acquire(out);
      await checkFree(out, runs, this.#overwrite); // another comparison may have begun meanwhile
    }
    // From here on the plan speaks for the folder, so nothing of an earlier comparison may pass for a part of it.
    if (isNew && this.#overwrite) {
      await removePlan(out);
      for (const { dir } of runs) await clear(dir);
    }
    if (isNew || allowMixed) await writePlan(out, runs, { allowMixed });
  }

  /** Gives the folder free. */
  release(): void {
    this.#lock?.release();
  }
}

/** Checks that a comparison may begin. @throws VqkitError("run" | "file") */
async function checkFree(out: string, runs: readonly PlannedRun[], overwrite: boolean): Promise<void> {
  if (!overwrite && existsSync(join(out, PLAN_FILE))) {
    throw new VqkitError(
      "run",
      `${out}: expected a folder without a comparison, got one that was begun. Resume it, in code with resumeComparison (option resume), choose another folder, or replace it (option overwrite).`,
    );
  }
  for (const { dir } of runs) await RunFolder.check(dir, { overwrite });
}

/** Removes an earlier run, unless another process writes it. */
async function clear(dir: string): Promise<void> {
  if (!existsSync(dir)) return;
  const lock = await RunFolder.lock(dir);
  try {
    await RunFolder.create(dir, { overwrite: true });
  } finally {
    lock.release();
  }
}

/** How far a planned run is. @throws VqkitError("run") for another run in its folder; VqkitError("format" | "file") */
async function stateOf({ dir, config }: PlannedRun): Promise<FoundRun["state"]> {
  if (await isFree(dir)) return "new";
  const folder = await RunFolder.open(dir);
  checkPlanned(dir, await folder.readConfig(), config);
  return (await isFinished(folder)) ? "finished" : "begun";
}

/** Whether a new run could begin there. */
async function isFree(dir: string): Promise<boolean> {
  try {
    await RunFolder.check(dir);
    return true;
  } catch (error) {
    if (error instanceof VqkitError && error.code === "run") return false;
    throw error;
  }
}

/** Its circumstances may have changed on the way. */
function checkPlanned(dir: string, saved: unknown, planned: RunConfig): void {
  const refuse = (reason: string, cause?: unknown): never => {
    throw new VqkitError(
      "run",
      `${dir}: expected the run that the comparison planned, got another: ${reason} Move it elsewhere, or begin the comparison anew (option overwrite).`,
      { cause },
    );
  };
  let odd: { readonly field: string; readonly from: unknown; readonly to: unknown } | undefined;
  try {
    const { changes } = resumedConfig(saved, savedConfig(withFingerprint(planned, saved)));
    odd = changes.find(({ field }) => !circumstances.includes(field));
  } catch (error) {
    refuse(error instanceof Error ? error.message : String(error), error);
  }
  if (odd !== undefined) {
    refuse(`${odd.field} is ${JSON.stringify(odd.from)}, planned was ${JSON.stringify(odd.to)}.`);
  }
}

/** Plans of version 0.1.0 say which model their runs start from and not its fingerprint, which each run recorded. */
function withFingerprint(planned: RunConfig, saved: unknown): RunConfig {
  const { from } = saved as { from?: RunConfig["from"] };
  if (planned.from === null || planned.from.fingerprint !== null) return planned;
  return { ...planned, from: { ...planned.from, fingerprint: from?.fingerprint ?? null } };
}
