import { type Engine, selectEngine } from "../backend/index.js";
import { withoutUndefined, withTexts } from "../core/objects.js";
import {
  type BrokenImage,
  ENLARGEMENT_SAMPLE,
  type Enlargement,
  type FindImagesOptions,
  type FoundImages,
  findDatasetImages,
  ImageDataset,
  type ImageNote,
} from "../data/index.js";
import { type Evaluation, evaluateModel } from "../evaluation/index.js";
import { prepareObjectives } from "../losses/index.js";
import type { ObjectiveConfig } from "../losses/registry/index.js";
import type { InitializationProgress } from "../quantizers/index.js";
import { CodeMeter } from "./code-meter.js";
import { type LoggerFailure, Loggers, type RunLogger } from "./loggers/index.js";
import { createModelState, type ModelState, type WeightOrigin } from "./model-state.js";
import type { RunConfig } from "./run-config.js";
import { checkSize } from "./size-check.js";
import { UsageMeter } from "./usage-meter.js";

/** What a run is doing, for those who watch it. */
export type TrainingPhase = "initializing" | "untrained" | "training" | "evaluating" | "saving";

/**
 * What a watcher may want to be told besides the metrics, and which folders are written meanwhile besides the run's own
 * (`outputs`).
 */
export interface TrainerHooks
  extends Pick<FindImagesOptions, "onPassedOver" | "onLeftOut" | "onFetch" | "outputs"> {
  /** Finds the images in the place of `findDatasetImages`: for those who have several runs of the same images. */
  readonly find?: typeof findDatasetImages;
  /** Threads inside one operator in the place of the run's own, which its folder keeps: for those who train another's run. */
  readonly threads?: number;
  /**
   * Where files that the objectives name lie here, by the names that they have in the configuration, which the run's folder
   * keeps; by default they lie where it says.
   */
  readonly places?: ReadonlyMap<string, string>;
  /** Called once for each image found broken. */
  readonly onBroken?: (broken: BrokenImage) => void;
  /** Called once for each note on how an image was read. */
  readonly onNote?: (note: ImageNote) => void;
  /** Called when the run turns to something else. */
  readonly onPhase?: (phase: TrainingPhase) => void;
  /** Called now and then while the first codes are being chosen. */
  readonly onInitialization?: (progress: InitializationProgress) => void;
  /** Get everything that the run records; default none. */
  readonly loggers?: readonly RunLogger[];
  /**
   * Called for a logger that fails, which gets no further event; the run goes on without it. Where absent, the run ends
   * with a LoggerError, and can be resumed.
   */
  readonly onLoggerFailed?: (failure: LoggerFailure) => void;
}

/** What a run consists of in memory: everything that its parts work on. */
export interface Run {
  readonly config: RunConfig;
  readonly dataset: ImageDataset;
  /** How the images are enlarged for the crops; null where none could be looked at. */
  readonly enlargement: Enlargement | null;
  readonly engine: Engine;
  readonly state: ModelState;
  readonly usage: UsageMeter;
  /** null where the life of codes is not recorded. */
  readonly codes: CodeMeter | null;
  readonly hooks: TrainerHooks;
  readonly loggers: Loggers;
}

/**
 * Chooses the engine, finds the images and makes the model. Writes nothing.
 *
 * @throws as `Trainer.create`
 */
export async function openRun(config: RunConfig, hooks: TrainerHooks, origin: WeightOrigin): Promise<Run> {
  const { data, seed, engine, device } = config;
  const threads = hooks.threads ?? config.threads;
  const chosen = await selectEngine({ engine, device, ...(threads === null ? {} : { threads }) });
  const {
    find = findDatasetImages,
    outputs = [],
    onBroken,
    onNote,
    onPassedOver,
    onLeftOut,
    onFetch,
  } = hooks;
  const own = config.out === null ? [] : [config.out];
  const told = withoutUndefined({ onBroken, onNote, onPassedOver, onLeftOut, onFetch });
  const found = await find(data, { ...told, outputs: [...outputs, ...own] });
  const dataset = await ImageDataset.open(data, seed, { ...told, found });
  const enlargement = await checkSize(config, await dataset.train.sample(ENLARGEMENT_SAMPLE));
  // Images that cannot be read should be known before anything is written, or an earlier run removed.
  await first(dataset.trainBatches({ batchSize: 1 }));
  await first(dataset.evaluationBatches({ batchSize: 1 }));
  const { state, objectives } = await createState(config, origin, hooks.places);
  const { quantizer } = state.model;
  const { codebookSize, numCodebooks } = quantizer;
  const usage = new UsageMeter({ codebookSize, numCodebooks, window: config.usageWindow });
  const recordsCodes = config.out !== null && config.timelineRecords > 0 && CodeMeter.follows(quantizer);
  const codes = recordsCodes ? new CodeMeter(quantizer) : null;
  return {
    // A run that is resumed or repeated has the images that it had.
    config: { ...config, data: { ...data, images: pinnedImages(found) }, objectives },
    dataset,
    enlargement,
    engine: chosen,
    state,
    usage,
    codes,
    hooks,
    loggers: new Loggers(hooks.loggers, hooks.onLoggerFailed),
  };
}

/** The model with its objectives, and these with what their files are known by. */
async function createState(
  config: RunConfig,
  origin: WeightOrigin,
  places: TrainerHooks["places"] = new Map(),
): Promise<{ readonly state: ModelState; readonly objectives: readonly ObjectiveConfig[] }> {
  const names = new Map([...places].map(([name, place]) => [place, name]));
  const prepared = await prepareObjectives(withTexts(config.objectives, places));
  try {
    const state = createModelState(config, origin, prepared);
    const objectives = withTexts(
      prepared.map((each) => each.config),
      names,
    );
    return { state, objectives };
  } catch (error) {
    for (const each of prepared) each.dispose();
    throw error;
  }
}

/** As a configuration has them. */
function pinnedImages({ pinned }: FoundImages): RunConfig["data"]["images"] {
  return typeof pinned === "string" || pinned === null ? pinned : [...pinned];
}

/** Takes the first item and closes the iteration. */
async function first<T>(items: AsyncIterable<T>): Promise<T | undefined> {
  for await (const item of items) return item;
  return undefined;
}

/**
 * Measures a run's model on its evaluation images (the held-out ones, or the training images when none are held out),
 * with the averaged weights where there are some.
 *
 * @throws as `evaluateModel`, and the signal's reason
 */
export function evaluateRun(run: Run, signal: AbortSignal | undefined): Promise<Evaluation> {
  return withEvaluationWeights(run, () => evaluateAsIs(run, signal));
}

/** The same, with the weights as the model has them now. */
export function evaluateAsIs(
  { config, dataset, state }: Run,
  signal: AbortSignal | undefined,
): Promise<Evaluation> {
  const { batchSize, loss } = config;
  return evaluateModel(state.model, dataset.evaluationBatches({ batchSize }), { loss, signal });
}

/** Runs `body` while the model has the weights that are evaluated and exported. */
export function withEvaluationWeights<T>({ state: { average } }: Run, body: () => Promise<T>): Promise<T> {
  return average === null ? body() : average.during(body);
}
