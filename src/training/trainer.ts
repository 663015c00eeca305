import type { ImageAutoencoder } from "../autoencoder/index.js";
import type { Engine } from "../backend/index.js";
import { VqkitError } from "../core/errors.js";
import type { ImageDataset } from "../data/index.js";
import type { Evaluation } from "../evaluation/index.js";
import { RunFolder } from "../runs/index.js";
import { describeRun } from "./describe-run.js";
import { finishRun } from "./finish-run.js";
import { LoggerError } from "./loggers/index.js";
import { disposeModelState, restoreState } from "./model-state.js";
import { prepareRun } from "./prepare-run.js";
import { openResumable, type ResumableRun, type ResumedFrom, type ResumeOptions } from "./resume-run.js";
import { evaluateRun, openRun, type Run, type TrainerHooks } from "./run.js";
import type { RunConfig, RunOptions } from "./run-config.js";
import type { RunDescription } from "./run-description.js";
import { planRun, RunPlan } from "./run-plan.js";
import { checkSameFiles, completedStep, initialProgress, type RunProgress } from "./run-progress.js";
import { RunRecorder } from "./run-recorder.js";
import { readSource, type SourceModel, takeWeights } from "./source-model.js";
import type { StepMetrics } from "./step-metrics.js";
import { TrainingLoop } from "./training-loop.js";
import type { TrainingResult } from "./training-result.js";

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
  readonly #run: Run;
  #resumable: ResumableRun | null;
  #started = false;
  #progress: RunProgress;
  #result: TrainingResult | null = null;

  private constructor(run: Run, resumable: ResumableRun | null) {
    this.#run = run;
    this.config = run.config;
    this.model = run.state.model;
    this.dataset = run.dataset;
    this.engine = run.engine;
    this.resumed = resumable?.from ?? null;
    this.#resumable = resumable;
    this.#progress = resumable?.progress ?? initialProgress(run.dataset);
  }

  /**
   * Checks the options, chooses the engine, finds the images and builds the model. Writes nothing: `run` does.
   *
   * @throws ConfigError that names the wrong option, OversizeError among them; VqkitError("run") when the folder is
   * taken; VqkitError("locked") when another process writes there; VqkitError("data") when there is no image, or none that can be read; BackendError when the engine cannot be
   * used
   */
  static async create(options: RunOptions | RunConfig | RunPlan, hooks: TrainerHooks = {}): Promise<Trainer> {
    const { config, source } = options instanceof RunPlan ? options : await planRun(options);
    const { out, overwrite } = config;
    if (out !== null) await RunFolder.check(out, { overwrite });
    return Trainer.#build(config, hooks, { resumable: null, source });
  }

  /**
   * Resumes a run that was interrupted or killed, or a finished one that is to train further: `run` then continues from
   * its newest whole checkpoint, or from its best (`checkpoint: "best"`). From its newest, on the same machine, version
   * and number of threads, the run ends in the same bytes as one that was never interrupted: weights, metrics (timings
   * aside) and figures. (One exception: a later rollback of `onNan` may go back to the checkpoint that the interruption
   * made.)
   *
   * The folder belongs to this trainer until `run` or `dispose` ends.
   *
   * @param dir the run folder
   * @param changes options instead of the run's own: `changeableFields`, all others must be as they were;
   * and which checkpoint to resume from
   * @throws ConfigError naming an option that may not change, or `data.images` when the files are others now;
   * VqkitError("run") when there is no run, it is finished, or each of its checkpoints is damaged; VqkitError("locked")
   * when another process writes it; VqkitError("format" | "file"); otherwise as `create`
   */
  static async resume(dir: string, hooks: TrainerHooks = {}, changes: ResumeOptions = {}): Promise<Trainer> {
    const resumable = await openResumable(dir, changes);
    try {
      const { config, loaded } = resumable;
      // A checkpoint has all weights; without one the run begins again.
      const source = loaded === null ? await readSource(config.from) : null;
      return await Trainer.#build(config, hooks, { resumable, source });
    } catch (error) {
      resumable.lock.release();
      throw error;
    }
  }

  /** @param source the model that a new run starts from */
  static async #build(
    config: RunConfig,
    hooks: TrainerHooks,
    { resumable, source }: { readonly resumable: ResumableRun | null; readonly source: SourceModel | null },
  ): Promise<Trainer> {
    const origin = { checkpoint: resumable?.loaded?.checkpoint, source: source ?? undefined };
    const run = await openRun(config, hooks, origin).catch((error: unknown) => {
      throw resumable === null ? error : withImagesPlace(error);
    });
    try {
      const { model, average } = run.state;
      if (source !== null) {
        takeWeights(model, source, config);
        average?.reset();
      }
      if (resumable !== null) restoreRun(run, resumable);
      return new Trainer(run, resumable);
    } catch (error) {
      disposeModelState(run.state);
      throw error;
    }
  }

  /** What the run is made of: parameters, compute per image, images, and what to be warned of. */
  describe(): RunDescription {
    return describeRun(this.#run);
  }

  /** What the finished run found; null before. */
  get result(): TrainingResult | null {
    return this.#result;
  }

  /**
   * Trains, one step for each turn of the loop. A trainer runs once; one that resumes yields the steps that are left.
   *
   * When the loop ends by itself, the final model has been evaluated and all files of the run folder are written. When
   * the caller leaves the loop early or aborts, or a logger fails, the metrics and a checkpoint of the last step are
   * written first. When training fails, the metrics are written and the earlier checkpoints stand.
   *
   * @param options.signal ends the run before its next step; the loop then throws the signal's reason
   * @throws VqkitError("run") when the folder is taken, or at a second call; NonFiniteError when a loss or gradient
   * stopped being finite and `onNan` does not help; LoggerError where nobody is told of a logger that fails
   * (`onLoggerFailed`); VqkitError("data" | "file")
   */
  async *run(options: { readonly signal?: AbortSignal } = {}): AsyncGenerator<StepMetrics, void, undefined> {
    const { signal } = options;
    if (this.#started) {
      throw new VqkitError("run", "Trainer.run: expected one call, got a second. Create another trainer.");
    }
    signal?.throwIfAborted();
    this.#started = true;
    const recorder = await this.#openRecorder();
    const { loggers } = this.#run;
    let loop: TrainingLoop | undefined;
    let failed = false;
    let hasThrown = false;
    try {
      await this.#tellStart();
      // A checkpoint of step 0 has what is prepared.
      const isNew = this.resumed === null || this.resumed.path === null;
      if (isNew) {
        this.#progress = { ...this.#progress, untrained: await prepareRun(this.#run, signal) };
        const { untrained: figures } = this.#progress;
        if (figures !== null) await loggers.tell({ type: "evaluation", step: 0, figures });
      }
      this.#run.hooks.onPhase?.("training");
      loop = new TrainingLoop(this.#run, { recorder, progress: this.#progress });
      // From here on the run does not need the model that it starts from.
      if (isNew && this.config.from !== null) await loop.saveStart();
      yield* loop.run(signal);
      const result = await finishRun(this.#run, { loop, recorder }, signal);
      this.#result = result;
      await loggers.tell({ type: "summary", step: result.training.steps, result });
    } catch (error) {
      hasThrown = true;
      failed = !(signal?.aborted && error === signal.reason) && !(error instanceof LoggerError);
      throw error;
    } finally {
      // Without a result and without a failure the caller left the loop or aborted: what is not saved yet is saved.
      const unsaved = this.#result === null && !failed ? loop : undefined;
      try {
        await closeRecorder(recorder, { unsaved, failed });
      } finally {
        const ended = failed ? "failed" : "interrupted";
        await loggers.end(this.#result === null ? ended : "finished", hasThrown);
      }
    }
  }

  async #tellStart(): Promise<void> {
    const { config, resumed } = this;
    await this.#run.loggers.tell({
      type: "start",
      config,
      description: this.describe(),
      dir: config.out,
      step: completedStep(this.#progress),
      resumed: resumed !== null,
    });
  }

  async #openRecorder(): Promise<RunRecorder | null> {
    const { config } = this;
    const resumable = this.#resumable;
    const shape = this.#run.codes === null ? null : this.model.quantizer;
    if (resumable === null) return config.out === null ? null : RunRecorder.create(config.out, config, shape);
    this.#resumable = null; // the lock is the recorder's now
    const { folder, lock } = resumable;
    return RunRecorder.resume(config, { folder, lock, shape }, this.#progress);
  }

  /**
   * Evaluates the model as it stands on the held-out images (the training images when none are held out), with the
   * averaged weights where there are some.
   */
  async evaluate(options: { readonly signal?: AbortSignal | undefined } = {}): Promise<Evaluation> {
    return evaluateRun(this.#run, options.signal);
  }

  /** Frees the model, the optimizer's state and the average, and the folder of a run that was resumed and not run. */
  dispose(): void {
    disposeModelState(this.#run.state);
    this.#resumable?.lock.release();
    this.#resumable = null;
  }
}

/** Saves what a loop has not saved yet, and gives the folder free. */
async function closeRecorder(
  recorder: RunRecorder | null,
  { unsaved, failed }: { readonly unsaved: TrainingLoop | undefined; readonly failed: boolean },
): Promise<void> {
  try {
    await unsaved?.saveCheckpoint();
  } finally {
    await recorder?.close().catch((error: unknown) => {
      // Where training failed because the disk is full, so does this; the first error says it.
      if (!failed) throw error;
    });
  }
}

/** Brings a run to where its checkpoint was made; nothing where there is none. @throws ConfigError for other images */
function restoreRun({ dataset, state, usage, codes }: Run, { loaded, progress }: ResumableRun): void {
  if (loaded === null || progress === null) return;
  const { checkpoint } = loaded;
  checkSameFiles(dataset, progress);
  restoreState(state, checkpoint);
  usage.restore(checkpoint.usage);
  codes?.restore(checkpoint.timeline);
}

/** Says of images that are not found that they may be somewhere else now. */
function withImagesPlace(error: unknown): unknown {
  if (!(error instanceof VqkitError) || error.code !== "data") return error;
  const next =
    "The run resumes where its images are: if they have moved, name their new place (data.images).";
  return new VqkitError("data", `${error.message} ${next}`, { cause: error });
}
