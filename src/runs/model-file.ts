import type { TensorMap } from "../files/index.js";
import {
  formatError,
  type JsonValue,
  parseJson,
  quoted,
  readSafetensors,
  toJson,
  writeSafetensors,
} from "../files/index.js";

const FORMAT = "vqkit";
const FORMAT_VERSION = "1";

/** A model on disk: its weights by name, and the resolved configuration that rebuilds it. */
export interface ModelFile {
  readonly weights: TensorMap;
  /** JSON; the reader of the model checks it. */
  readonly config: unknown;
}

/**
 * Writes a model as one safetensors file, whole or not at all; its metadata hold the format, its version and the config.
 *
 * @throws VqkitError("file" | "format" | "numerics")
 */
export async function writeModelFile(
  path: string,
  { weights, config }: { readonly weights: TensorMap; readonly config: JsonValue },
): Promise<void> {
  await writeSafetensors(path, weights, {
    format: FORMAT,
    formatVersion: FORMAT_VERSION,
    config: toJson(config, path),
  });
}

/**
 * Reads a model that `writeModelFile` wrote.
 *
 * @throws VqkitError("format") for another safetensors file, another version, or a broken file; VqkitError("file")
 */
export async function readModelFile(path: string): Promise<ModelFile> {
  const { tensors, metadata } = await readSafetensors(path);
  if (metadata.format !== FORMAT) {
    throw formatError(
      path,
      `expected a vqkit model (metadata format "${FORMAT}"), got ${quoted(metadata.format)}.`,
    );
  }
  if (metadata.formatVersion !== FORMAT_VERSION) {
    throw formatError(
      path,
      `expected formatVersion ${FORMAT_VERSION}, got ${quoted(metadata.formatVersion)}. Another version of vqkit wrote it.`,
    );
  }
  if (metadata.config === undefined) throw formatError(path, 'expected "config" in the metadata, got none.');
  return { weights: tensors, config: parseJson(Buffer.from(metadata.config), `${path}: config`) };
}
