import type { ImageDataset } from "../data/index.js";
import { type Evaluation, evaluateModel } from "../evaluation/index.js";
import type { ModelState } from "./model-state.js";
import type { RunConfig } from "./run-config.js";

/** Measures a run's model on its evaluation images: the held-out ones, or the training images when none are held out. */
export class RunEvaluator {
  readonly #state: ModelState;
  readonly #dataset: ImageDataset;
  readonly #config: RunConfig;

  constructor(state: ModelState, dataset: ImageDataset, config: RunConfig) {
    this.#state = state;
    this.#dataset = dataset;
    this.#config = config;
  }

  /** With the averaged weights where there are some. @throws as `evaluateModel`, and the signal's reason */
  async evaluate(signal: AbortSignal | undefined): Promise<Evaluation> {
    return this.withEvaluationWeights(() => this.evaluateAsIs(signal));
  }

  /** With the weights as the model has them now. */
  evaluateAsIs(signal: AbortSignal | undefined): Promise<Evaluation> {
    const { batchSize, loss } = this.#config;
    const batches = this.#dataset.evaluationBatches({ batchSize });
    return evaluateModel(this.#state.model, batches, { loss, signal });
  }

  /** Runs `body` while the model has the weights that are evaluated and exported. */
  withEvaluationWeights<T>(body: () => Promise<T>): Promise<T> {
    const { average } = this.#state;
    return average === null ? body() : average.during(body);
  }
}
