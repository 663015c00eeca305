import { pictureGrid } from "../data/index.js";
import type { Evaluation } from "../evaluation/index.js";
import type { FolderLock, JsonObject, TensorMap } from "../files/index.js";
import type { CodeRecord, MetricCard } from "../metrics/index.js";
import {
  type Checkpoint,
  type Checkpoints,
  type CodeTimelineLog,
  type LoadedCheckpoint,
  type MetricsLog,
  originFields,
  originOf,
  RunFolder,
  type TimelineShape,
} from "../runs/index.js";
import { isRecorded } from "./recorded-steps.js";
import { type RunConfig, savedConfig } from "./run-config.js";
import { completedStep, type LogEnds, progressOf, progressToJson, type RunProgress } from "./run-progress.js";
import { metricsToRecord, type StepMetrics } from "./step-metrics.js";

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

/** PNG files of the same few images, and of what the model makes of them. */
export interface StripPictures {
  readonly originals: Uint8Array;
  readonly reconstructions: Uint8Array;
}

/** A run folder that is being written. */
interface OpenFolder {
  readonly folder: RunFolder;
  readonly lock: FolderLock;
  /** Of the codebooks whose life is recorded; null for none. */
  readonly shape: TimelineShape | null;
}

/** Before step 1. */
const START: LogEnds = { metricsOffset: 0, metricsKeys: [], timelineOffset: 0 };

/** Writes one run's folder: what is to be written where and when, and nothing of how training goes. */
export class RunRecorder {
  readonly #config: RunConfig;
  readonly #folder: RunFolder;
  readonly #lock: FolderLock;
  readonly #checkpoints: Checkpoints;
  readonly #shape: TimelineShape | null;
  #logs: RunLogs;
  #flushed = performance.now();
  /** The step of the newest checkpoint; 0 before the first. */
  #savedStep: number;
  /** Where the files ended before a step whose evaluation is still to come. */
  #beforePending: LogEnds | null = null;
  #hasOriginals = false;

  private constructor(
    config: RunConfig,
    { folder, lock, shape }: OpenFolder,
    { logs, savedStep }: { readonly logs: RunLogs; readonly savedStep: number },
  ) {
    this.#config = config;
    this.#folder = folder;
    this.#lock = lock;
    this.#shape = shape;
    this.#logs = logs;
    this.#checkpoints = folder.checkpoints({ keep: KEPT_CHECKPOINTS });
    this.#savedStep = savedStep;
  }

  /**
   * Makes the folder and writes the config.
   *
   * @param shape of the codebooks whose life is recorded; null for none
   * @throws VqkitError("run") when the folder is taken; VqkitError("locked") when another process writes there;
   * VqkitError("file")
   */
  static async create(dir: string, config: RunConfig, shape: TimelineShape | null): Promise<RunRecorder> {
    const { overwrite } = config;
    await RunFolder.check(dir, { overwrite }); // before anything is written into a folder that is not ours
    const lock = await RunFolder.lock(dir);
    try {
      const folder = await RunFolder.create(dir, { overwrite });
      await folder.writeConfig(savedConfig(config));
      const logs = await RunLogs.open(folder, shape, START);
      return new RunRecorder(config, { folder, lock, shape }, { logs, savedStep: 0 });
    } catch (error) {
      lock.release();
      throw error;
    }
  }

  /**
   * Goes on with a run: cuts its files back to where the checkpoint was made, and clears what a killed process left.
   *
   * @param open.lock of the folder; the recorder's from here on, also when this fails
   * @param progress of the checkpoint that the run continues from
   * @throws VqkitError("file"); VqkitError("format") when a file is shorter than it was
   */
  static async resume(
    config: RunConfig,
    { folder, lock, shape }: OpenFolder,
    progress: RunProgress,
  ): Promise<RunRecorder> {
    try {
      await folder.removeTemporaries();
      // First of all: a checkpoint whose metrics are cut off could not be loaded any more.
      await folder.checkpoints({ keep: KEPT_CHECKPOINTS }).prune(progress.step);
      const logs = await RunLogs.open(folder, shape, progress);
      const savedStep = completedStep(progress);
      try {
        await folder.strips().removeAfter(savedStep);
        await folder.removeSummary();
        await folder.writeConfig(savedConfig(config));
      } catch (error) {
        await logs.close();
        throw error;
      }
      return new RunRecorder(config, { folder, lock, shape }, { logs, savedStep });
    } catch (error) {
      lock.release();
      throw error;
    }
  }

