import { type ImageAutoencoder, pixelsToTensor } from "../autoencoder/index.js";
import { joinArrays } from "../core/typed-arrays.js";
import type { ImageBatch } from "../data/index.js";
import type { EvaluationFigures } from "../evaluation/index.js";
import type { InitializationOptions, Quantizer } from "../quantizers/index.js";
import * as tf from "../tf/index.js";
import { evaluateAsIs, type Run } from "./run.js";
import type { RunConfig } from "./run-config.js";

/**
 * Brings a model to where step 1 finds it.
 *
 * @returns its figures before that step; null when they are not asked for
 */
export async function prepareRun(
  run: Run,
  signal: AbortSignal | undefined,
): Promise<EvaluationFigures | null> {
  const { config, dataset, state, codes, hooks } = run;
  const { batchSize, accumulate, evaluateUntrained } = config;
  const { model, average } = state;
  if (isInitialized(config, model.quantizer)) {
    hooks.onPhase?.("initializing");
    const { onInitialization: onProgress } = hooks;
    const control = { signal, onProgress, parts: accumulate };
    await initializeCodebook(model, dataset.trainBatches({ batchSize }), control);
    average?.reset();
  }
  await codes?.start();
  if (!evaluateUntrained) return null;
  hooks.onPhase?.("untrained");
  return (await evaluateAsIs(run, signal)).figures;
}

/** Whether a run sets its codebook from data before step 1: one that starts from a model's codebook does not. */
export function isInitialized(
  { from }: Pick<RunConfig, "from">,
  { latentsForInitialization }: Pick<Quantizer, "latentsForInitialization">,
): boolean {
  const hasCodebook = from !== null && from.codebook !== "fresh";
  return !hasCodebook && latentsForInitialization > 0;
}

/**
 * Lets the quantizer set its codebook from the latents of the first training batches, as many as it asks for.
 *
 * @param batches training batches without end; the iteration is closed
 * @param control its signal is checked before each batch, and reaches the quantizer; `parts` of a step's batch are taken
 * together
 * @throws the signal's reason; the codebook is then as it was
 */
async function initializeCodebook(
  model: ImageAutoencoder,
  batches: AsyncIterable<ImageBatch>,
  { parts: together = 1, ...control }: InitializationOptions & { readonly parts?: number } = {},
): Promise<void> {
  const { quantizer } = model;
  const wanted = quantizer.latentsForInitialization;
  const parts: Float32Array[] = [];
  let count = 0;
  for await (const batch of batches) {
    control.signal?.throwIfAborted();
    const values = await latentsOf(model, batch);
    parts.push(values);
    count += values.length / quantizer.codeDim;
    if (count >= wanted && parts.length % together === 0) break;
  }
  const latents = tf.tensor2d(
    joinArrays(parts, (length) => new Float32Array(length)),
    [count, quantizer.codeDim],
  );
  try {
    await quantizer.initialize(latents, control);
  } finally {
    latents.dispose();
  }
}

/** [M, D], flat. */
async function latentsOf(model: ImageAutoencoder, batch: ImageBatch): Promise<Float32Array> {
  const latents = tf.tidy(() => model.encode(pixelsToTensor(batch)));
  try {
    return (await latents.data()) as Float32Array;
  } finally {
    latents.dispose();
  }
}
