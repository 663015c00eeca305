import type { BrokenImage, FindOptions, ImageNote } from "../data/index.js";
import type { InitializationProgress } from "../quantizers/index.js";

/** What a run is doing, for those who watch it. */
export type TrainingPhase = "initializing" | "untrained" | "training" | "evaluating" | "saving";

/**
 * What a watcher may want to be told besides the metrics, and which folders are written meanwhile besides the run's own
 * (`outputs`).
 */
export interface TrainerHooks extends Pick<FindOptions, "onPassedOver" | "outputs"> {
  /** Called once for each image file found broken. */
  readonly onBroken?: (broken: BrokenImage) => void;
  /** Called once for each note on how an image file was read. */
  readonly onNote?: (note: ImageNote) => void;
  /** Called when the run turns to something else. */
  readonly onPhase?: (phase: TrainingPhase) => void;
  /** Called now and then while the first codes are being chosen. */
  readonly onInitialization?: (progress: InitializationProgress) => void;
}
