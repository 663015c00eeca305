import { createHash } from "node:crypto";
import { z } from "zod";
import { parseConfig } from "../core/config.js";
import { ConfigError, messageOf, VqkitError } from "../core/errors.js";
import type { ImageDataset } from "../data/index.js";
import type { EvaluationFigures } from "../evaluation/index.js";
import type { JsonObject } from "../files/index.js";
import type { LoadedCheckpoint } from "../runs/index.js";
import type { Monitored } from "./early-stop.js";
import { metricsToRecord, recordToMetrics, type StepMetrics } from "./step-metrics.js";

/** Where a run stands: everything but its tensors. */
export interface RunProgress {
  /** Steps done. */
  readonly step: number;
  /** The figures of the model before its first step; null where none were computed. */
  readonly untrained: EvaluationFigures | null;
  /** The best PSNR that was evaluated in training; null before the first. */
  readonly bestPsnr: number | null;
  /** What may end the run early; null where nothing does. */
  readonly monitored: Monitored | null;
  /** Batches that were passed over in going back: step s trains on batch s + passedBatches. */
  readonly passedBatches: number;
  /** Steps skipped one after another up to now. */
  readonly skippedInARow: number;
  /** Spent in steps. */
  readonly trainingSeconds: number;
  /** Since the start of step 1. */
  readonly elapsedSeconds: number;
  /** Images found broken, sorted. */
  readonly brokenFiles: readonly string[];
  /** Digest of what all training and held-out images are known by, in order. */
  readonly files: string;
  /** The step whose evaluation was interrupted: it is evaluated and logged when the run continues. */
  readonly pending: StepMetrics | null;
  /** Bytes of the metrics that belong to the last checkpoint; 0 before the first. */
  readonly metricsOffset: number;
  /** The order of the metrics' keys up to there. */
  readonly metricsKeys: readonly string[];
  /** Bytes of the timeline of codes, likewise; 0 without one. */
  readonly timelineOffset: number;
}

/** Where the files end that grow as a run trains. */
export type LogEnds = Pick<RunProgress, "metricsOffset" | "metricsKeys" | "timelineOffset">;

const figure = z.number().nullable();
const progressSchema = z.strictObject({
  untrained: z.record(z.string(), figure).nullable(),
  bestPsnr: figure,
  // Absent in what earlier versions wrote.
  monitored: z
    .strictObject({ best: figure, since: z.int().min(0) })
    .nullable()
    .default(null),
  passedBatches: z.int().min(0),
  skippedInARow: z.int().min(0),
  trainingSeconds: z.number().min(0),
  elapsedSeconds: z.number().min(0),
  brokenFiles: z.array(z.string()),
  files: z.string(),
  pending: z.record(z.string(), z.union([z.number(), z.string(), z.boolean()]).nullable()).nullable(),
});
const savedSchema = z.object({
  metricsOffset: z.int().min(0),
  metricsKeys: z.array(z.string()),
  timelineOffset: z.int().min(0),
  progress: progressSchema,
});

/** A run before its first step. */
export function initialProgress(dataset: ImageDataset): RunProgress {
  return {
    step: 0,
    untrained: null,
    bestPsnr: null,
    monitored: null,
    passedBatches: 0,
    skippedInARow: 0,
    trainingSeconds: 0,
    elapsedSeconds: 0,
    brokenFiles: [],
    files: filesDigest(dataset),
    pending: null,
    metricsOffset: 0,
    metricsKeys: [],
    timelineOffset: 0,
  };
}

/** The last step that is complete: one whose evaluation is still to come is not. */
export function completedStep({ step, pending }: RunProgress): number {
  return pending === null ? step : step - 1;
}

/** Images found broken by this process, or before an interruption; sorted. */
export function brokenFilesOf({ brokenFiles }: RunProgress, { broken }: ImageDataset): string[] {
  return [...new Set([...brokenFiles, ...broken.map(({ file }) => file)])].sort();
}

/** What a checkpoint says beside its tensors and its step. */
export function progressToJson({
  step: _step,
  metricsOffset,
  metricsKeys,
  timelineOffset,
  pending,
  ...progress
}: RunProgress): JsonObject {
  const record = pending === null ? null : metricsToRecord(pending);
  return {
    metricsOffset,
    metricsKeys,
    timelineOffset,
    progress: { ...progress, pending: record },
  } as unknown as JsonObject;
}

/** Reads what a checkpoint says beside its tensors. @throws VqkitError("format") naming the file */
export function progressOf({ checkpoint, path }: LoadedCheckpoint): RunProgress {
  try {
    const { progress, ...ends } = parseConfig(savedSchema, checkpoint.state, "state");
    const pending = progress.pending && recordToMetrics(progress.pending);
    return { step: checkpoint.step, ...ends, ...progress, pending } as RunProgress;
  } catch (error) {
    throw new VqkitError("format", `${path}: ${messageOf(error)}`);
  }
}

/** Checks that the images are those that the run was made with, in the same order. @throws ConfigError */
export function checkSameFiles(dataset: ImageDataset, { files }: Pick<RunProgress, "files">): void {
  if (filesDigest(dataset) === files) return;
  throw new ConfigError(
    "data.images",
    `expected the images that the run began with, got others (now ${dataset.train.length} to train on and ${dataset.heldOut.length} held out). Put them back, or start a new run.`,
  );
}

/**
 * Names the images of a run: their order and the split are what the data position means anything by. Folders are left
 * out, so that a run can continue where its images have been moved as a whole.
 */
function filesDigest({ train, heldOut }: ImageDataset): string {
  const hash = createHash("sha256");
  // The JSON of both lists, piece by piece: there may be millions of names.
  for (const [i, images] of [train, heldOut].entries()) {
    hash.update(i === 0 ? "[[" : ",[");
    let separator = "";
    for (const identity of images.identities()) {
      hash.update(separator + JSON.stringify(identity));
      separator = ",";
    }
    hash.update("]");
  }
  return hash.update("]").digest("hex");
}
