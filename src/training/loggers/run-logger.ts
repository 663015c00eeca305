import type { EvaluationFigures } from "../../evaluation/index.js";
import type { CodeRecord } from "../../metrics/index.js";
import type { RunConfig } from "../run-config.js";
import type { RunDescription } from "../run-description.js";
import type { StepMetrics } from "../step-metrics.js";
import type { TrainingResult } from "../training-result.js";

/** How a run ended: by itself, because its caller left or aborted it, or by an error. */
export type RunOutcome = "finished" | "interrupted" | "failed";

/**
 * What a run tells its loggers, in this order: `start`; then steps and what belongs to them; `summary` where it finished;
 * `end`, always.
 */
export type RunEvent =
  | {
      readonly type: "start";
      readonly config: RunConfig;
      readonly description: RunDescription;
      /** The run folder; null where none is written. */
      readonly dir: string | null;
      /** Steps that are done: what was logged of later ones, by an earlier process, does not count any more. */
      readonly step: number;
      readonly resumed: boolean;
    }
  /** The record of a step, as metrics.jsonl has it: at those steps that `logEvery` asks for, and at all out of the ordinary. */
  | { readonly type: "step"; readonly step: number; readonly metrics: StepMetrics }
  /** Figures of the evaluation images: of the untrained model (step 0), of steps that are evaluated, of the last one. */
  | { readonly type: "evaluation"; readonly step: number; readonly figures: EvaluationFigures }
  /** How often each code was chosen since the record before, as timeline.vqt has it. */
  | {
      readonly type: "codes";
      readonly step: number;
      readonly record: CodeRecord;
      /** K. */
      readonly codebookSize: number;
    }
  /** The same few evaluation images in a row, and what the model makes of them: PNG files. */
  | {
      readonly type: "pictures";
      readonly step: number;
      readonly originals: Uint8Array;
      readonly reconstructions: Uint8Array;
    }
  /** The run is about to save where it stands: what was logged should be safe, for it will not be told again. */
  | { readonly type: "checkpoint"; readonly step: number }
  /** The run goes back to this step (`onNan`): what was logged of later ones does not count any more. */
  | { readonly type: "rollback"; readonly step: number }
  | { readonly type: "summary"; readonly step: number; readonly result: TrainingResult }
  | { readonly type: "end"; readonly step: number; readonly outcome: RunOutcome };

/**
 * Gets everything that a run records, as it happens. It may follow several runs, one after another: each from its `start`
 * to its `end`.
 *
 * ```ts
 * const logger: RunLogger = { name: "console", log: (event) => event.type === "step" && console.log(event.metrics) };
 * const trainer = await Trainer.create(options, { loggers: [logger] });
 * ```
 */
export interface RunLogger {
  /** What messages call it. */
  readonly name: string;
  /**
   * Takes an event. The run waits for it, and changes nothing of what it computes. One that fails gets no further event:
   * see `TrainerHooks.onLoggerFailed`.
   */
  log(event: RunEvent): unknown;
}

/** A logger that failed. */
export interface LoggerFailure {
  /** `RunLogger.name` */
  readonly logger: string;
  /** Steps that were done. */
  readonly step: number;
  /** One line. */
  readonly message: string;
  /** What it threw. */
  readonly error: unknown;
}
