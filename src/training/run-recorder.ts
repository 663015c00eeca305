import { pictureGrid } from "../data/index.js";
import type { Evaluation } from "../evaluation/index.js";
import type { MetricCard } from "../metrics/index.js";
import {
  type Checkpoint,
  type Checkpoints,
  type JsonObject,
  type MetricsLog,
  RunFolder,
  type TensorMap,
} from "../runs/index.js";
import { type RunConfig, savedConfig } from "./run-config.js";
import type { StepMetrics } from "./step-metrics.js";

/** Newest checkpoints that are kept; the best is kept besides. */
const KEPT_CHECKPOINTS = 2;
/** Lines of metrics reach the file at least this often, so that a run can be watched. */
const FLUSH_MILLISECONDS = 1000;

/** What the end of a run leaves. */
export interface FinishedRun {
  readonly weights: TensorMap;
  readonly evaluation: Evaluation;
  readonly conventions: MetricCard;
  readonly figures: JsonObject;
}

/** Writes one run's folder: what is to be written where and when, and nothing of how training goes. */
export class RunRecorder {
  readonly #config: RunConfig;
  readonly #folder: RunFolder;
  readonly #log: MetricsLog;
  readonly #checkpoints: Checkpoints;
  #flushed = performance.now();
  /** The step of the newest checkpoint; 0 before the first. */
  #savedStep = 0;

  private constructor(config: RunConfig, folder: RunFolder, log: MetricsLog) {
    this.#config = config;
    this.#folder = folder;
    this.#log = log;
    this.#checkpoints = folder.checkpoints({ keep: KEPT_CHECKPOINTS });
  }

  /**
   * Makes the folder and writes the config.
   *
   * @throws VqkitError("run") when the folder is taken; VqkitError("file")
   */
  static async create(dir: string, config: RunConfig): Promise<RunRecorder> {
    const folder = await RunFolder.create(dir, { overwrite: config.overwrite });
    await folder.writeConfig(savedConfig(config));
    return new RunRecorder(config, folder, await folder.openMetrics());
  }

  /** Logs a step if `logEvery` asks for it; the first, the last and every evaluated step always. */
  async step({ usage: _usage, ...metrics }: StepMetrics): Promise<void> {
    const { logEvery, steps } = this.#config;
    const { step, evaluationReconstructionLoss: evaluated } = metrics;
    const due = step === 1 || step === steps || step % logEvery === 0 || evaluated !== undefined;
    if (due) await this.#log.append(metrics);
    if (performance.now() - this.#flushed < FLUSH_MILLISECONDS) return;
    await this.#log.flush();
    this.#flushed = performance.now();
  }

  /** Whether a checkpoint of this step is missing. */
  lacks(step: number): boolean {
    return step > this.#savedStep;
  }

  /** Saves a checkpoint together with all metrics before it. */
  async checkpoint(
    content: Omit<Checkpoint, "state">,
    options: { readonly best: boolean; readonly bestPsnr: number | null },
  ): Promise<void> {
    await this.#log.sync();
    const state = {
      config: savedConfig(this.#config),
      metricsOffset: this.#log.offset,
      bestPsnr: options.bestPsnr,
    };
    await this.#checkpoints.save({ ...content, state }, { best: options.best });
    this.#savedStep = content.step;
  }

  /** Writes what a finished run leaves; the summary last, so that its presence says that all is there. */
  async finish({ weights, evaluation, conventions, figures }: FinishedRun): Promise<void> {
    const { model, quantizer } = savedConfig(this.#config) as { model: JsonObject; quantizer: JsonObject };
    await this.#folder.writeModel({ weights, config: { model, quantizer } });
    const { counts, images, geometry, examples } = evaluation;
    await this.#folder.writeUsage({ counts, images, geometry });
    const picture = await pictureGrid([{ images: examples.originals }, { images: examples.reconstructions }]);
    await this.#folder.writeFile("reconstructions", picture.png);
    await this.#folder.writeSummary({
      conventions,
      figures: { ...figures, reconstructions: picture.geometry },
    });
  }

  /** Writes what is still buffered. @throws VqkitError("file") */
  async close(): Promise<void> {
    await this.#log.close();
  }
}
