import { type Evaluation, evaluateMeanColour } from "../evaluation/index.js";
import { conventionsOf, describeRun, type RunParts } from "./describe-run.js";
import type { RunEvaluator } from "./run-evaluator.js";
import type { RunRecorder } from "./run-recorder.js";
import { brokenFilesOf, type RunState } from "./run-state.js";
import { storedVariables } from "./stored-variables.js";
import type { TrainerHooks } from "./trainer-hooks.js";
import { summaryFigures, type TrainingResult, trainingFigures } from "./training-result.js";

export interface FinishedTraining {
  readonly step: number;
  readonly place: RunState;
  /** Seconds of each step since the run was last started. */
  readonly stepSeconds: readonly number[];
  /** Of the last step, where it has been evaluated already. */
  readonly evaluation: Evaluation | undefined;
}

/** Evaluates the final model and writes what a finished run leaves. @throws as `evaluateModel` and `RunRecorder.finish` */
export async function finishRun(
  parts: RunParts & {
    readonly evaluator: RunEvaluator;
    readonly recorder: RunRecorder | null;
    readonly hooks: TrainerHooks;
    readonly weightAverage: boolean;
  },
  training: FinishedTraining,
  signal: AbortSignal | undefined,
): Promise<TrainingResult> {
  const { config, dataset, model, evaluator, recorder, hooks, weightAverage } = parts;
  const { batchSize, loss, seed } = config;
  const { step, place, stepSeconds } = training;
  hooks.onPhase?.("evaluating");
  const { evaluation, weights } = await evaluator.withEvaluationWeights(async () => ({
    evaluation: training.evaluation ?? (await evaluator.evaluateAsIs(signal)),
    weights: await storedVariables(model.variables()),
  }));
  const result = {
    evaluation,
    untrained: place.untrained,
    meanColour: await evaluateMeanColour(dataset.evaluationBatches({ batchSize }), { loss, signal }),
    training: trainingFigures({ steps: step, seconds: place.trainingSeconds, stepSeconds, batchSize }),
    conventions: conventionsOf(evaluation, parts),
    dir: config.out,
  };
  hooks.onPhase?.("saving");
  const brokenFiles = brokenFilesOf(place, dataset).length;
  const figures = summaryFigures(result, {
    description: describeRun(parts),
    brokenFiles,
    weightAverage,
    seed,
  });
  await recorder?.finish({ weights, evaluation, conventions: result.conventions, figures });
  return result;
}
