import type { ImageDataset } from "../data/index.js";
import type { EvaluationFigures } from "../evaluation/index.js";
import type { CodeMeter } from "./code-meter.js";
import { initializeCodebook } from "./initialize-codebook.js";
import type { ModelState } from "./model-state.js";
import type { RunConfig } from "./run-config.js";
import type { RunEvaluator } from "./run-evaluator.js";
import type { TrainerHooks } from "./trainer-hooks.js";

/** What a run is prepared with. */
export interface PreparationParts {
  readonly config: RunConfig;
  readonly dataset: ImageDataset;
  readonly state: ModelState;
  /** null where the life of codes is not recorded. */
  readonly codes: CodeMeter | null;
  readonly evaluator: RunEvaluator;
  readonly hooks: TrainerHooks;
}

/**
 * Brings a model to where step 1 finds it.
 *
 * @returns its figures before that step; null when they are not asked for
 */
export async function prepareRun(
  { config, dataset, state, codes, evaluator, hooks }: PreparationParts,
  signal: AbortSignal | undefined,
): Promise<EvaluationFigures | null> {
  const { batchSize, evaluateUntrained, from } = config;
  const { model, average } = state;
  const hasCodebook = from !== null && from.codebook !== "fresh";
  if (!hasCodebook && model.quantizer.latentsForInitialization > 0) {
    hooks.onPhase?.("initializing");
    const { onInitialization: onProgress } = hooks;
    await initializeCodebook(model, dataset.trainBatches({ batchSize }), { signal, onProgress });
    average?.reset();
  }
  await codes?.start();
  if (!evaluateUntrained) return null;
  hooks.onPhase?.("untrained");
  return (await evaluator.evaluateAsIs(signal)).figures;
}
