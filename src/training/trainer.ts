import { ImageAutoencoder } from "../autoencoder/index.js";
import { type Engine, selectEngine } from "../backend/index.js";
import { VqkitError } from "../core/errors.js";
import { type ImageBatch, ImageDataset } from "../data/index.js";
import { type Evaluation, evaluateMeanColour, evaluateModel } from "../evaluation/index.js";
import { createQuantizer } from "../quantizers/index.js";
import { RunFolder } from "../runs/index.js";
import { conventionsOf, describeRun } from "./describe-run.js";
import { initializeCodebook } from "./initialize-codebook.js";
import { type ModelState, restoreState, storedState } from "./model-state.js";
import { NonFiniteError } from "./non-finite.js";
import { Adam } from "./optimizer.js";
import { checkSameFiles, openResumable, type ResumableRun, type ResumedFrom } from "./resume-run.js";
import { type RunConfig, type RunOptions, resolveRun } from "./run-config.js";
import { RunRecorder } from "./run-recorder.js";
import { initialState, type RunState } from "./run-state.js";
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
import { type StepOutcome, TrainingStep } from "./training-step.js";
import { UsageMeter } from "./usage-meter.js";
import { WeightAverage } from "./weight-average.js";

/** So many steps without a finite one, or so many times back to one checkpoint, and the run ends: it would never end. */
const LARGEST_NON_FINITE = 10;

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
  /** Where the run went on from; null for a new run. */
  readonly resumed: ResumedFrom | null;
  readonly #hooks: TrainerHooks;
  readonly #state: ModelState;
  readonly #usage: UsageMeter;
  readonly #stepSeconds: number[] = [];
  #resumable: ResumableRun | null = null;
  #recorder: RunRecorder | null = null;
  #started = false;
  #step = 0;
  #place: RunState;
  /** When this process would have started step 1 of the run. */
  #origin = 0;
  #evaluated: { readonly step: number; readonly evaluation: Evaluation } | undefined;
  /** Times that the run went back since its last checkpoint, and what the next step is to say of it. */
  #rollbacks = 0;
  #rolledBack: Pick<StepMetrics, "nonFinite" | "rolledBackFrom"> = {};
  #result: TrainingResult | null = null;

  private constructor(
    config: RunConfig,
    parts: {
      readonly dataset: ImageDataset;
      readonly engine: Engine;
      readonly hooks: TrainerHooks;
      readonly resumable: ResumableRun | null;
    },
  ) {
    this.config = config;
    this.dataset = parts.dataset;
    this.engine = parts.engine;
    this.#hooks = parts.hooks;
    this.#place = initialState(parts.dataset);
    this.resumed = parts.resumable?.from ?? null;
    const quantizer = createQuantizer(config.quantizer, config.seed);
    this.model = ImageAutoencoder.create({ config: config.model, quantizer, seed: config.seed });
    const variables = this.model.variables();
    const decay = config.weightAverageDecay;
    this.#state = {
      model: this.model,
      optimizer: new Adam(variables, config.optimizer),
      average: decay === null ? null : new WeightAverage(variables, decay),
    };
    const { codebookSize, numCodebooks } = quantizer;
    this.#usage = new UsageMeter({ codebookSize, numCodebooks, window: config.usageWindow });
  }

  /**
   * Checks the options, chooses the engine, finds the images and builds the model. Writes nothing: `run` does.
   *
   * @throws ConfigError that names the wrong option; VqkitError("run") when the folder is taken; VqkitError("data")
   * when there is no image, or none that can be read; BackendError when the engine cannot be used
   */
  static async create(options: RunOptions | RunConfig, hooks: TrainerHooks = {}): Promise<Trainer> {
    const config = resolveRun(options);
    const { out, overwrite } = config;
    if (out !== null) await RunFolder.check(out, { overwrite });
    return Trainer.#build(config, hooks, null);
  }

  /**
   * Takes up a run that was interrupted or killed, or a finished one that is to train further: `run` then goes on from
   * its newest whole checkpoint. On the same machine, version and number of threads the run ends in the same bytes as
   * one that was never interrupted: weights, metrics (timings aside) and figures. (One exception: a later rollback of
   * `onNan` may go back to the checkpoint that the interruption made.)
   *
   * The folder belongs to this trainer until `run` or `dispose` ends.
   *
   * @param dir the run folder
   * @param changes options to go on with instead of the run's own: `changeableFields`, all others must be as they were
   * @throws ConfigError naming an option that may not change, or `data.images` when the files are others now;
   * VqkitError("run") when there is no run, another process writes it, it is finished, or each of its checkpoints is
   * damaged; VqkitError("format" | "file"); otherwise as `create`
   */
  static async resume(
    dir: string,
    hooks: TrainerHooks = {},
    changes: Partial<RunOptions> = {},
  ): Promise<Trainer> {
    const resumable = await openResumable(dir, changes as Readonly<Record<string, unknown>>);
    let trainer: Trainer | undefined;
    try {
      trainer = await Trainer.#build(resumable.config, hooks, resumable);
      trainer.#continueFrom(resumable);
      return trainer;
    } catch (error) {
      resumable.lock.release();
      trainer?.dispose();
      throw error;
    }
  }

  static async #build(
    config: RunConfig,
    hooks: TrainerHooks,
    resumable: ResumableRun | null,
  ): Promise<Trainer> {
    const { data, seed, engine, device, threads } = config;
    const chosen = await selectEngine({ engine, device, ...(threads === null ? {} : { threads }) });
    const { onBroken } = hooks;
    const dataset = await ImageDataset.open(data, seed, onBroken === undefined ? {} : { onBroken });
    // Images that cannot be read should be known before anything is written, or an earlier run removed.
    await first(dataset.trainBatches({ batchSize: 1 }));
    await first(dataset.evaluationBatches({ batchSize: 1 }));
    return new Trainer(config, { dataset, engine: chosen, hooks, resumable });
  }

  #continueFrom(resumable: ResumableRun): void {
    this.#resumable = resumable;
    const { loaded, saved } = resumable;
    if (loaded === null || saved === null) return;
    checkSameFiles(this.dataset, saved.progress.files);
    restoreState(this.#state, loaded.checkpoint);
    this.#usage.restore(loaded.checkpoint.usage);
    this.#step = loaded.checkpoint.step;
    this.#place = saved.progress;
  }

  /** What the run is made of: parameters, compute per image, images, and what to be warned of. */
  describe(): RunDescription {
    return describeRun(this);
  }

  /** What the finished run found; null before. */
  get result(): TrainingResult | null {
    return this.#result;
  }

  /**
   * Trains, one step for each turn of the loop. A trainer runs once; one that goes on yields the steps that are left.
   *
   * When the loop ends by itself, the final model has been evaluated and all files of the run folder are written. When
   * the caller leaves the loop early or aborts, the metrics and a checkpoint of the last step are written first. When
   * training fails, the metrics are written and the earlier checkpoints stand.
   *
   * @param options.signal ends the run before its next step; the loop then throws the signal's reason
   * @throws VqkitError("run") when the folder is taken, or at a second call; NonFiniteError when a loss or gradient
   * stopped being finite and `onNan` does not help; VqkitError("data" | "file")
   */
  async *run(options: { readonly signal?: AbortSignal } = {}): AsyncGenerator<StepMetrics, void, undefined> {
    const { signal } = options;
    if (this.#started) {
      throw new VqkitError("run", "Trainer.run: expected one call, got a second. Create another trainer.");
    }
    signal?.throwIfAborted();
    this.#started = true;
    this.#recorder = await this.#openRecorder();
    let failed = false;
    try {
      if (this.#step === 0) await this.#prepare(signal);
      this.#hooks.onPhase?.("training");
      this.#origin = performance.now() - 1000 * this.#place.elapsedSeconds;
      yield* this.#steps(signal);
      this.#result = await this.#finish(signal);
    } catch (error) {
      failed = !(signal?.aborted && error === signal.reason);
      throw error;
    } finally {
      await this.#close({ failed });
    }
  }

  async #openRecorder(): Promise<RunRecorder | null> {
    const { config } = this;
    const resumable = this.#resumable;
    if (resumable === null) return config.out === null ? null : RunRecorder.create(config.out, config);
    this.#resumable = null; // the lock is the recorder's now
    const { metricsOffset = 0, metricsKeys = [] } = resumable.saved ?? {};
    // A step whose evaluation is still to come is saved again when it is complete.
    const step = this.#place.pending === null ? this.#step : this.#step - 1;
    return RunRecorder.resume(config, resumable, { step, metricsOffset, metricsKeys });
  }

  /** Saves what is not saved yet, unless training failed, and gives the folder free. */
  async #close({ failed }: { readonly failed: boolean }): Promise<void> {
    try {
      // Without a result and without a failure: the caller left the loop or aborted.
      if (this.#result === null && !failed) await this.#saveCheckpoint(false);
    } finally {
      await this.#recorder?.close().catch((error: unknown) => {
        // Where training failed because the disk is full, so does this; the first error says it.
        if (!failed) throw error;
      });
    }
  }

  /**
   * Evaluates the model as it stands on the held-out images (the training images when none are held out), with the
   * averaged weights where there are some.
   */
  async evaluate(options: { readonly signal?: AbortSignal | undefined } = {}): Promise<Evaluation> {
    return this.#withEvaluationWeights(() => this.#evaluateNow(options.signal));
  }

  /** Frees the model, the optimizer's state and the average, and the folder of a run that was taken up and not run. */
  dispose(): void {
    const { model, optimizer, average } = this.#state;
    optimizer.dispose();
    average?.dispose();
    model.dispose();
    this.#resumable?.lock.release();
    this.#resumable = null;
  }

  /** Brings the model to where step 1 finds it. */
  async #prepare(signal: AbortSignal | undefined): Promise<void> {
    const { batchSize, evaluateUntrained } = this.config;
    if (this.model.quantizer.latentsForInitialization > 0) {
      this.#hooks.onPhase?.("initializing");
      await initializeCodebook(this.model, this.dataset.trainBatches({ batchSize }), signal);
      this.#state.average?.reset();
    }
    if (!evaluateUntrained) return;
    this.#hooks.onPhase?.("untrained");
    this.#place = { ...this.#place, untrained: (await this.#evaluateNow(signal)).figures };
  }

  async *#steps(signal: AbortSignal | undefined): AsyncGenerator<StepMetrics, void, undefined> {
    const { steps, gradientClip, loss } = this.config;
    const { pending } = this.#place;
    if (pending !== null) {
      const metrics = await this.#completed(pending, signal);
      await this.#saveCheckpoint(false);
      yield metrics;
    }
    const trainingStep = new TrainingStep({ ...this.#state, loss, gradientClip });
    // One turn, and another one each time that the run goes back.
    while (this.#step < steps) yield* this.#stepsAhead(trainingStep, signal);
  }

  /** Trains from where the run stands to its end, or until it goes back to a checkpoint. */
  async *#stepsAhead(
    trainingStep: TrainingStep,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<StepMetrics, void, undefined> {
    const { steps, batchSize } = this.config;
    let asked = performance.now();
    const startStep = this.#step + this.#place.passedBatches;
    for await (const batch of this.dataset.trainBatches({ batchSize, startStep })) {
      signal?.throwIfAborted();
      const trained = await this.#trained(trainingStep, batch, asked);
      if (trained === null) return;
      yield await this.#completed(trained, signal);
      if (this.#step >= steps) return;
      asked = performance.now();
    }
  }

  /** Makes the next step. @returns null when the run went back instead */
  async #trained(trainingStep: TrainingStep, batch: ImageBatch, asked: number): Promise<StepMetrics | null> {
    const { config } = this;
    const step = this.#step + 1;
    const learningRate = learningRateAt(step, config);
    let outcome: StepOutcome;
    let event = this.#rolledBack;
    try {
      outcome = await trainingStep.run(batch, { step, learningRate });
      this.#place = { ...this.#place, skippedInARow: 0 };
    } catch (error) {
      if (!(error instanceof NonFiniteError)) throw error;
      if (config.onNan === "rollback") return this.#rollBack(error);
      if (config.onNan === "stop" || this.#place.skippedInARow >= LARGEST_NON_FINITE) throw error;
      this.#place = { ...this.#place, skippedInARow: this.#place.skippedInARow + 1 };
      outcome = error.outcome;
      event = { nonFinite: error.tensor };
    }
    const isSkipped = this.#place.skippedInARow > 0;
    this.#rolledBack = {};
    this.#step = step;
    const now = performance.now();
    const seconds = (now - asked) / 1000;
    this.#stepSeconds.push(seconds);
    const elapsedSeconds = (now - this.#origin) / 1000;
    const trainingSeconds = this.#place.trainingSeconds + seconds;
    this.#place = { ...this.#place, trainingSeconds, elapsedSeconds };
    return {
      step,
      ...outcome.losses,
      learningRate,
      gradientNorm: outcome.gradientNorm,
      quantizationError: outcome.quantizationError,
      ...(isSkipped ? this.#usage.figures() : this.#usage.add(outcome.indices)),
      imagesPerSecond: config.batchSize / seconds,
      elapsedSeconds,
      ...event,
      ...(isSkipped && { skipped: true as const }),
    };
  }

  /** Goes back to the newest checkpoint; the batches up to the bad one are not shown again. */
  async #rollBack(error: NonFiniteError): Promise<null> {
    if (this.#rollbacks++ >= LARGEST_NON_FINITE) throw error;
    const loaded = (await this.#recorder?.rollBack()) ?? null;
    if (loaded === null) throw error;
    const { checkpoint, state } = loaded;
    restoreState(this.#state, checkpoint);
    this.#usage.restore(checkpoint.usage);
    const { trainingSeconds, elapsedSeconds, passedBatches } = this.#place;
    const again = error.step - checkpoint.step;
    this.#place = { ...state, trainingSeconds, elapsedSeconds, passedBatches: passedBatches + again };
    this.#step = checkpoint.step;
    this.#rolledBack = { nonFinite: error.tensor, rolledBackFrom: error.step };
    return null;
  }

  /** Evaluates, logs and saves a step that has been trained, each where it is due. */
  async #completed(trained: StepMetrics, signal: AbortSignal | undefined): Promise<StepMetrics> {
    let metrics = trained;
    if (this.#isEvaluated(trained.step)) {
      this.#hooks.onPhase?.("evaluating");
      try {
        const evaluation = await this.evaluate({ signal });
        this.#evaluated = { step: trained.step, evaluation };
        metrics = { ...trained, ...evaluationFields(evaluation.figures) };
      } catch (error) {
        this.#place = { ...this.#place, pending: trained };
        await this.#recorder?.pendingStep(trained);
        throw error;
      }
      this.#hooks.onPhase?.("training");
    }
    this.#place = { ...this.#place, pending: null };
    await this.#recorder?.step(metrics);
    await this.#checkpointAt(trained.step);
    return metrics;
  }

  #isEvaluated(step: number): boolean {
    const { evaluateEvery, steps } = this.config;
    return evaluateEvery !== null && (step % evaluateEvery === 0 || step === steps);
  }

  /** Saves when it is due, and whenever the step is the best that was evaluated. */
  async #checkpointAt(step: number): Promise<void> {
    const { checkpointEvery, steps } = this.config;
    const { bestPsnr } = this.#place;
    const psnr = this.#evaluated?.step === step ? this.#evaluated.evaluation.figures.psnr : null;
    const best = psnr !== null && psnr > (bestPsnr ?? Number.NEGATIVE_INFINITY);
    if (best) this.#place = { ...this.#place, bestPsnr: psnr };
    const due = step === steps || (checkpointEvery !== null && step % checkpointEvery === 0);
    if (due || best) await this.#saveCheckpoint(best);
  }

  async #saveCheckpoint(best: boolean): Promise<void> {
    const recorder = this.#recorder;
    if (recorder === null || !recorder.lacks(this.#step)) return;
    const content = { step: this.#step, ...(await storedState(this.#state)), usage: this.#usage.state() };
    const state = { ...this.#place, brokenFiles: this.#brokenFiles() };
    await recorder.checkpoint(content, { best, state });
    this.#rollbacks = 0;
  }

  /** Found broken by this process, or before an interruption. */
  #brokenFiles(): string[] {
    const files = [...this.#place.brokenFiles, ...this.dataset.broken.map(({ file }) => file)];
    return [...new Set(files)].sort();
  }

  async #finish(signal: AbortSignal | undefined): Promise<TrainingResult> {
    const { config, dataset } = this;
    const { untrained, trainingSeconds } = this.#place;
    this.#hooks.onPhase?.("evaluating");
    const known = this.#evaluated?.step === this.#step ? this.#evaluated.evaluation : undefined;
    const { evaluation, weights } = await this.#withEvaluationWeights(async () => ({
      evaluation: known ?? (await this.#evaluateNow(signal)),
      weights: await storedVariables(this.model.variables()),
    }));
    const { batchSize, loss } = config;
    const meanColour = await evaluateMeanColour(dataset.evaluationBatches({ batchSize }), { loss, signal });
    const result = {
      evaluation,
      untrained,
      meanColour,
      training: trainingFigures({
        steps: this.#step,
        seconds: trainingSeconds,
        stepSeconds: this.#stepSeconds,
        batchSize,
      }),
      conventions: conventionsOf(evaluation, this),
      dir: config.out,
    };
    this.#hooks.onPhase?.("saving");
    const figures = summaryFigures(result, {
      description: this.describe(),
      brokenFiles: this.#brokenFiles().length,
      weightAverage: this.#state.average !== null,
      seed: config.seed,
    });
    await this.#recorder?.finish({ weights, evaluation, conventions: result.conventions, figures });
    return result;
  }

  #evaluateNow(signal: AbortSignal | undefined): Promise<Evaluation> {
    const { batchSize, loss } = this.config;
    return evaluateModel(this.model, this.dataset.evaluationBatches({ batchSize }), { loss, signal });
  }

  #withEvaluationWeights<T>(body: () => Promise<T>): Promise<T> {
    const { average } = this.#state;
    return average === null ? body() : average.during(body);
  }
}

/** Takes the first item and closes the iteration. */
async function first<T>(items: AsyncIterable<T>): Promise<T | undefined> {
  for await (const item of items) return item;
  return undefined;
}
