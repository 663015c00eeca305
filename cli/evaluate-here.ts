import type { ImageBatch, ImageDataset } from "../src/data/index.js";
import type { Evaluation, EvaluationFigures, EvaluationNetworks } from "../src/evaluation/index.js";
import type { RunConfig } from "../src/training/index.js";
import type { NamedModel } from "./evaluation-settings.js";
import { startProgress } from "./progress.js";
import type { Terminal } from "./terminal.js";

/** What was measured of each model, and of the mean colour. */
export interface Evaluations {
  readonly evaluations: readonly Omit<Evaluation, "examples">[];
  readonly meanColour: EvaluationFigures;
}

/** Measures models on this machine, one after the other. */
export async function evaluatedHere(
  terminal: Terminal,
  models: readonly NamedModel[],
  {
    config: { data, loss },
    dataset,
    batches,
    networks,
    quiet,
  }: {
    readonly config: RunConfig;
    readonly dataset: ImageDataset;
    readonly batches: () => AsyncIterable<ImageBatch>;
    readonly networks: EvaluationNetworks;
    readonly quiet: boolean;
  },
): Promise<Evaluations> {
  const { evaluateMeanColour, evaluateModel } = await import("../src/evaluation/index.js");
  const { signal } = terminal;
  const total = dataset.evaluation.length * data.evaluationCropsPerImage;
  const evaluations: Evaluation[] = [];
  for (const [i, model] of models.entries()) {
    const which = models.length === 1 ? "" : ` ${model.name}, ${i + 1} of ${models.length}`;
    const label = `evaluating${which}`;
    const progress = startProgress(terminal, { label, total, unit: "crops at most", quiet });
    const options = { loss, networks, signal, onProgress: progress.update };
    try {
      evaluations.push(await evaluateModel(model.loaded.model, batches(), options));
    } finally {
      progress.stop();
    }
  }
  return { evaluations, meanColour: await evaluateMeanColour(batches(), { loss, signal }) };
}
