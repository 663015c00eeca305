import { createHash } from "node:crypto";
import { basename } from "node:path";
import { z } from "zod";
import { parseConfig } from "../core/config.js";
import { messageOf, VqkitError } from "../core/errors.js";
import type { ImageDataset } from "../data/index.js";
import type { EvaluationFigures } from "../evaluation/index.js";
import type { JsonObject } from "../files/index.js";
import type { StepMetrics } from "./step-metrics.js";

/** Where a run stands, besides its tensors and the step itself. JSON. */
export interface RunState {
  /** The figures of the model before its first step; null where none were computed. */
  readonly untrained: EvaluationFigures | null;
  /** The best PSNR that was evaluated in training; null before the first. */
  readonly bestPsnr: number | null;
  /** Batches that were passed over in going back: step s trains on batch s + passedBatches. */
  readonly passedBatches: number;
  /** Steps skipped one after another up to now. */
  readonly skippedInARow: number;
  /** Spent in steps. */
  readonly trainingSeconds: number;
  /** Since the start of step 1. */
  readonly elapsedSeconds: number;
  /** Image files found broken, sorted. */
  readonly brokenFiles: readonly string[];
  /** Digest of the names of all training and held-out files, in order. */
  readonly files: string;
  /** The step whose evaluation was interrupted: it is evaluated and logged when the run goes on. */
  readonly pending: StepMetrics | null;
}

/** What stands in a checkpoint beside the tensors. */
export interface SavedState {
  readonly metricsOffset: number;
  readonly metricsKeys: readonly string[];
  /** Bytes of the timeline of codes; 0 without one. */
  readonly timelineOffset: number;
  readonly progress: RunState;
}

const figure = z.number().nullable();
const progressSchema = z.strictObject({
  untrained: z.record(z.string(), figure).nullable(),
  bestPsnr: figure,
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

/** The state of a run before its first step. */
export function initialState(dataset: ImageDataset): RunState {
  return {
    untrained: null,
    bestPsnr: null,
    passedBatches: 0,
    skippedInARow: 0,
    trainingSeconds: 0,
    elapsedSeconds: 0,
    brokenFiles: [],
    files: filesDigest(dataset),
    pending: null,
  };
}

/** Image files found broken by this process, or before an interruption; sorted. */
export function brokenFilesOf({ brokenFiles }: RunState, { broken }: ImageDataset): string[] {
  return [...new Set([...brokenFiles, ...broken.map(({ file }) => file)])].sort();
}

/** As JSON has it: a figure that is not finite is null. */
export function stateToJson({ pending, ...state }: RunState): JsonObject {
  return { ...state, pending: pending === null ? null : metricsToRecord(pending) } as unknown as JsonObject;
}

/** A step's figures for a file; those that are not finite become null. */
export function metricsToRecord({
  usage: _usage,
  ...metrics
}: StepMetrics): Record<string, number | string | boolean | null> {
  return Object.fromEntries(
    Object.entries(metrics).map(([name, value]) => [
      name,
      typeof value === "number" && !Number.isFinite(value) ? null : value,
    ]),
  );
}

/**
 * Reads what a checkpoint says beside its tensors.
 *
 * @param path names the file in messages
 * @throws VqkitError("format")
 */
export function parseSavedState(state: JsonObject, path: string): SavedState {
  try {
    const { progress, ...rest } = parseConfig(savedSchema, state, "state");
    const { pending } = progress;
    return { ...rest, progress: { ...progress, pending: pending && recordToMetrics(pending) } as RunState };
  } catch (error) {
    throw new VqkitError("format", `${path}: ${messageOf(error)}`);
  }
}

function recordToMetrics(record: Readonly<Record<string, unknown>>): StepMetrics {
  const filled = Object.fromEntries(
    Object.entries(record).map(([name, value]) => [name, value ?? Number.NaN]),
  );
  return { ...filled, usage: filled.usageWindow } as unknown as StepMetrics;
}

/**
 * Names the images of a run: their order and the split are what the data position means anything by. Folders are left
 * out, so that a run can go on where its images have been moved as a whole.
 */
export function filesDigest({ trainFiles, heldOutFiles }: ImageDataset): string {
  const names = [trainFiles, heldOutFiles].map((files) => files.map((file) => basename(file)));
  return createHash("sha256").update(JSON.stringify(names)).digest("hex");
}
