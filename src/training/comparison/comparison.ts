import { existsSync } from "node:fs";
import { join } from "node:path";
import { releaseGraphs } from "../../backend/index.js";
import { VqkitError } from "../../core/errors.js";
import { FolderLock, type JsonObject } from "../../files/index.js";
import { RunFolder } from "../../runs/index.js";
import type { RunDescription } from "../describe-run.js";
import type { TrainingResult } from "../finish-run.js";
import { circumstances, isFinished, type ResumedFrom, resumedConfig } from "../resume-run.js";
import type { TrainerHooks } from "../run.js";
import { type RunConfig, savedConfig } from "../run-config.js";
import { RunPlan } from "../run-plan.js";
import { checkMemory } from "../size-check.js";
import { readSource, type SourceModel } from "../source-model.js";
import type { StepMetrics } from "../step-metrics.js";
import { Trainer } from "../trainer.js";
import { findOnce } from "./find-once.js";
import { type ComparisonOptions, type PlannedRun, planComparison } from "./plan.js";
import { PLAN_FILE, readPlan, removePlan, writePlan } from "./plan-file.js";

/** Which run an event is about. */
export interface RunIdentity {
  /** The quantizer's kind. */
  readonly quantizer: string;
  readonly seed: number;
  /** The values of the swept fields; none without a sweep. */
  readonly swept: JsonObject;
  /** The run folder. */
  readonly dir: string;
  /** Position of the run, from 0, and how many there are. */
  readonly index: number;
  readonly total: number;
}

/** What a comparison tells as it goes. */
export type ComparisonEvent =
  | (RunIdentity & {
      readonly type: "run-start";
      readonly config: RunConfig;
      readonly description: RunDescription;
      /** Where an interrupted run is resumed; null for a new one. */
      readonly resumed: ResumedFrom | null;
    })
  | (RunIdentity & { readonly type: "step"; readonly metrics: StepMetrics })
  | (RunIdentity & { readonly type: "run-end"; readonly result: TrainingResult })
  /** The run was finished already. */
  | (RunIdentity & { readonly type: "run-kept" });

/** What `Trainer.create` and `Trainer.run` take. */
export type ComparisonControl = TrainerHooks & { readonly signal?: AbortSignal };

/**
 * Trains every quantizer with every seed (and every value of a sweep), one run after another, and tells what happens.
 * All options and folders are checked before the first run starts. What is to be trained is written into
 * `out/comparison-plan.json` first, so that `resumeComparison` can continue it.
 *
 * When the caller leaves the loop or aborts, the run under way ends as `Trainer.run` says; finished runs stand.
 *
 * @throws VqkitError("run") when a folder is taken or a comparison was begun there; VqkitError("locked") when another
 * process writes there; otherwise as `planComparison`, `Trainer.create` and `Trainer.run` do
 */
export async function* compareQuantizers(
  options: ComparisonOptions,
  control: ComparisonControl = {},
): AsyncGenerator<ComparisonEvent, void, undefined> {
  const source = await readSource(options.base?.from);
  const runs = planComparison(options, source);
  const { out, overwrite = false } = options;
  await FolderLock.check(out);
  await checkFree(out, runs, overwrite);
  for (const { config } of runs) checkMemory(config);
  let lock: FolderLock | undefined;
  const begin = async (): Promise<void> => {
    lock = await FolderLock.acquire(out);
    await checkFree(out, runs, overwrite); // another comparison may have begun meanwhile
    // From here on the plan speaks for the folder, so nothing of an earlier comparison may pass for a part of it.
    if (overwrite) {
      await removePlan(out);
      for (const { dir } of runs) await clear(dir);
    }
    await writePlan(out, runs);
  };
  try {
    yield* trainAll(
      runs.map((run) => ({ ...run, state: "new", source })),
      within(out, control),
      begin,
    );
  } finally {
    lock?.release();
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

/**
 * Resumes a comparison that was interrupted or killed: finished runs are kept, one that was begun resumes from its
 * newest checkpoint, and the rest are started. The runs end in the same bytes (timings aside) as if the comparison had
 * not stopped, as `Trainer.resume` says.
 *
 * @param out the folder of the comparison
 * @throws VqkitError("run") when none was begun there, or a run folder holds another run than the plan says;
 * VqkitError("locked") when another process writes there; otherwise as `Trainer.resume` and `Trainer.run` do
 */
export async function* resumeComparison(
  out: string,
  control: ComparisonControl = {},
): AsyncGenerator<ComparisonEvent, void, undefined> {
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
    yield* trainAll(runs, within(out, control));
  } finally {
    lock.release();
  }
}

/** What lies in the comparison's folder is no image to train on. */
function within(out: string, control: ComparisonControl): ComparisonControl {
  return { ...control, outputs: [...(control.outputs ?? []), out] };
}

interface FoundRun extends PlannedRun {
  readonly state: "new" | "begun" | "finished";
  /** The model that a new run starts from; null for fresh weights. */
  readonly source: SourceModel | null;
}

/** @param begin called once, after the first run has found its images and before it writes anything */
async function* trainAll(
  runs: readonly FoundRun[],
  { signal, ...hooks }: ComparisonControl,
  begin?: () => Promise<void>,
): AsyncGenerator<ComparisonEvent, void, undefined> {
  const find = findOnce();
  for (const [index, { quantizer, seed, swept, dir, config, state, source }] of runs.entries()) {
    const identity: RunIdentity = { quantizer, seed, swept, dir, index, total: runs.length };
    if (state === "finished") {
      yield { ...identity, type: "run-kept" };
      continue;
    }
    const trainer =
      state === "new"
        ? await Trainer.create(new RunPlan(config, source), { find, ...hooks })
        : await Trainer.resume(dir, { find, ...hooks });
    try {
      if (index === 0) await begin?.();
      const { resumed } = trainer;
      yield { ...identity, type: "run-start", config, description: trainer.describe(), resumed };
      for await (const metrics of trainer.run(signal === undefined ? {} : { signal })) {
        yield { ...identity, type: "step", metrics };
      }
      // The loop above ended by itself, so there is a result.
      yield { ...identity, type: "run-end", result: trainer.result as TrainingResult };
    } finally {
      trainer.dispose();
      // The next model's graphs are others, and these would hold the memory that a training step works in.
      await releaseGraphs();
    }
  }
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
