import { pictureGrid } from "../data/index.js";
import type { Evaluation } from "../evaluation/index.js";
import type { MetricCard } from "../metrics/index.js";
import {
  type Checkpoint,
  type Checkpoints,
  type JsonObject,
  type LoadedCheckpoint,
  type MetricsLog,
  RunFolder,
  type RunLock,
  type TensorMap,
} from "../runs/index.js";
import { type RunConfig, savedConfig } from "./run-config.js";
import {
  metricsToRecord,
  parseSavedState,
  type RunState,
  type SavedState,
  stateToJson,
} from "./run-state.js";
import type { StepMetrics } from "./step-metrics.js";

/** Newest checkpoints that are kept; the best is kept besides. */
export const KEPT_CHECKPOINTS = 2;
/** Lines of metrics reach the file at least this often, so that a run can be watched. */
const FLUSH_MILLISECONDS = 1000;

/** What the end of a run leaves. */
export interface FinishedRun {
  readonly weights: TensorMap;
  readonly evaluation: Evaluation;
  readonly conventions: MetricCard;
  readonly figures: JsonObject;
}

/** Where in the files a run goes on. */
export interface RecordedPlace extends Pick<SavedState, "metricsOffset" | "metricsKeys"> {
  readonly step: number;
}

/** Writes one run's folder: what is to be written where and when, and nothing of how training goes. */
export class RunRecorder {
  readonly #config: RunConfig;
  readonly #folder: RunFolder;
  readonly #lock: RunLock;
  readonly #checkpoints: Checkpoints;
  #log: MetricsLog;
  #flushed = performance.now();
  /** The step of the newest checkpoint; 0 before the first. */
  #savedStep: number;
  /** Where the metrics ended before a step whose evaluation is still to come. */
  #beforePending: { readonly offset: number; readonly keys: readonly string[] } | null = null;

  private constructor(
    config: RunConfig,
    files: { readonly folder: RunFolder; readonly lock: RunLock; readonly log: MetricsLog },
    savedStep: number,
  ) {
    this.#config = config;
    this.#folder = files.folder;
    this.#lock = files.lock;
    this.#log = files.log;
    this.#checkpoints = files.folder.checkpoints({ keep: KEPT_CHECKPOINTS });
    this.#savedStep = savedStep;
  }

  /**
   * Makes the folder and writes the config.
   *
   * @throws VqkitError("run") when the folder is taken, or another process writes there; VqkitError("file")
   */
  static async create(dir: string, config: RunConfig): Promise<RunRecorder> {
    const { overwrite } = config;
    await RunFolder.check(dir, { overwrite }); // before anything is written into a folder that is not ours
    const lock = await RunFolder.lock(dir);
    try {
      const folder = await RunFolder.create(dir, { overwrite });
      await folder.writeConfig(savedConfig(config));
      return new RunRecorder(config, { folder, lock, log: await folder.openMetrics() }, 0);
    } catch (error) {
      lock.release();
      throw error;
    }
  }

  /**
   * Goes on with a run: cuts the metrics back to where the checkpoint was made, and clears what a killed process left.
   *
   * @param lock of the folder; the recorder's from here on, also when this fails
   * @throws VqkitError("file"); VqkitError("format") when the metrics are shorter than they were
   */
  static async resume(
    config: RunConfig,
    { folder, lock }: { readonly folder: RunFolder; readonly lock: RunLock },
    place: RecordedPlace,
  ): Promise<RunRecorder> {
    try {
      await folder.removeTemporaries();
      const log = await folder.openMetrics({ from: place.metricsOffset, keys: place.metricsKeys });
      try {
        await folder.removeSummary();
        await folder.writeConfig(savedConfig(config));
      } catch (error) {
        await log.close();
        throw error;
      }
      return new RunRecorder(config, { folder, lock, log }, place.step);
    } catch (error) {
      lock.release();
      throw error;
    }
  }

  /** Logs a step if `logEvery` asks for it; the first, the last and every step out of the ordinary always. */
  async step(metrics: StepMetrics): Promise<void> {
    const { logEvery, steps } = this.#config;
    const { step, evaluationReconstructionLoss: evaluated, nonFinite } = metrics;
    const special = evaluated !== undefined || nonFinite !== undefined;
    if (step === 1 || step === steps || step % logEvery === 0 || special) {
      await this.#log.append(metricsToRecord(metrics));
    }
    if (performance.now() - this.#flushed < FLUSH_MILLISECONDS) return;
    await this.#log.flush();
    this.#flushed = performance.now();
  }

  /**
   * Logs a step whose evaluation was interrupted. A checkpoint from here on says that the metrics end before it: going
   * on, the run evaluates the step and logs it whole.
   */
  async pendingStep(metrics: StepMetrics): Promise<void> {
    await this.#log.flush();
    this.#beforePending = { offset: this.#log.offset, keys: this.#log.keys };
    await this.step(metrics);
  }

  /** Whether a checkpoint of this step is missing. */
  lacks(step: number): boolean {
    return step > this.#savedStep;
  }

  /** Saves a checkpoint together with all metrics before it. */
  async checkpoint(
    content: Omit<Checkpoint, "state">,
    options: { readonly best: boolean; readonly state: RunState },
  ): Promise<void> {
    await this.#log.sync();
    const { offset, keys } = this.#beforePending ?? this.#log;
    const state = {
      config: savedConfig(this.#config),
      metricsOffset: offset,
      metricsKeys: keys,
      progress: stateToJson(options.state),
    };
    await this.#checkpoints.save({ ...content, state }, { best: options.best });
    this.#savedStep = content.step;
  }

  /**
   * Goes back to the newest checkpoint, the metrics too.
   *
   * @returns null when there is no checkpoint, and nothing has changed
   * @throws VqkitError("run") when every checkpoint is broken; VqkitError("format" | "file")
   */
  async rollBack(): Promise<(LoadedCheckpoint & { readonly state: RunState }) | null> {
    const loaded = await this.#checkpoints.loadNewest();
    if (loaded === null) return null;
    const { metricsOffset, metricsKeys, progress } = parseSavedState(loaded.checkpoint.state, loaded.path);
    await this.#log.close();
    this.#log = await this.#folder.openMetrics({ from: metricsOffset, keys: metricsKeys });
    this.#savedStep = loaded.checkpoint.step;
    return { ...loaded, state: progress };
  }

  /** Writes what a finished run leaves; the summary last, so that its presence says that all is there. */
  async finish({ weights, evaluation, conventions, figures }: FinishedRun): Promise<void> {
    const { model, quantizer } = savedConfig(this.#config) as { model: JsonObject; quantizer: JsonObject };
    await this.#folder.writeModel({ weights, config: { model, quantizer } });
    const { counts, images, geometry, examples } = evaluation;
    await this.#folder.writeUsage({ counts, images, geometry });
    // A run that was stopped between saving its last step and removing an older one ends like one that was not.
    await this.#checkpoints.prune(this.#savedStep);
    const picture = await pictureGrid([{ images: examples.originals }, { images: examples.reconstructions }]);
    await this.#folder.writeFile("reconstructions", picture.png);
    await this.#folder.writeSummary({
      conventions,
      figures: { ...figures, reconstructions: picture.geometry },
    });
  }

  /** Writes what is still buffered and gives the folder free. @throws VqkitError("file") */
  async close(): Promise<void> {
    try {
      await this.#log.close();
    } finally {
      this.#lock.release();
    }
  }
}
