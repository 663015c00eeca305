import { describeModel, ImageAutoencoder } from "../autoencoder/index.js";
import { type Engine, selectEngine } from "../backend/index.js";
import { VqkitError } from "../core/errors.js";
import { ImageDataset } from "../data/index.js";
import {
  type Evaluation,
  type EvaluationFigures,
  evaluateMeanColour,
  evaluateModel,
  evaluationCard,
} from "../evaluation/index.js";
import { createQuantizer, quantizerWarnings } from "../quantizers/index.js";
import { RunFolder } from "../runs/index.js";
import { initializeCodebook } from "./initialize-codebook.js";
import { Adam } from "./optimizer.js";
import { type RunConfig, type RunOptions, resolveRun } from "./run-config.js";
import { RunRecorder } from "./run-recorder.js";
import { learningRateAt } from "./schedule.js";
import { evaluationFields, type StepMetrics } from "./step-metrics.js";
import { storedVariables } from "./stored-variables.js";
import type { TrainerHooks } from "./trainer-hooks.js";
import {
  type RunDescription,
  summaryFigures,
  type TrainingResult,
  trainingFigures,
} from "./training-result.js";
import { TrainingStep } from "./training-step.js";
import { UsageMeter } from "./usage-meter.js";
import { WeightAverage } from "./weight-average.js";

/**
 * Trains one image tokenizer.
 *
 * ```ts
 * const trainer = await Trainer.create({ quantizer: { kind: "fsq" }, data: "photos/", out: "runs/a" });
 * for await (const metrics of trainer.run()) console.log(metrics.step, metrics.reconstructionLoss, metrics.usage);
 * console.log(trainer.result?.evaluation.figures.psnr);
 * trainer.dispose();
 * ```
 */
export class Trainer {
  readonly config: RunConfig;
  readonly model: ImageAutoencoder;
  readonly dataset: ImageDataset;
  readonly engine: Engine;
  readonly #hooks: TrainerHooks;
  readonly #optimizer: Adam;
  readonly #average: WeightAverage | null;
  readonly #stepSeconds: number[] = [];
  #recorder: RunRecorder | null = null;
  #started = false;
  #step = 0;
  #bestPsnr: number | null = null;
  #evaluated: { readonly step: number; readonly evaluation: Evaluation } | undefined;
  #result: TrainingResult | null = null;

  private constructor(
    config: RunConfig,
    parts: { readonly dataset: ImageDataset; readonly engine: Engine; readonly hooks: TrainerHooks },
  ) {
    this.config = config;
    this.dataset = parts.dataset;
    this.engine = parts.engine;
    this.#hooks = parts.hooks;
    const quantizer = createQuantizer(config.quantizer, config.seed);
    this.model = ImageAutoencoder.create({ config: config.model, quantizer, seed: config.seed });
    const variables = this.model.variables();
    this.#optimizer = new Adam(variables, config.optimizer);
    const decay = config.weightAverageDecay;
    this.#average = decay === null ? null : new WeightAverage(variables, decay);
  }

  /**
   * Checks the options, chooses the engine, finds the images and builds the model. Writes nothing: `run` does.
   *
   * @throws ConfigError that names the wrong option; VqkitError("run") when the folder is taken; VqkitError("data")
   * when there is no image, or none that can be read; BackendError when the engine cannot be used
   */
  static async create(options: RunOptions | RunConfig, hooks: TrainerHooks = {}): Promise<Trainer> {
    const config = resolveRun(options);
    const { data, seed, engine, device, threads, out, overwrite } = config;
    if (out !== null) await RunFolder.check(out, { overwrite });
    const chosen = await selectEngine({ engine, device, ...(threads === null ? {} : { threads }) });
    const { onBroken } = hooks;
    const dataset = await ImageDataset.open(data, seed, onBroken === undefined ? {} : { onBroken });
    // Images that cannot be read should be known before anything is written, or an earlier run removed.
    await first(dataset.trainBatches({ batchSize: 1 }));
    await first(dataset.evaluationBatches({ batchSize: 1 }));
    return new Trainer(config, { dataset, engine: chosen, hooks });
  }