  /** Logs a step if it is to be recorded (`isRecorded`). */
  async step(metrics: StepMetrics): Promise<void> {
    if (isRecorded(metrics, this.#config)) await this.#logs.metrics.append(metricsToRecord(metrics));
    if (performance.now() - this.#flushed < FLUSH_MILLISECONDS) return;
    await this.#logs.metrics.flush();
    this.#flushed = performance.now();
  }

  /**
   * Logs a step whose evaluation was interrupted. A checkpoint from here on says that the metrics end before it: going
   * on, the run evaluates the step and logs it whole.
   */
  async pendingStep(metrics: StepMetrics): Promise<void> {
    await this.#logs.metrics.flush();
    this.#beforePending = this.#logs.ends;
    await this.step(metrics);
  }

  /** Adds a record to the timeline of codes, where one is kept. @throws VqkitError("file") */
  async codes(record: CodeRecord): Promise<void> {
    await this.#logs.timeline?.append(record);
  }

  /** Writes the picture of a step, and before the first that of the images themselves. @throws VqkitError("file") */
  async strip(step: number, { originals, reconstructions }: StripPictures): Promise<void> {
    const strips = this.#folder.strips();
    if (!this.#hasOriginals) await strips.writeOriginals(originals);
    this.#hasOriginals = true;
    await strips.write(step, reconstructions);
  }

  /** Whether a checkpoint of this step is missing. */
  lacks(step: number): boolean {
    return step > this.#savedStep;
  }

  /** Saves a checkpoint together with all metrics before it. */
  async checkpoint(
    content: Omit<Checkpoint, "state">,
    { best, progress }: { readonly best: boolean; readonly progress: RunProgress },
  ): Promise<void> {
    await this.#logs.sync();
    const state = {
      config: savedConfig(this.#config),
      ...progressToJson({ ...progress, ...(this.#beforePending ?? this.#logs.ends) }),
    };
    await this.#checkpoints.save({ ...content, state }, { best });
    this.#savedStep = content.step;
  }

  /**
   * Goes back to the newest checkpoint, with all files that grow.
   *
   * @returns null when there is no checkpoint, and nothing has changed
   * @throws VqkitError("run") when every checkpoint is broken; VqkitError("format" | "file")
   */
  async rollBack(): Promise<(LoadedCheckpoint & { readonly progress: RunProgress }) | null> {
    const loaded = await this.#checkpoints.loadNewest();
    if (loaded === null) return null;
    const progress = progressOf(loaded);
    await this.#logs.close();
    this.#logs = await RunLogs.open(this.#folder, this.#shape, progress);
    await this.#folder.strips().removeAfter(loaded.checkpoint.step);
    this.#savedStep = loaded.checkpoint.step;
    return { ...loaded, progress };
  }

  /** Writes what a finished run leaves; the summary last, so that its presence says that all is there. */
  async finish(finished: FinishedRun): Promise<void> {
    // A run that was stopped between saving its last step and removing an older one ends like one that was not.
    await this.#checkpoints.prune(this.#savedStep);
    await writeFinished(this.#folder, this.#config, finished);
  }

  /** Writes what is still buffered and gives the folder free. @throws VqkitError("file") */
  async close(): Promise<void> {
    try {
      await this.#logs.close();
    } finally {
      this.#lock.release();
    }
  }
}

/** Writes what the end of a run leaves into its folder; the summary last. */
export async function writeFinished(
  folder: RunFolder,
  config: RunConfig,
  { weights, evaluation, conventions, figures }: FinishedRun,
): Promise<void> {
  const saved = savedConfig(config);
  const { model, quantizer } = saved as { model: JsonObject; quantizer: JsonObject };
  await folder.writeModel({ weights, config: { model, quantizer, ...originFields(originOf(saved)) } });
  const { counts, scales, images, geometry, examples } = evaluation;
  await folder.writeUsage({ counts, images, geometry, ...(scales === undefined ? {} : { scales }) });
  const picture = await pictureGrid([{ images: examples.originals }, { images: examples.reconstructions }]);
  await folder.writeFile("reconstructions", picture.png);
  await folder.writeSummary({ conventions, figures: { ...figures, reconstructions: picture.geometry } });
}

/** The files of a run that grow as it trains: they are cut back, flushed and closed together. */
class RunLogs {
  readonly metrics: MetricsLog;
  /** null where no timeline of codes is kept. */
  readonly timeline: CodeTimelineLog | null;

  private constructor(metrics: MetricsLog, timeline: CodeTimelineLog | null) {
    this.metrics = metrics;
    this.timeline = timeline;
  }

  /**
   * Opens the files and cuts them back to where they are to grow from.
   *
   * @param shape of the codebooks that the timeline follows; null keeps none
   * @throws VqkitError("format") when they are shorter than that; VqkitError("file")
   */
  static async open(folder: RunFolder, shape: TimelineShape | null, ends: LogEnds): Promise<RunLogs> {
    const { metricsOffset: from, metricsKeys: keys, timelineOffset } = ends;
    const metrics = await folder.openMetrics({ from, keys });
    try {
      const timeline = shape && (await folder.openTimeline({ ...shape, from: timelineOffset }));
      return new RunLogs(metrics, timeline);
    } catch (error) {
      await metrics.close().catch(() => {
        // The first error says what went wrong.
      });
      throw error;
    }
  }

  /** Where the files end, once what is buffered has been written. */
  get ends(): LogEnds {
    const { offset: metricsOffset, keys: metricsKeys } = this.metrics;
    return { metricsOffset, metricsKeys, timelineOffset: this.timeline?.offset ?? 0 };
  }

  /** Waits until everything is on disk. @throws VqkitError("file") */
  async sync(): Promise<void> {
    await this.metrics.sync();
    await this.timeline?.sync();
  }

  /** Writes what is buffered and closes the files, also when writing fails. @throws VqkitError("file") */
  async close(): Promise<void> {
    try {
      await this.metrics.close();
    } finally {
      await this.timeline?.close();
    }
  }
}
