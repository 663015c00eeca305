import { z } from "zod";
import { optimizerSchema, scheduleKinds } from "../nn/optimizer/index.js";
import { nonFinitePolicies } from "./non-finite.js";

/**
 * The fields that say how to train, one by one independent, for spreading into a larger schema; `trainingSchema` is
 * the same as an object of its own.
 */
export const trainingFields = {
  /** Names every random stream of the run: same seed, same bytes. */
  seed: z.int().min(0).default(0),
  /** Training steps (one batch each); the schedule ends here. */
  steps: z.int().min(1).default(1000),
  /** Images in a batch. */
  batchSize: z.int().min(1).default(16),
  /** Peak learning rate. */
  learningRate: z.number().positive().default(4e-4),
  /** Steps of linear rise to the peak; 0 is off. Best well below `steps`. */
  warmupSteps: z.int().min(0).default(50),
  /** The learning rate after the warm-up; "constant" is off. */
  schedule: z.enum(scheduleKinds).default("cosine"),
  /** The last step's learning rate as a fraction of the peak, 0..1; 1 is off. */
  finalLearningRateFraction: z.number().min(0).max(1).default(0.1),
  /** The update rule. */
  optimizer: optimizerSchema.prefault({}),
  /** Largest global norm of the gradients; null is off. */
  gradientClip: z.number().positive().nullable().default(1),
  /** Evaluate and export a running average of the weights with this decay per step, [0, 1); null is off. */
  weightAverageDecay: z.number().min(0).lt(1).nullable().default(null),
  /** Batches in the sliding window of codebook usage. */
  usageWindow: z.int().min(1).default(50),
  /** Records of the use and the drift of every single code, evenly over the steps and at the last; 0 is off. */
  timelineRecords: z.int().min(0).default(50),
  /** Pictures of reconstructions, evenly over the steps and at the last; 0 is off. */
  reconstructionStrips: z.int().min(0).default(12),
  /** Steps between two lines of metrics; the first and the last step are always written. */
  logEvery: z.int().min(1).default(1),
  /** Steps between two evaluations on the held-out images; null evaluates at the end alone. */
  evaluateEvery: z.int().min(1).nullable().default(null),
  /** Steps between two checkpoints; null saves at the end (or at an interruption) alone. */
  checkpointEvery: z.int().min(1).nullable().default(250),
  /**
   * What becomes of a step whose loss or gradient is not finite: "stop" ends the run, "skip" leaves the step out,
   * "rollback" goes back to the last checkpoint and on with the batches after the bad one.
   */
  onNan: z.enum(nonFinitePolicies).default("stop"),
};

/** How to train, as an object of its own. */
export const trainingSchema = z.strictObject(trainingFields);

/** Every default written out. */
export type TrainingConfig = Readonly<z.output<typeof trainingSchema>>;
/** What a caller may write; everything has a default. */
export type TrainingOptions = z.input<typeof trainingSchema>;