  /** What the run is made of: parameters, compute per image, images, and what to be warned of. */
  describe(): RunDescription {
    const { config, dataset, engine, model } = this;
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

  /** What the finished run found; null before. */
  get result(): TrainingResult | null {
    return this.#result;
  }

  /**
   * Trains, one step for each turn of the loop. A trainer runs once.
   *
   * When the loop ends by itself, the final model has been evaluated and all files of the run folder are written. When
   * the caller leaves the loop early or aborts, the metrics and a checkpoint of the last step are written first. When
   * training fails, the metrics are written and the earlier checkpoints stand.
   *
   * @param options.signal ends the run before its next step; the loop then throws the signal's reason
   * @throws VqkitError("run") when the folder is taken, or at a second call; VqkitError("numerics") naming the step at
   * which a loss or gradient stopped being finite; VqkitError("data" | "file")
   */
  async *run(options: { readonly signal?: AbortSignal } = {}): AsyncGenerator<StepMetrics, void, undefined> {
    const { signal } = options;
    if (this.#started) {
      throw new VqkitError("run", "Trainer.run: expected one call, got a second. Create another trainer.");
    }
    this.#started = true;
    signal?.throwIfAborted();
    const { out } = this.config;
    this.#recorder = out === null ? null : await RunRecorder.create(out, this.config);
    let failed = false;
    try {
      const untrained = await this.#prepare(signal);
      this.#hooks.onPhase?.("training");
      yield* this.#steps(signal);
      this.#result = await this.#finish(untrained, signal);
    } catch (error) {
      failed = !(signal?.aborted && error === signal.reason);
      throw error;
    } finally {
      try {
        // Reached without a result and without a failure: the caller left the loop or aborted.
        if (this.#result === null && !failed) await this.#saveCheckpoint(false);
      } finally {
        await this.#recorder?.close();
      }
    }
  }

  /**
   * Evaluates the model as it stands on the held-out images (the training images when none are held out), with the
   * averaged weights where there are some.
   */
  async evaluate(options: { readonly signal?: AbortSignal | undefined } = {}): Promise<Evaluation> {
    return this.#withEvaluationWeights(() => this.#evaluateNow(options.signal));
  }

  /** Frees the model, the optimizer's state and the average. */
  dispose(): void {
    this.#optimizer.dispose();
    this.#average?.dispose();
    this.model.dispose();
  }

  /** Brings the model to where step 1 finds it. */
  async #prepare(signal: AbortSignal | undefined): Promise<EvaluationFigures | null> {
    const { batchSize, evaluateUntrained } = this.config;
    if (this.model.quantizer.latentsForInitialization > 0) {
      this.#hooks.onPhase?.("initializing");
      await initializeCodebook(this.model, this.dataset.trainBatches({ batchSize }), signal);
      this.#average?.reset();
    }
    if (!evaluateUntrained) return null;
    this.#hooks.onPhase?.("untrained");
    return (await this.#evaluateNow(signal)).figures;
  }

  async *#steps(signal: AbortSignal | undefined): AsyncGenerator<StepMetrics, void, undefined> {
    const { model, config } = this;
    const { steps, batchSize, usageWindow, gradientClip, loss } = config;
    const parts = { model, optimizer: this.#optimizer, average: this.#average, loss, gradientClip };
    const trainingStep = new TrainingStep(parts);
    const { codebookSize, numCodebooks } = model.quantizer;
    const usage = new UsageMeter({ codebookSize, numCodebooks, window: usageWindow });
    const started = performance.now();
    let asked = started;
    for await (const batch of this.dataset.trainBatches({ batchSize })) {
      signal?.throwIfAborted();
      const step = this.#step + 1;
      const learningRate = learningRateAt(step, config);
      const outcome = await trainingStep.run(batch, { step, learningRate });
      this.#step = step;
      const now = performance.now();
      const seconds = (now - asked) / 1000;
      this.#stepSeconds.push(seconds);
      const trained: StepMetrics = {
        step,
        ...outcome.losses,
        learningRate,
        gradientNorm: outcome.gradientNorm,
        quantizationError: outcome.quantizationError,
        ...usage.add(outcome.indices),
        imagesPerSecond: batchSize / seconds,
        elapsedSeconds: (now - started) / 1000,
      };
      const metrics = await this.#recorded(trained, signal);
      await this.#checkpointAt(step);
      yield metrics;
      if (step === steps) return;
      asked = performance.now();
    }
  }

  /** Evaluates when it is due, and logs the step, also when the evaluation fails or is aborted. */
  async #recorded(trained: StepMetrics, signal: AbortSignal | undefined): Promise<StepMetrics> {
    let metrics = trained;
    try {
      if (this.#isEvaluated(trained.step)) {
        this.#hooks.onPhase?.("evaluating");
        const evaluation = await this.evaluate({ signal });
        this.#evaluated = { step: trained.step, evaluation };
        metrics = { ...trained, ...evaluationFields(evaluation.figures) };
        this.#hooks.onPhase?.("training");
      }
    } finally {
      await this.#recorder?.step(metrics);
    }
    return metrics;
  }

  #isEvaluated(step: number): boolean {
    const { evaluateEvery, steps } = this.config;
    return evaluateEvery !== null && (step % evaluateEvery === 0 || step === steps);
  }

