import {
  ImageAutoencoder,
  namingModelFile,
  parseStoredModel,
  storedWeightValues,
} from "../autoencoder/index.js";
import { createQuantizer } from "../quantizers/index.js";
import { type ModelFile, modelFingerprint, readStoredModel } from "../runs/index.js";

/** A model with its trained weights; the caller disposes it. */
export interface LoadedModel {
  readonly model: ImageAutoencoder;
  /** SHA-256, in hex, of the configuration and all weights: what decides which image a row of indices stands for. */
  readonly fingerprint: string;
}

/**
 * Builds the model of a run, on the engine selected.
 *
 * @param path a run folder, or a model file (`model.safetensors`)
 * @throws VqkitError("run") when there is no such folder or file, or no weights in it; VqkitError("format") for a file
 * that is no model, or whose weights do not fit its configuration; VqkitError("file")
 */
export async function loadModel(path: string): Promise<LoadedModel> {
  const stored = await readStoredModel(path);
  const model = namingModelFile(stored.path, () => buildModel(stored.file));
  return { model, fingerprint: modelFingerprint(stored) };
}

function buildModel({ config, weights }: ModelFile): ImageAutoencoder {
  const parts = parseStoredModel(config, weights);
  // The seed is of no consequence: every value is replaced.
  const seed = 0;
  const model = ImageAutoencoder.create({
    config: parts.model,
    quantizer: createQuantizer(parts.quantizer, seed),
    seed,
  });
  try {
    model.setWeights(storedWeightValues(weights));
    return model;
  } catch (error) {
    model.dispose();
    throw error;
  }
}
