import type * as tf from "@tensorflow/tfjs";
import { assignWeightValues, type ImageAutoencoder, type WeightValue } from "../autoencoder/index.js";
import { VqkitError } from "../core/errors.js";
import type { Checkpoint, TensorMap } from "../runs/index.js";
import type { Adam } from "./optimizer.js";
import { storedVariables } from "./stored-variables.js";
import type { WeightAverage } from "./weight-average.js";

/** Everything of a run that is kept in tensors. */
export interface ModelState {
  readonly model: ImageAutoencoder;
  readonly optimizer: Adam;
  /** null where no average is kept. */
  readonly average: WeightAverage | null;
}

/** The tensors of a run as a checkpoint keeps them. @throws VqkitError("numerics") for a value that is not finite */
export async function storedState({
  model,
  optimizer,
  average,
}: ModelState): Promise<Pick<Checkpoint, "weights" | "optimizer" | "ema">> {
  return {
    weights: await storedVariables(model.variables()),
    optimizer: await storedVariables(optimizer.state()),
    ema: await storedVariables(average?.values() ?? new Map<string, tf.Variable>()),
  };
}

/**
 * Gives every variable the value that a checkpoint kept.
 *
 * @throws VqkitError("format") naming what the checkpoint lacks, or has too much of, or in another shape
 */
export function restoreState(
  { model, optimizer, average }: ModelState,
  checkpoint: Pick<Checkpoint, "weights" | "optimizer" | "ema">,
): void {
  model.setWeights(float32(checkpoint.weights));
  assignWeightValues(optimizer.state(), float32(checkpoint.optimizer));
  assignWeightValues(average?.values() ?? new Map<string, tf.Variable>(), float32(checkpoint.ema));
}

function float32(tensors: TensorMap): Map<string, WeightValue> {
  const values = new Map<string, WeightValue>();
  for (const [name, { dtype, shape, data }] of tensors) {
    if (!(data instanceof Float32Array)) {
      throw new VqkitError("format", `checkpoint: tensor "${name}": expected F32, got ${dtype}.`);
    }
    values.set(name, { shape, data });
  }
  return values;
}
