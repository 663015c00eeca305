import type { Random } from "../core/random.js";
import type * as tf from "../tf/index.js";

/** What a step of training draws for a quantizer. */
export interface TrainingDraw {
  /** 1 for the first of the run. */
  readonly step: number;
  /** N, H, W of the latents. */
  readonly grid: readonly [batch: number, height: number, width: number];
  /** A stream of the run's seed and this step: a run that is resumed draws the same. */
  readonly random: Random;
}

/** Tensors that a training step gives to a quantizer, by name. A type and not an interface, for `tf.tidy`. */
export type TrainingInputs = Readonly<Record<string, tf.Tensor>>;
