import { z } from "zod";
import type { DeviceName, EngineName } from "../../backend/index.js";
import type { DataConfig, FindImagesOptions, ImageNote } from "../../data/index.js";
import {
  type Evaluation,
  type EvaluationFigures,
  type EvaluationNetworks,
  IMAGES_PER_PART,
} from "../../evaluation/index.js";
import type { ReconstructionLossConfig } from "../../losses/index.js";
import type { LoadedModel } from "../../tokenizer/index.js";
import { type QueueOptions, taskRules } from "../task-rules.js";
import type { TaskState } from "../task-state.js";

/** A network that is open here, and the files that workers open. */
export interface NetworkOnQueue {
  /** The ONNX file, or the weights of a network of a known kind. */
  readonly file: string;
  /** Of LPIPS by a known network: which, and its heads. */
  readonly kind?: string;
  readonly heads?: string;
}

/** What is measured, and how. */
export interface EvaluationRequest {
  /** Loaded here, each with the path that it was loaded from. */
  readonly models: readonly { readonly path: string; readonly loaded: LoadedModel }[];
  /** As `ImageDataset.open` takes it, with `heldOut` 0: all images are measured. */
  readonly data: DataConfig;
  readonly loss: ReconstructionLossConfig;
  readonly batchSize: number;
  readonly networks?: EvaluationNetworks;
  /** Of each network that is given, where it lies in the shared folder. */
  readonly networkFiles?: Readonly<Partial<Record<keyof EvaluationNetworks, NetworkOnQueue>>>;
  /** What this process computes with, and workers do too; threads: default one a processor. */
  readonly engine?: {
    readonly engine?: EngineName | "auto" | undefined;
    readonly device?: DeviceName | undefined;
    readonly threads?: number | undefined;
  };
}

/** How far an evaluation is, over all workers. */
export interface EvaluationProgress extends TaskState {
  /** Images that are measured, each counted with each model; between whole pieces an estimate. */
  readonly images: number;
  /** At most. */
  readonly imagesTotal: number;
}

export interface QueuedEvaluationOptions extends QueueOptions, FindImagesOptions {
  /** Images in a piece. Figures may differ in their last digits with another number. Default: `IMAGES_PER_PART`. */
  readonly imagesPerPart?: number;
  /** Pieces that workers did for an earlier submitter of the same work count. Default false: they are forgotten. */
  readonly resume?: boolean;
  readonly onNote?: (note: ImageNote) => void;
  readonly onProgress?: (progress: EvaluationProgress) => void;
  readonly signal?: AbortSignal;
}

/** What was measured of each model, and of the mean colour. */
export interface QueuedEvaluation {
  readonly models: readonly Omit<Evaluation, "examples">[];
  readonly meanColour: EvaluationFigures;
}

/** How an evaluation is cut up and handed out. */
export const rulesSchema = z.object({
  ...taskRules,
  imagesPerPart: z.int().min(1).max(100_000).default(IMAGES_PER_PART),
});
