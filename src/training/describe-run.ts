import { describeModel } from "../autoencoder/index.js";
import { type Evaluation, evaluationCard } from "../evaluation/index.js";
import type { MetricCard } from "../metrics/index.js";
import { quantizerWarnings } from "../quantizers/index.js";
import { recipeNamed } from "./recipes.js";
import type { Run } from "./run.js";
import type { RunConfig } from "./run-config.js";
import type { RunDescription } from "./run-description.js";
import { enlargementWarnings } from "./size-check.js";

/** A run's parameters, compute per image, images, and what to be warned of. */
export function describeRun({ config, dataset, enlargement, engine, state: { model } }: Run): RunDescription {
  const { codebookSize, numCodebooks, codeDim } = model.quantizer;
  const { kind } = config.quantizer;
  const { nominalCodebookSize } = config;
  const parameters = [...model.quantizer.variables().values()].reduce((sum, { size }) => sum + size, 0);
  return {
    model: describeModel(config.model, codeDim, config.data.cropSize),
    quantizer: { kind, codebookSize, nominalCodebookSize, numCodebooks, codeDim, parameters },
    recipe:
      config.recipe === null
        ? null
        : { name: config.recipe, effect: recipeNamed(config.recipe).effect(config) },
    engine,
    trainFiles: dataset.train.length,
    evaluationFiles: dataset.evaluation.length,
    heldOut: dataset.heldOut.length > 0,
    warnings: [
      ...quantizerWarnings(config.quantizer),
      ...objectiveWarnings(config),
      ...enlargementWarnings(enlargement),
    ],
  };
}

/** Losses that the run is too short for. */
function objectiveWarnings({ objectives, steps }: RunConfig): string[] {
  return objectives.flatMap(({ kind, start }) =>
    typeof start === "number" && start > steps
      ? [
          `objective "${kind}" begins at step ${start} of a run of ${steps} steps: never. Let it begin earlier.`,
        ]
      : [],
  );
}

/** The conventions that a run's evaluation follows. */
export function conventionsOf(evaluation: Evaluation, { config, dataset }: Run): MetricCard {
  const { loss, data } = config;
  return evaluationCard(evaluation, {
    loss,
    data,
    set: dataset.heldOut.length > 0 ? "held-out files" : "training files",
  });
}
