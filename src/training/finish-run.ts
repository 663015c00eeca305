import { type Evaluation, evaluateMeanColour } from "../evaluation/index.js";
import type { JsonObject } from "../files/index.js";
import { median, spectrumFigures } from "../metrics/index.js";
import { conventionsOf, describeRun } from "./describe-run.js";
import { storedVariables } from "./model-state.js";
import { evaluateAsIs, type Run, withEvaluationWeights } from "./run.js";
import { imagesOfStep } from "./run-config.js";
import type { RunDescription } from "./run-description.js";
import { brokenFilesOf } from "./run-progress.js";
import type { RunRecorder } from "./run-recorder.js";
import type { TrainingLoop } from "./training-loop.js";
import type { TrainingFigures, TrainingResult } from "./training-result.js";

/**
 * @param run.steps of the whole run
 * @param run.seconds spent in them
 * @param run.stepSeconds one entry a step since the run was last started; none when it had only to be finished
 */
function trainingFigures({
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
interface SummaryContext {
  readonly description: RunDescription;
  readonly brokenFiles: number;
  readonly weightAverage: boolean;
  readonly seed: number;
}

/** The figures of summary.json, all but the geometry of the picture of reconstructions. */
function summaryFigures(result: TrainingResult, context: SummaryContext): JsonObject {
  const { model, quantizer, engine, trainFiles, evaluationFiles, heldOut } = context.description;
  const { parameters, encodeFlop, forwardFlop, trainingFlop } = model;
  const { name, version, threads, device, adapter } = engine;
  return {
    final: result.evaluation.figures,
    spectrum: spectrumOf(result.evaluation),
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

/** What the examples of an evaluation show of sharpness and of marks of upsampling. */
function spectrumOf({ examples: { originals, reconstructions } }: Evaluation): JsonObject | null {
  const figures = spectrumFigures(
    originals.map(
      (original, i) => [original, reconstructions[i] as (typeof reconstructions)[number]] as const,
    ),
  );
  return figures === null ? null : { ...figures };
}

/** Evaluates the final model and writes what a finished run leaves. @throws as `evaluateModel` and `RunRecorder.finish` */
export async function finishRun(
  run: Run,
  {
    loop,
    recorder,
  }: {
    readonly loop: Pick<TrainingLoop, "progress" | "stepSeconds" | "evaluation">;
    readonly recorder: Pick<RunRecorder, "finish"> | null;
  },
  signal: AbortSignal | undefined,
): Promise<TrainingResult> {
  const { config, dataset, state, hooks } = run;
  const { batchSize, loss, seed, evaluateEvery } = config;
  const { progress, stepSeconds } = loop;
  const { step, untrained, trainingSeconds: seconds } = progress;
  hooks.onPhase?.("evaluating");
  const { evaluation, weights } = await withEvaluationWeights(run, async () => ({
    evaluation: loop.evaluation ?? (await evaluateAsIs(run, signal)),
    weights: await storedVariables(state.model.variables()),
  }));
  // One that is evaluated in training has been told at its last step.
  if (evaluateEvery === null) {
    await run.loggers.tell({ type: "evaluation", step, figures: evaluation.figures });
  }
  const result = {
    evaluation,
    untrained,
    meanColour: await evaluateMeanColour(dataset.evaluationBatches({ batchSize }), { loss, signal }),
    training: trainingFigures({ steps: step, seconds, stepSeconds, batchSize: imagesOfStep(config) }),
    conventions: conventionsOf(evaluation, run),
    dir: config.out,
  };
  hooks.onPhase?.("saving");
  const brokenFiles = brokenFilesOf(progress, dataset).length;
  const weightAverage = state.average !== null;
  const figures = summaryFigures(result, {
    description: describeRun(run),
    brokenFiles,
    weightAverage,
    seed,
  });
  await recorder?.finish({ weights, evaluation, conventions: result.conventions, figures });
  return result;
}
