import { releaseGraphs } from "../../backend/index.js";
import type { JsonObject } from "../../files/index.js";
import type { ResumedFrom } from "../resume-run.js";
import type { TrainerHooks } from "../run.js";
import type { RunConfig } from "../run-config.js";
import type { RunDescription } from "../run-description.js";
import { RunPlan } from "../run-plan.js";
import type { StepMetrics } from "../step-metrics.js";
import { Trainer } from "../trainer.js";
import type { TrainingResult } from "../training-result.js";
import { findOnce } from "./find-once.js";
import { OpenComparison } from "./open-comparison.js";
import type { ComparisonOptions } from "./plan.js";

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
  yield* trainAll(await OpenComparison.create(options), within(options.out, control));
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
  yield* trainAll(await OpenComparison.resume(out), within(out, control));
}

/** What lies in the comparison's folder is no image to train on. */
function within(out: string, control: ComparisonControl): ComparisonControl {
  return { ...control, outputs: [...(control.outputs ?? []), out] };
}

/** The comparison begins when its first run has found its images, and before anything is written. */
async function* trainAll(
  comparison: OpenComparison,
  { signal, ...hooks }: ComparisonControl,
): AsyncGenerator<ComparisonEvent, void, undefined> {
  const find = findOnce();
  const { runs } = comparison;
  try {
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
        if (index === 0) await comparison.begin();
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
  } finally {
    comparison.release();
  }
}
