import type { ImageBatch } from "../data/index.js";
import type { Evaluation } from "../evaluation/index.js";
import { type Phase, updateAt } from "../losses/index.js";
import { AccumulatedStep } from "./accumulated-step.js";
import { isStopped, monitored } from "./early-stop.js";
import type { RunEvent } from "./loggers/index.js";
import { restoreState, storedState } from "./model-state.js";
import { NonFiniteError } from "./non-finite.js";
import { isRecorded } from "./recorded-steps.js";
import { ReportRecords } from "./report-records.js";
import { evaluateRun, type Run } from "./run.js";
import { imagesOfStep } from "./run-config.js";
import { brokenFilesOf, completedStep, type RunProgress } from "./run-progress.js";
import type { RunRecorder } from "./run-recorder.js";
import type { StepOutcome } from "./step-figures.js";
import { evaluationFields, phaseField, type StepMetrics } from "./step-metrics.js";
import { type StepMaker, TrainingStep } from "./training-step.js";
import type { UsageFields } from "./usage-meter.js";

/** So many steps without a finite one, or so many times back to one checkpoint, and the run ends: it would never end. */
const LARGEST_NON_FINITE = 10;

/**
 * Makes a run's steps, and after each what is due: an evaluation, a line of metrics, a checkpoint. It decides what
 * becomes of a step that is not finite; the recorder knows where anything is written.
 */
export class TrainingLoop {
  readonly #run: Run;
  /** null for a run that writes nothing. */
  readonly #recorder: RunRecorder | null;
  readonly #records: ReportRecords;
  readonly #stepSeconds: number[] = [];
  #progress: RunProgress;
  /** When this process would have started step 1 of the run. */
  #origin = 0;
  #evaluated: { readonly step: number; readonly evaluation: Evaluation } | undefined;
  /** Times that the run went back since its last checkpoint, and what the next step is to say of it. */
  #rollbacks = 0;
  #rolledBack: Pick<StepMetrics, "nonFinite" | "rolledBackFrom"> = {};

  /** @param start.progress where the run stands; its tensors are in `run` */
  constructor(
    run: Run,
    { recorder, progress }: { readonly recorder: RunRecorder | null; readonly progress: RunProgress },
  ) {
    this.#run = run;
    this.#recorder = recorder;
    this.#records = new ReportRecords(run, recorder);
    this.#progress = progress;
  }

  /** Where the run stands. */
  get progress(): RunProgress {
    return this.#progress;
  }

  /** Seconds of each step that this loop made: from asking for the batch to having updated the weights. */
  get stepSeconds(): readonly number[] {
    return this.#stepSeconds;
  }

  /** The evaluation of the step that the run stands at, where it has been evaluated. */
  get evaluation(): Evaluation | undefined {
    return this.#evaluated?.step === this.#progress.step ? this.#evaluated.evaluation : undefined;
  }

