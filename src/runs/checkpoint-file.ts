import { createHash } from "node:crypto";
import { VqkitError } from "../core/errors.js";
import { isObject } from "../core/objects.js";
import {
  bytesOf,
  formatError,
  type JsonObject,
  parseJson,
  quoted,
  readSafetensors,
  type StoredTensor,
  type TensorMap,
  toJson,
  writeSafetensors,
} from "../files/index.js";

/** The kinds of arrays in a checkpoint. */
export const CHECKPOINT_SECTIONS = ["weights", "modules", "optimizer", "ema", "usage", "timeline"] as const;
export type CheckpointSection = (typeof CHECKPOINT_SECTIONS)[number];

/** All that is needed to continue a run as if it had not stopped. */
export interface Checkpoint {
  /** Steps done, an integer >= 0. */
  readonly step: number;
  /** Everything that is not an array: config, metrics offset, best PSNR, position in the data. */
  readonly state: JsonObject;
  /** Model weights by name. */
  readonly weights: TensorMap;
  /** Weights of what objectives have besides the model, by the module's name and their own; often none. */
  readonly modules: TensorMap;
  /** The optimizers' moments by name: the moment's name, then the variable's; after the phase's, but for the model's. */
  readonly optimizer: TensorMap;
  /** Averaged weights by name; empty when none are kept. */
  readonly ema: TensorMap;
  /** Codebook usage: the indices of the steps in the sliding window, and the counts of the epoch. */
  readonly usage: TensorMap;
  /** What the timeline of codes has not recorded yet: counts, and the vectors of the last record; may be empty. */
  readonly timeline: TensorMap;
}

const FORMAT = "vqkit-checkpoint";
/** Versions 1 and 2 were never released. */
const FORMAT_VERSION = "3";

/**
 * Writes a checkpoint as one safetensors file, whole or not at all. Its metadata hold the step, the state as JSON, and
 * a SHA-256 of everything, for safetensors itself has no checksum.
 *
 * @throws VqkitError("run") for a step that is no integer >= 0; VqkitError("numerics" | "format" | "file")
 */
export async function writeCheckpoint(path: string, checkpoint: Checkpoint): Promise<void> {
  const { step } = checkpoint;
  if (!Number.isSafeInteger(step) || step < 0) {
    throw new VqkitError("run", `step: expected an integer >= 0, got ${step}.`);
  }
  const tensors = new Map<string, StoredTensor>();
  for (const section of CHECKPOINT_SECTIONS) {
    for (const [name, tensor] of checkpoint[section]) tensors.set(`${section}/${name}`, tensor);
  }
  const state = toJson({ step, state: checkpoint.state }, path);
  await writeSafetensors(path, tensors, {
    format: FORMAT,
    formatVersion: FORMAT_VERSION,
    state,
    sha256: digest(tensors, state),
  });
}

/**
 * Reads a checkpoint and verifies its checksum.
 *
 * @param expectedStep the step its file name states
 * @throws VqkitError("format") when anything in it is not as it was written; VqkitError("file") when it cannot be read
 */
export async function readCheckpoint(path: string, expectedStep: number): Promise<Checkpoint> {
  const { tensors, metadata } = await readSafetensors(path);
  if (metadata.format !== FORMAT || metadata.formatVersion !== FORMAT_VERSION) {
    throw formatError(
      path,
      `expected ${FORMAT} version ${FORMAT_VERSION}, got ${quoted(metadata.format)} version ${quoted(metadata.formatVersion)}.`,
    );
  }
  const { state = "", sha256 } = metadata;
  if (sha256 !== digest(tensors, state)) {
    throw formatError(path, "expected the SHA-256 that it was saved with, got another. The file is damaged.");
  }
  const parsed = parseJson(Buffer.from(state), `${path}: state`);
  if (!isObject(parsed) || parsed.step !== expectedStep || !isObject(parsed.state)) {
    throw formatError(
      path,
      `expected the state of step ${expectedStep}, got that of ${quoted(isObject(parsed) ? parsed.step : parsed)}.`,
    );
  }
  const sections: Record<CheckpointSection, Map<string, StoredTensor>> = {
    weights: new Map(),
    modules: new Map(),
    optimizer: new Map(),
    ema: new Map(),
    usage: new Map(),
    timeline: new Map(),
  };
  for (const [name, tensor] of tensors) {
    const section = CHECKPOINT_SECTIONS.find((known) => name.startsWith(`${known}/`));
    if (section === undefined) {
      throw formatError(
        path,
        `tensor ${quoted(name)}: expected a name in ${CHECKPOINT_SECTIONS.join(", ")}.`,
      );
    }
    sections[section].set(name.slice(section.length + 1), tensor);
  }
  return { step: expectedStep, state: parsed.state as JsonObject, ...sections };
}

/** SHA-256 over the state and, in the order of names, each array's name, type, shape and bytes. */
function digest(tensors: TensorMap, state: string): string {
  const hash = createHash("sha256").update(`${JSON.stringify(state)}\n`);
  for (const name of [...tensors.keys()].sort()) {
    const tensor = tensors.get(name) as StoredTensor;
    hash.update(`${JSON.stringify([name, tensor.dtype, tensor.shape])}\n`);
    const bytes = bytesOf(tensor);
    // One update takes at most 2 GiB.
    for (let at = 0; at < bytes.length; at += 2 ** 30) hash.update(bytes.subarray(at, at + 2 ** 30));
  }
  return hash.digest("hex");
}