  /** Saves when it is due, and whenever the step is the best that was evaluated. */
  async #checkpointAt(step: number): Promise<void> {
    const { checkpointEvery, steps } = this.config;
    const psnr = this.#evaluated?.step === step ? this.#evaluated.evaluation.figures.psnr : null;
    const best = psnr !== null && psnr > (this.#bestPsnr ?? Number.NEGATIVE_INFINITY);
    if (best) this.#bestPsnr = psnr;
    const due = step === steps || (checkpointEvery !== null && step % checkpointEvery === 0);
    if (due || best) await this.#saveCheckpoint(best);
  }

  async #saveCheckpoint(best: boolean): Promise<void> {
    const recorder = this.#recorder;
    if (recorder === null || !recorder.lacks(this.#step)) return;
    const content = {
      step: this.#step,
      weights: await storedVariables(this.model.variables()),
      optimizer: await storedVariables(this.#optimizer.state()),
      ema: await storedVariables(this.#average?.values() ?? new Map()),
    };
    await recorder.checkpoint(content, { best, bestPsnr: this.#bestPsnr });
  }

  async #finish(
    untrained: EvaluationFigures | null,
    signal: AbortSignal | undefined,
  ): Promise<TrainingResult> {
    const { config, dataset } = this;
    this.#hooks.onPhase?.("evaluating");
    const known = this.#evaluated?.step === this.#step ? this.#evaluated.evaluation : undefined;
    const { evaluation, weights } = await this.#withEvaluationWeights(async () => ({
      evaluation: known ?? (await this.#evaluateNow(signal)),
      weights: await storedVariables(this.model.variables()),
    }));
    const { batchSize, loss, data } = config;
    const meanColour = await evaluateMeanColour(dataset.evaluationBatches({ batchSize }), { loss, signal });
    const result = {
      evaluation,
      untrained,
      meanColour,
      training: trainingFigures(this.#stepSeconds, batchSize),
      conventions: evaluationCard(evaluation, {
        loss,
        data,
        set: dataset.heldOutFiles.length > 0 ? "held-out files" : "training files",
      }),
      dir: config.out,
    };
    this.#hooks.onPhase?.("saving");
    const { conventions } = result;
    const figures = summaryFigures(result, {
      description: this.describe(),
      brokenFiles: dataset.broken.length,
      weightAverage: this.#average !== null,
      seed: config.seed,
    });
    await this.#recorder?.finish({ weights, evaluation, conventions, figures });
    return result;
  }

  #evaluateNow(signal: AbortSignal | undefined): Promise<Evaluation> {
    const { batchSize, loss } = this.config;
    return evaluateModel(this.model, this.dataset.evaluationBatches({ batchSize }), { loss, signal });
  }

  #withEvaluationWeights<T>(body: () => Promise<T>): Promise<T> {
    return this.#average === null ? body() : this.#average.during(body);
  }
}

/** Takes the first item and closes the iteration. */
async function first<T>(items: AsyncIterable<T>): Promise<T | undefined> {
  for await (const item of items) return item;
  return undefined;
}
