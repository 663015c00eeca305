import type { FindImagesOptions, ImageNote } from "../../data/index.js";
import type { RunSummary } from "../../runs/index.js";
import type { RunIdentity } from "../../training/index.js";
import type { QueueOptions } from "../task-rules.js";
import type { TaskState } from "../task-state.js";

/** How far a comparison is, over all workers: pieces are runs. */
export interface ComparisonProgress extends TaskState {
  /** Steps of all runs that are done, those of runs under way included. */
  readonly steps: number;
  readonly stepsTotal: number;
}

/** What `compareQuantizers` and `resumeComparison` take beside what is compared. */
export interface QueuedComparisonOptions extends QueueOptions, FindImagesOptions {
  readonly onNote?: (note: ImageNote) => void;
  readonly onProgress?: (progress: ComparisonProgress) => void;
  readonly signal?: AbortSignal;
}

/** What a comparison on a queue tells as its runs come, in their order. */
export type QueuedComparisonEvent =
  /** A worker has trained it, and it is in its place. */
  | (RunIdentity & { readonly type: "run-end"; readonly summary: RunSummary })
  /** The run was finished already. */
  | (RunIdentity & { readonly type: "run-kept" });
