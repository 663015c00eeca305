import type { EvaluationRecord } from "../records/run-record.js";
import { type Curve, CurveBuilder } from "./curve.js";

/** The figures of an evaluation that rules look at; null where it does not have one. */
export type DiagnosedEvaluation = Pick<
  EvaluationRecord,
  | "psnr"
  | "usage"
  | "used"
  | "samples"
  | "expectedUniformUsage"
  | "perplexity"
  | "latentNorm"
  | "codeNorm"
  | "latentEffectiveRank"
>;

/** Everything that the doctor looks at: plain data, of a finished run or of one under way. Null: not known. */
export interface DiagnosisRecord {
  /** K. */
  readonly codebookSize: number | null;
  /** D. */
  readonly codeDim: number | null;
  /** Steps that the run is to have. */
  readonly plannedSteps: number | null;
  /** The resolved configuration, which decides what there is left to try. Without it, everything is. */
  readonly config?: unknown;
  /** The newest step; 0 before the first. */
  readonly lastStep: number;
  /** Steps whose loss or gradient was not finite. */
  readonly nonFiniteSteps: number;
  /** Figures over the run by their names in metrics.jsonl. */
  readonly curves: Readonly<Partial<Record<DiagnosedCurve, Curve>>>;
  /** Indices of one batch, per codebook. */
  readonly samplesBatch: number | null;
  /** Indices in the sliding window, per codebook, once it is full. */
  readonly samplesWindow: number | null;
  /** The final model on the evaluation set; null while the run is under way. */
  readonly final: DiagnosedEvaluation | null;
  /** Whether the evaluation's images were kept out of training; absent where that is not known. */
  readonly heldOut?: boolean;
  /** Codes in use of each codebook on the evaluation set, over K; null (or absent) where these were not counted. */
  readonly codebookUsage?: readonly number[] | null;
  /** PSNR of painting each image in its mean colour. */
  readonly meanColourPsnr: number | null;
  /** How far marks of upsampling stand out of the spectrum of the final reconstructions, against the originals'. */
  readonly checkerboard?: number | null;
}

const DIAGNOSED_CURVES = [
  "reconstructionLoss",
  "commitmentLoss",
  "gradientNorm",
  "usageBatch",
  "usageWindow",
  "discriminatorRealAccuracy",
  "discriminatorReconstructedAccuracy",
  "adversarialWeight",
] as const;
export type DiagnosedCurve = (typeof DIAGNOSED_CURVES)[number];

/** What is known of a run before its first step. */
export type DiagnosedRun = Pick<DiagnosisRecord, "codebookSize" | "codeDim" | "plannedSteps" | "config">;

/**
 * Gathers the record of a run from its metrics, step by step: from metrics.jsonl, or live from the trainer's loop. Its
 * memory does not grow with the run.
 *
 * ```ts
 * const history = new DiagnosisHistory({ codebookSize: 1024, codeDim: 64, plannedSteps: 1000 });
 * for await (const metrics of trainer.run()) {
 *   history.add(metrics);
 *   const { findings } = diagnose(history.record());
 * }
 * ```
 */
export class DiagnosisHistory {
  readonly #run: DiagnosedRun;
  readonly #curves = new Map<DiagnosedCurve, CurveBuilder>();
  #lastStep = 0;
  #nonFiniteSteps = 0;
  #samplesBatch: number | null = null;
  #samplesWindow: number | null = null;

  constructor(run: DiagnosedRun) {
    this.#run = run;
  }

  /** @param metrics one step: `StepMetrics`, or a line of metrics.jsonl */
  add(metrics: Readonly<Record<string, unknown>>): void {
    const { step, samplesBatch, samplesWindow, nonFinite } = metrics;
    if (typeof step === "number") this.#lastStep = Math.max(this.#lastStep, step);
    if (nonFinite !== undefined && nonFinite !== null) this.#nonFiniteSteps++;
    if (isFigure(samplesBatch)) this.#samplesBatch = samplesBatch;
    if (isFigure(samplesWindow) && samplesWindow > (this.#samplesWindow ?? 0)) {
      // While the window fills, each step's usage is of more indices than the last one's: only full ones compare.
      this.#samplesWindow = samplesWindow;
      this.#curves.delete("usageWindow");
    }
    for (const name of DIAGNOSED_CURVES) {
      const value = metrics[name];
      if (!isFigure(value)) continue;
      const curve = this.#curves.get(name) ?? new CurveBuilder();
      this.#curves.set(name, curve);
      curve.add(value);
    }
  }

  /** The record of the steps so far, which `diagnose` takes. @param evaluation of the finished run */
  record(
    evaluation: Partial<
      Pick<DiagnosisRecord, "final" | "heldOut" | "codebookUsage" | "meanColourPsnr" | "checkerboard">
    > = {},
  ): DiagnosisRecord {
    const { final = null, heldOut, codebookUsage = null, meanColourPsnr = null } = evaluation;
    const { checkerboard = null } = evaluation;
    return {
      ...this.#run,
      lastStep: this.#lastStep,
      nonFiniteSteps: this.#nonFiniteSteps,
      curves: Object.fromEntries([...this.#curves].map(([name, builder]) => [name, builder.curve()])),
      samplesBatch: this.#samplesBatch,
      samplesWindow: this.#samplesWindow,
      final,
      ...(heldOut === undefined ? {} : { heldOut }),
      codebookUsage,
      meanColourPsnr,
      checkerboard,
    };
  }
}

function isFigure(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value);
}
