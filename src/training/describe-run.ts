import { describeModel, type ImageAutoencoder } from "../autoencoder/index.js";
import type { Engine } from "../backend/index.js";
import type { ImageDataset } from "../data/index.js";
import { type Evaluation, evaluationCard } from "../evaluation/index.js";
import type { MetricCard } from "../metrics/index.js";
import { quantizerWarnings } from "../quantizers/index.js";
import type { RunConfig } from "./run-config.js";
import type { RunDescription } from "./training-result.js";

/** What a run is made of. */
export interface RunParts {
  readonly config: RunConfig;
  readonly model: ImageAutoencoder;
  readonly dataset: ImageDataset;
  readonly engine: Engine;
}

/** A run's parameters, compute per image, images, and what to be warned of. */
export function describeRun({ config, dataset, engine, model }: RunParts): RunDescription {
  const { codebookSize, numCodebooks, codeDim } = model.quantizer;
  const { kind } = config.quantizer;
  const { nominalCodebookSize } = config;
  const parameters = [...model.quantizer.variables().values()].reduce((sum, { size }) => sum + size, 0);
  return {
    model: describeModel(config.model, codeDim, config.data.cropSize),
    quantizer: { kind, codebookSize, nominalCodebookSize, numCodebooks, codeDim, parameters },
    engine,
    trainFiles: dataset.trainFiles.length,
    evaluationFiles: dataset.evaluationFiles.length,
    heldOut: dataset.heldOutFiles.length > 0,
    warnings: quantizerWarnings(config.quantizer),
  };
}

/** The conventions that a run's evaluation follows. */
export function conventionsOf(
  evaluation: Evaluation,
  { config, dataset }: Pick<RunParts, "config" | "dataset">,
): MetricCard {
  const { loss, data } = config;
  return evaluationCard(evaluation, {
    loss,
    data,
    set: dataset.heldOutFiles.length > 0 ? "held-out files" : "training files",
  });
}
