import type { ModelDescription } from "../autoencoder/index.js";
import type { Engine } from "../backend/index.js";
import type { Evaluation, EvaluationFigures } from "../evaluation/index.js";
import type { JsonObject } from "../files/index.js";
import { type MetricCard, median } from "../metrics/index.js";

/** What a run is made of, before it starts. */
export interface RunDescription {
  /** Size and cost of the autoencoder at the crop size; FLOP are per image. */
  readonly model: ModelDescription;
  readonly quantizer: {
    readonly kind: string;
    readonly codebookSize: number;
    /** The size that was asked for; null when none was. */
    readonly nominalCodebookSize: number | null;
    readonly numCodebooks: number;
    readonly codeDim: number;
    /** Numbers that its variables hold. */
    readonly parameters: number;
  };
  readonly engine: Engine;
  readonly trainFiles: number;
  readonly evaluationFiles: number;
  /** Whether the evaluation files are kept back from training. */
  readonly heldOut: boolean;
  /** What a person should know before starting; one sentence each. */
  readonly warnings: readonly string[];
}

/** How long training took, before and after an interruption together. A type, for the summary's sake. */
export type TrainingFigures = {
  readonly steps: number;
  /** Median over the steps since the run was last started. */
  readonly imagesPerSecond: number;
  /** Sum over the steps: without evaluation, saving, and what the caller did in between. */
  readonly seconds: number;
};

/** What a finished run found. */
export interface TrainingResult {
  /** Of the final model, with the averaged weights where there are some. */
  readonly evaluation: Evaluation;
  /** Of the model as the first step found it; null when `evaluateUntrained` is off. */
  readonly untrained: EvaluationFigures | null;
  /** Of each image painted in its mean colour. */
  readonly meanColour: EvaluationFigures;
  readonly training: TrainingFigures;
  readonly conventions: MetricCard;
  /** The folder that was written; null when none was. */
  readonly dir: string | null;
}

/**
 * @param run.steps of the whole run
 * @param run.seconds spent in them
 * @param run.stepSeconds one entry a step since the run was last started; none when it had only to be finished
 */
export function trainingFigures({
  steps,
  seconds,
  stepSeconds,
  batchSize,
}: {
  readonly steps: number;
  readonly seconds: number;
  readonly stepSeconds: readonly number[];
  readonly batchSize: number;
}): TrainingFigures {
  const rates = stepSeconds.map((each) => batchSize / each);
  const imagesPerSecond = rates.length > 0 ? median(rates) : (batchSize * steps) / seconds;
  return { steps, imagesPerSecond, seconds };
}

/** What a summary says of a run besides its figures. */
export interface SummaryContext {
  readonly description: RunDescription;
  readonly brokenFiles: number;
  readonly weightAverage: boolean;
  readonly seed: number;
}

/** The figures of summary.json, all but the geometry of the picture of reconstructions. */
export function summaryFigures(result: TrainingResult, context: SummaryContext): JsonObject {
  const { model, quantizer, engine, trainFiles, evaluationFiles, heldOut } = context.description;
  const { parameters, encodeFlop, forwardFlop, trainingFlop } = model;
  const { name, version, threads, device, adapter } = engine;
  return {
    final: result.evaluation.figures,
    untrained: result.untrained,
    meanColour: result.meanColour,
    training: result.training,
    model: { parameters, encodeFlop, forwardFlop, trainingFlop },
    quantizer,
    engine: { name, version, threads, device, adapter },
    heldOut,
    trainFiles,
    evaluationFiles,
    brokenFiles: context.brokenFiles,
    weightAverage: context.weightAverage,
    seed: context.seed,
  };
}
