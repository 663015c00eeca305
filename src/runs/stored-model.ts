import { createHash } from "node:crypto";
import { stat } from "node:fs/promises";
import { isObject } from "../core/objects.js";
import { bytesOf, formatError } from "../files/index.js";
import { type ModelFile, readModelFile } from "./model-file.js";
import { RunFolder } from "./run-folder.js";

/** A model as it was found: its content, and the file that it stands in. */
export interface StoredModel {
  readonly file: ModelFile;
  /** The path of `model.safetensors`, for messages. */
  readonly path: string;
}

/**
 * Reads a model.
 *
 * @param path a run folder, or a model file (`model.safetensors`)
 * @throws VqkitError("run") when there is no such folder or file, or no weights in it; VqkitError("format") for a file
 * that is no model; VqkitError("file")
 */
export async function readStoredModel(path: string): Promise<StoredModel> {
  const isFile = await stat(path).then(
    (status) => status.isFile(),
    () => false, // RunFolder says what is wrong
  );
  if (isFile) return { file: await readModelFile(path), path };
  const run = await RunFolder.open(path);
  return { file: await run.readModel(), path: run.path("model") };
}

/**
 * SHA-256, in hex, of a model's configuration and all of its weights: what decides which image a row of indices stands
 * for. Independent of the order in which keys and weights stand, and of other fields of the file's configuration.
 *
 * @throws VqkitError("format") for a file without configurations of model and quantizer
 */
export function modelFingerprint({ file: { config, weights }, path }: StoredModel): string {
  if (!isObject(config) || !isObject(config.model) || !isObject(config.quantizer)) {
    throw formatError(path, 'expected "model" and "quantizer" in its configuration.');
  }
  const { model, quantizer } = config;
  const hash = createHash("sha256").update(`${canonicalJson({ model, quantizer })}\n`);
  for (const [name, tensor] of [...weights].sort(([a], [b]) => (a < b ? -1 : 1))) {
    hash.update(`${JSON.stringify([name, tensor.dtype, tensor.shape])}\n`);
    const bytes = bytesOf(tensor);
    // One update takes at most 2 GiB.
    for (let at = 0; at < bytes.length; at += 2 ** 30) hash.update(bytes.subarray(at, at + 2 ** 30));
  }
  return hash.digest("hex");
}

/** JSON with the keys of every object sorted. */
function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) =>
    isObject(part) ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1))) : part,
  );
}