  /** Whether the run ends before its last step: the figure that it is stopped by has not become better. */
  get isStopped(): boolean {
    const { monitored } = this.#progress;
    return monitored !== null && isStopped(monitored, this.#run.config);
  }

  /** Trains to the end of the run; yields each step when all that is due after it has been done. */
  async *run(signal: AbortSignal | undefined): AsyncGenerator<StepMetrics, void, undefined> {
    const { config, state } = this.#run;
    const { steps } = config;
    this.#origin = performance.now() - 1000 * this.#progress.elapsedSeconds;
    const { pending } = this.#progress;
    if (pending !== null) {
      const metrics = await this.#completed(pending, signal);
      await this.saveCheckpoint();
      yield metrics;
    }
    const parts = { ...state, seed: config.seed };
    const { accumulate } = config;
    const maker = accumulate > 1 ? new AccumulatedStep(parts, accumulate) : new TrainingStep(parts);
    try {
      // One turn, and another one each time that the run goes back.
      while (this.#progress.step < steps && !this.isStopped) yield* this.#stepsAhead(maker, signal);
    } finally {
      maker.dispose();
    }
  }

  /** Saves the present state, unless it is saved already or nothing is written. @throws VqkitError("file" | "numerics") */
  async saveCheckpoint({ best = false } = {}): Promise<void> {
    if (this.#recorder?.lacks(this.#progress.step)) await this.#save(best);
  }

  /** Saves the state before the first step. @throws as `saveCheckpoint` */
  async saveStart(): Promise<void> {
    await this.#save(false);
  }

  async #save(best: boolean): Promise<void> {
    const { state, usage, codes, dataset } = this.#run;
    const content = {
      step: this.#progress.step,
      ...(await storedState(state)),
      usage: usage.state(),
      timeline: codes?.state() ?? new Map(),
    };
    const brokenFiles = brokenFilesOf(this.#progress, dataset);
    try {
      if (this.#recorder !== null) await this.#tellCheckpoint();
    } finally {
      await this.#recorder?.checkpoint(content, { best, progress: { ...this.#progress, brokenFiles } });
      this.#rollbacks = 0;
    }
  }

  async #tellCheckpoint(): Promise<void> {
    await this.#run.loggers.tell({ type: "checkpoint", step: completedStep(this.#progress) });
  }

  /** Trains from where the run stands to its end, or until it goes back to a checkpoint. */
  async *#stepsAhead(
    maker: StepMaker,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<StepMetrics, void, undefined> {
    const { config, dataset } = this.#run;
    const { steps } = config;
    const batchSize = imagesOfStep(config);
    let asked = performance.now();
    const startStep = this.#progress.step + this.#progress.passedBatches;
    for await (const batch of dataset.trainBatches({ batchSize, startStep })) {
      signal?.throwIfAborted();
      const trained = await this.#trained(maker, batch, asked);
      if (trained === null) return;
      yield await this.#completed(trained, signal);
      if (this.#progress.step >= steps || this.isStopped) return;
      asked = performance.now();
    }
  }

  /** Makes the next step. @returns null when the run went back instead */
  async #trained(maker: StepMaker, batch: ImageBatch, asked: number): Promise<StepMetrics | null> {
    const { config, usage, state } = this.#run;
    const step = this.#progress.step + 1;
    let outcome: StepOutcome;
    let event = this.#rolledBack;
    try {
      outcome = await maker.run(batch, step, { check: this.#isSaved(step) });
      this.#progress = { ...this.#progress, skippedInARow: 0 };
    } catch (error) {
      if (!(error instanceof NonFiniteError)) throw error;
      if (config.onNan === "rollback") return this.#rollBack(error);
      if (config.onNan === "stop") throw error;
      if (this.#progress.skippedInARow >= LARGEST_NON_FINITE) {
        throw error.inSpiteOfPolicy(`The ${LARGEST_NON_FINITE} steps before it were skipped.`);
      }
      this.#progress = { ...this.#progress, skippedInARow: this.#progress.skippedInARow + 1 };
      outcome = error.outcome;
      event = { nonFinite: error.tensor };
    }
    const isSkipped = this.#progress.skippedInARow > 0;
    this.#rolledBack = {};
    this.#progress = { ...this.#progress, step };
    const { seconds, elapsedSeconds } = this.#timed(asked);
    return {
      step,
      ...outcome.losses,
      ...learningRates(state.phases, step),
      gradientNorm: outcome.gradientNorm,
      quantizationError: outcome.quantizationError,
      ...outcome.others,
      ...(isSkipped ? usage.figures() : this.#counted(outcome)),
      imagesPerSecond: imagesOfStep(config) / seconds,
      elapsedSeconds,
      ...event,
      ...(isSkipped && { skipped: true as const }),
    };
  }

  /** Takes the codes of the step that was just made into all counts. */
  #counted({ indices, replaced }: StepOutcome): UsageFields {
    const { config, dataset, usage, codes } = this.#run;
    codes?.add(indices, replaced);
    const firstSample = (this.#progress.step - 1 + this.#progress.passedBatches) * imagesOfStep(config);
    return usage.add(indices, Math.floor(firstSample / dataset.train.length));
  }

  /** Takes the time of a step that has just ended. */
  #timed(asked: number): { readonly seconds: number; readonly elapsedSeconds: number } {
    const now = performance.now();
    const seconds = (now - asked) / 1000;
    const elapsedSeconds = (now - this.#origin) / 1000;
    this.#stepSeconds.push(seconds);
    const trainingSeconds = this.#progress.trainingSeconds + seconds;
    this.#progress = { ...this.#progress, trainingSeconds, elapsedSeconds };
    return { seconds, elapsedSeconds };
  }

  /** Goes back to the newest checkpoint; the batches up to the bad one are not shown again. */
  async #rollBack(error: NonFiniteError): Promise<null> {
    const { state, usage, codes, loggers } = this.#run;
    if (this.#rollbacks++ >= LARGEST_NON_FINITE) {
      throw error.inSpiteOfPolicy(`The run went back ${LARGEST_NON_FINITE} times since its last checkpoint.`);
    }
    const loaded = (await this.#recorder?.rollBack()) ?? null;
    if (loaded === null) throw error.inSpiteOfPolicy("There is no checkpoint yet to go back to.");
    const { checkpoint, progress } = loaded;
    restoreState(state, checkpoint);
    usage.restore(checkpoint.usage);
    codes?.restore(checkpoint.timeline);
    const { trainingSeconds, elapsedSeconds, passedBatches } = this.#progress;
    const again = error.step - checkpoint.step;
    this.#progress = { ...progress, trainingSeconds, elapsedSeconds, passedBatches: passedBatches + again };
    this.#rolledBack = { nonFinite: error.tensor, rolledBackFrom: error.step };
    await loggers.tell({ type: "rollback", step: completedStep(progress) });
    return null;
  }

  /** Evaluates, records and saves a step that has been trained, each where it is due. */
  async #completed(trained: StepMetrics, signal: AbortSignal | undefined): Promise<StepMetrics> {
    const recorder = this.#recorder;
    const metrics = this.#isEvaluated(trained.step) ? await this.#evaluatedStep(trained, signal) : trained;
    this.#progress = { ...this.#progress, pending: null };
    const events = await this.#records.record(trained.step);
    await recorder?.step(metrics);
    try {
      await this.#run.loggers.tell(...this.#stepEvents(metrics), ...events);
    } finally {
      // A logger that fails may end the run, which is then to stand as after any other step.
      await this.#checkpointAt(trained.step);
    }
    return metrics;
  }

  /** What a step has for loggers. */
  #stepEvents(metrics: StepMetrics): RunEvent[] {
    const { step } = metrics;
    const { evaluation } = this;
    const events: RunEvent[] = isRecorded(metrics, this.#run.config) ? [{ type: "step", step, metrics }] : [];
    if (evaluation !== undefined) events.push({ type: "evaluation", step, figures: evaluation.figures });
    return events;
  }

  #isEvaluated(step: number): boolean {
    const { evaluateEvery, steps } = this.#run.config;
    return evaluateEvery !== null && (step % evaluateEvery === 0 || step === steps);
  }

  /** Evaluates a step; one whose evaluation is interrupted stays pending. */
  async #evaluatedStep(trained: StepMetrics, signal: AbortSignal | undefined): Promise<StepMetrics> {
    const { hooks } = this.#run;
    hooks.onPhase?.("evaluating");
    let evaluation: Evaluation;
    try {
      evaluation = await evaluateRun(this.#run, signal);
    } catch (error) {
      this.#progress = { ...this.#progress, pending: trained };
      await this.#recorder?.pendingStep(trained).catch(() => {
        // Why the evaluation ended has still to be told; a full disk is told of when the step is saved.
      });
      throw error;
    }
    this.#evaluated = { step: trained.step, evaluation };
    if (this.#run.config.stopAfter !== null) {
      const before = this.#progress.monitored ?? { best: null, since: 0 };
      const { figures } = evaluation;
      this.#progress = { ...this.#progress, monitored: monitored(before, figures, this.#run.config) };
    }
    hooks.onPhase?.("training");
    return { ...trained, ...evaluationFields(evaluation.figures) };
  }

  /** Saves when it is due, and whenever the step is the best that was evaluated. */
  async #checkpointAt(step: number): Promise<void> {
    const { bestPsnr } = this.#progress;
    const psnr = this.evaluation?.figures.psnr ?? null;
    const best = psnr !== null && psnr > (bestPsnr ?? Number.NEGATIVE_INFINITY);
    if (best) this.#progress = { ...this.#progress, bestPsnr: psnr };
    if (this.#isSaved(step) || best || this.isStopped) await this.saveCheckpoint({ best });
  }

  /** Whether a checkpoint of the step is due, however good it is. */
  #isSaved(step: number): boolean {
    const { checkpointEvery, steps } = this.#run.config;
    return step === steps || (checkpointEvery !== null && step % checkpointEvery === 0);
  }
}

/** Of each phase that is due, by the names that records have. */
function learningRates(phases: readonly Phase[], step: number): { readonly learningRate: number } {
  const due = phases.filter((phase) => updateAt(phase, step) !== undefined);
  const rates = due.map((phase) => [phaseField(phase.name, "learningRate"), phase.learningRate(step)]);
  return Object.fromEntries(rates) as { readonly learningRate: number }; // the model's phase is due at every step
}
