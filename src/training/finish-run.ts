import { evaluateMeanColour } from "../evaluation/index.js";
import { conventionsOf, describeRun, type RunParts } from "./describe-run.js";
import type { ModelState } from "./model-state.js";
import type { RunEvaluator } from "./run-evaluator.js";
import type { RunRecorder } from "./run-recorder.js";
import { brokenFilesOf } from "./run-state.js";
import { storedVariables } from "./stored-variables.js";
import type { TrainerHooks } from "./trainer-hooks.js";
import type { TrainingLoop } from "./training-loop.js";
import { summaryFigures, type TrainingResult, trainingFigures } from "./training-result.js";

/** What a run is finished with. */
export interface FinishParts extends RunParts {
  readonly state: ModelState;
  readonly evaluator: RunEvaluator;
  /** null for a run that writes nothing. */
  readonly recorder: RunRecorder | null;
  readonly hooks: TrainerHooks;
}

/** Evaluates the final model and writes what a finished run leaves. @throws as `evaluateModel` and `RunRecorder.finish` */
export async function finishRun(
  parts: FinishParts,
  training: Pick<TrainingLoop, "progress" | "stepSeconds" | "evaluation">,
  signal: AbortSignal | undefined,
): Promise<TrainingResult> {
  const { config, dataset, model, state, evaluator, recorder, hooks } = parts;
  const { batchSize, loss, seed } = config;
  const { progress, stepSeconds } = training;
  const { step, place } = progress;
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
  const weightAverage = state.average !== null;
  const figures = summaryFigures(result, {
    description: describeRun(parts),
    brokenFiles,
    weightAverage,
    seed,
  });
  await recorder?.finish({ weights, evaluation, conventions: result.conventions, figures });
  return result;
}
