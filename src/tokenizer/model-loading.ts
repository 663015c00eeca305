import { ImageAutoencoder, parseStoredModel, withModelPathInErrors } from "../autoencoder/index.js";
import { backendName, type EngineOptions, selectEngine } from "../backend/index.js";
import { storedWeightValues } from "../nn/index.js";
import { createBlankQuantizer } from "../quantizers/index.js";
import { type ModelFile, modelFingerprint, type Origin, originOf, readStoredModel } from "../runs/index.js";
import * as tf from "../tf/index.js";

/** A model with its trained weights; the caller disposes it. */
export interface LoadedModel {
  readonly model: ImageAutoencoder;
  /** SHA-256, in hex, of the configuration and all weights: what decides which image a row of indices stands for. */
  readonly fingerprint: string;
  /** The published tokenizer that it goes back to; absent where there is none. */
  readonly origin?: Origin;
}

/**
 * Builds the model of a run. Nothing is drawn: every weight is the file's.
 *
 * @param path a run folder, or a model file (`model.safetensors`)
 * @param options the engine that computes; where nothing is asked for, the one already selected stays
 * @throws VqkitError("run") when there is no such folder or file, or no weights in it; VqkitError("format") for a file
 * that is no model, or whose weights do not fit its configuration; VqkitError("file"); BackendError for an engine that
 * cannot be used
 */
export async function loadModel(path: string, options: EngineOptions = {}): Promise<LoadedModel> {
  await ensureEngine(options);
  const stored = await readStoredModel(path);
  const model = withModelPathInErrors(stored.path, () => buildModel(stored.file));
  const origin = originOf(stored.file.config);
  return { model, fingerprint: modelFingerprint(stored), ...(origin === undefined ? {} : { origin }) };
}

/**
 * A copy of a model in memory, as it would be saved and loaded.
 *
 * @throws VqkitError("format") naming a weight that is not finite; ConfigError for a quantizer whose kind is not
 * registered
 */
export async function copyModel(model: ImageAutoencoder): Promise<LoadedModel> {
  const values = await model.copyWeights();
  const weights = new Map([...values].map(([name, value]) => [name, { dtype: "F32", ...value } as const]));
  const file = { config: { model: model.config, quantizer: model.quantizer.config }, weights };
  return { model: buildModel(file), fingerprint: modelFingerprint({ file, path: "model" }) };
}

function buildModel({ config, weights }: ModelFile): ImageAutoencoder {
  const parts = parseStoredModel(config, weights);
  const values = storedWeightValues(weights);
  const quantizer = createBlankQuantizer(parts.quantizer);
  return ImageAutoencoder.create({ config: parts.model, quantizer, weights: values });
}

/** Selects what is asked for; without a wish, an engine that somebody selected stays, and with it what lives there. */
async function ensureEngine(options: EngineOptions): Promise<void> {
  const { engine = "auto", device, threads } = options;
  const wish = threads !== undefined || device !== undefined || engine !== "auto";
  const selected = [backendName, "tensorflow"].includes(tf.getBackend());
  if (wish || !selected) await selectEngine(options);
}
