import { type EvaluationFigures, evaluatedFigures } from "../evaluation/index.js";
import type { ReconstructionLossName } from "../losses/index.js";

/** The losses that vqkit's own runs have; a quantizer may have others. */
type LossName = ReconstructionLossName | "codebook" | "commitment";

/** The loss `commitment` before its weight as `commitmentLoss`, after it as `weightedCommitmentLoss`; so any other. */
export type LossFields = {
  readonly [N in LossName as `${N}Loss` | `weighted${Capitalize<N>}Loss`]?: number;
} & { readonly [field: `${string}Loss`]: number | null };

/** The name of the model's phase: of its figures alone, records have the plain names. */
export const MODEL_PHASE = "model";

/** What records call a figure of a phase: `totalLoss` of the phase `critic` is `criticLoss`. */
export function phaseField(phase: string, figure: "totalLoss" | "gradientNorm" | "learningRate"): string {
  if (phase === MODEL_PHASE) return figure;
  return figure === "totalLoss" ? `${phase}Loss` : `${phase}${capitalized(figure)}`;
}

/** What phases beside the model's have, at the steps at which they are due. */
export type PhaseFields = { readonly [field: `${string}GradientNorm` | `${string}LearningRate`]: number };

/** The fields that may differ between two runs of the same seed, engine and threads. */
export const timingFields = ["imagesPerSecond", "elapsedSeconds"] as const;

/** `evaluationPsnr` and so on; on the evaluation set, with the averaged weights where there are some. */
export type EvaluationFields = {
  readonly [N in (typeof evaluatedFigures)[number] as `evaluation${Capitalize<N>}`]?: number | null;
};

/**
 * What is known of one training step; flat, and in this order one line of metrics.jsonl (without `usage`).
 *
 * All of it is of the weights that the step started from. A loss that the model does not have is absent.
 */
export type StepMetrics = LossFields &
  PhaseFields &
  EvaluationFields & {
    /** 1 for the first. */
    readonly step: number;
    /** What was minimised: the sum of all weighted losses. */
    readonly totalLoss: number;
    /** The sum of the weighted reconstruction losses. */
    readonly reconstructionLoss: number;
    readonly learningRate: number;
    /** Global norm of the gradients before clipping. */
    readonly gradientNorm: number;
    /** Mean over the batch's latent vectors of ‖z − q‖², summed over the code dimension. */
    readonly quantizationError: number;
    /** Codes out of use that were put on latents of the batch; absent where the quantizer replaces none. */
    readonly replacedCodes?: number;
    /** Codes that the batch uses / codebook size. */
    readonly usageBatch: number;
    readonly perplexityBatch: number;
    /** Indices in the batch, per codebook: what `usageBatch` depends on. */
    readonly samplesBatch: number;
    /** The same over the last `usageWindow` steps, this one included. */
    readonly usageWindow: number;
    readonly perplexityWindow: number;
    readonly samplesWindow: number;
    /** The same over the steps of the present epoch; a step belongs to the epoch of its batch's first image. */
    readonly usageEpoch: number;
    readonly perplexityEpoch: number;
    readonly samplesEpoch: number;
    /** The same as `usageWindow`. */
    readonly usage: number;
    /** Batch size / seconds from asking for the batch to having updated the weights. */
    readonly imagesPerSecond: number;
    /** Since the start of step 1, without the time between an interruption and resuming. */
    readonly elapsedSeconds: number;
    /**
     * The tensor that was not finite, in words; absent in every ordinary step. With `skipped` it was found in this
     * step, with `rolledBackFrom` in the step that is named there.
     */
    readonly nonFinite?: string;
    /** True when the step changed nothing; figures that are not finite are NaN here and null in the file. */
    readonly skipped?: true;
    /** The step that was not finite and made the run go back to where this step begins. */
    readonly rolledBackFrom?: number;
  };

export function evaluationFields(figures: EvaluationFigures): EvaluationFields {
  return Object.fromEntries(
    evaluatedFigures.map((name) => [`evaluation${capitalized(name)}`, figures[name]]),
  ) as EvaluationFields;
}

/** One loss before and after its weight. */
export function lossFields(name: string, value: number, weight: number): LossFields {
  return { [`${name}Loss`]: value, [`weighted${capitalized(name)}Loss`]: weight * value } as LossFields;
}

function capitalized(name: string): string {
  return name.charAt(0).toUpperCase() + name.slice(1);
}

/** A step's figures for a file; those that are not finite become null. */
export function metricsToRecord({
  usage: _usage,
  ...metrics
}: StepMetrics): Record<string, number | string | boolean | null> {
  return Object.fromEntries(
    Object.entries(metrics).map(([name, value]) => [
      name,
      typeof value === "number" && !Number.isFinite(value) ? null : value,
    ]),
  );
}

/** What `metricsToRecord` made. */
export function recordToMetrics(record: Readonly<Record<string, unknown>>): StepMetrics {
  const filled = Object.fromEntries(
    Object.entries(record).map(([name, value]) => [name, value ?? Number.NaN]),
  );
  return { ...filled, usage: filled.usageWindow } as unknown as StepMetrics;
}
