import type * as tf from "@tensorflow/tfjs";
import { assignWeightValues, ImageAutoencoder, type WeightValue } from "../autoencoder/index.js";
import { VqkitError } from "../core/errors.js";
import type { TensorMap } from "../files/index.js";
import { createQuantizer } from "../quantizers/index.js";
import type { Checkpoint } from "../runs/index.js";
import { frozenCodebook } from "./frozen-codebook.js";
import { Adam } from "./optimizer.js";
import type { RunConfig } from "./run-config.js";
import { storedVariables } from "./stored-variables.js";
import { WeightAverage } from "./weight-average.js";

/** Everything of a run that is kept in tensors. */
export interface ModelState {
  readonly model: ImageAutoencoder;
  readonly optimizer: Adam;
  /** null where no average is kept. */
  readonly average: WeightAverage | null;
}

/** A run's model before its first step, with all that is trained beside it. */
export function createModelState(config: RunConfig): ModelState {
  const trained = createQuantizer(config.quantizer, config.seed);
  const quantizer = config.from?.codebook === "frozen" ? frozenCodebook(trained) : trained;
  const model = ImageAutoencoder.create({ config: config.model, quantizer, seed: config.seed });
  const variables = model.variables();
  const decay = config.weightAverageDecay;
  return {
    model,
    optimizer: new Adam(variables, config.optimizer),
    average: decay === null ? null : new WeightAverage(variables, decay),
  };
}

/** Frees all of it. */
export function disposeModelState({ model, optimizer, average }: ModelState): void {
  optimizer.dispose();
  average?.dispose();
  model.dispose();
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
