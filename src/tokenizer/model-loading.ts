import { createHash } from "node:crypto";
import { stat } from "node:fs/promises";
import { z } from "zod";
import {
  type AutoencoderConfig,
  describeModel,
  ImageAutoencoder,
  resolveModel,
  type WeightValue,
} from "../autoencoder/index.js";
import { parseConfig } from "../core/config.js";
import { ConfigError, messageOf, VqkitError } from "../core/errors.js";
import { createQuantizer, parseQuantizerConfig, type QuantizerConfig } from "../quantizers/index.js";
import { type ModelFile, RunFolder, readModelFile, type TensorMap } from "../runs/index.js";

/** A model with its trained weights; the caller disposes it. */
export interface LoadedModel {
  readonly model: ImageAutoencoder;
  /** SHA-256, in hex, of the configuration and all weights: what decides which image a row of indices stands for. */
  readonly fingerprint: string;
}

/** Other fields may stand beside these: whoever wrote the file may know more about the model. */
const configSchema = z.looseObject({
  model: z.record(z.string(), z.unknown()),
  quantizer: z.record(z.string(), z.unknown()),
});

/**
 * Builds the model of a run, on the engine selected.
 *
 * @param path a run folder, or a model file (`model.safetensors`)
 * @throws VqkitError("run") when there is no such folder or file, or no weights in it; VqkitError("format") for a file
 * that is no model, or whose weights do not fit its configuration; VqkitError("file")
 */
export async function loadModel(path: string): Promise<LoadedModel> {
  const { file, name } = await readModel(path);
  const model = named(name, () => buildModel(file));
  return { model, fingerprint: fingerprintOf(file) };
}

async function readModel(path: string): Promise<{ file: ModelFile; name: string }> {
  const isFile = await stat(path).then(
    (status) => status.isFile(),
    () => false, // RunFolder says what is wrong
  );
  if (isFile) return { file: await readModelFile(path), name: path };
  const run = await RunFolder.open(path);
  return { file: await run.readModel(), name: run.path("model") };
}

function buildModel({ config, weights }: ModelFile): ImageAutoencoder {
  const parts = parseConfig(configSchema, config, "config");
  const layout = resolveModel(parts.model, "config.model");
  checkSize(layout, parts.quantizer, weights);
  // The seed is of no consequence: every value is replaced.
  const seed = 0;
  const model = ImageAutoencoder.create({
    config: layout,
    quantizer: createQuantizer(parts.quantizer, seed),
    seed,
  });
  try {
    model.setWeights(weightValues(weights));
    return model;
  } catch (error) {
    model.dispose();
    throw error;
  }
}

/**
 * Before anything is built: a configuration may claim any size, but no more numbers than the file has.
 *
 * @throws VqkitError("format")
 */
function checkSize(layout: AutoencoderConfig, options: unknown, weights: TensorMap): void {
  const values = [...weights.values()].reduce((sum, { data }) => sum + data.length, 0);
  const quantizer = parseQuantizerConfig(options);
  const { baseWidth, widthMultipliers, residualBlocks, latentChannels } = layout;
  const claims = [
    // Every codebook that is a table has its codes in the file; other quantizers say nothing of a table.
    quantizer.codebook === undefined ? 0 : tableSize(quantizer),
    // At least one number a channel, and one a residual block: small enough, then, to be described.
    Math.max(latentChannels, ...widthMultipliers.map((multiplier) => baseWidth * multiplier)),
    residualBlocks.reduce((sum, blocks) => sum + blocks, 0),
  ];
  const side = layout.downsamplingFactor;
  if (claims.every((claim) => claim <= values)) {
    claims.push(describeModel(layout, latentChannels, [side, side]).parameters); // without projections
  }
  const most = Math.max(...claims);
  if (most <= values) return;
  throw new VqkitError(
    "format",
    `config: expected a model of the file's ${values} numbers, got one of at least ${most}.`,
  );
}

function tableSize({ codebook, codebookSize, codeDim }: QuantizerConfig): number {
  const layer = codebook === "linear" ? Number(codeDim) ** 2 : 0;
  return Number(codebookSize) * Number(codeDim) + layer;
}

function weightValues(weights: TensorMap): Map<string, WeightValue> {
  const values = new Map<string, WeightValue>();
  for (const [name, tensor] of weights) {
    if (tensor.dtype !== "F32") {
      throw new VqkitError("format", `Weight "${name}": expected element type F32, got ${tensor.dtype}.`);
    }
    values.set(name, { shape: tensor.shape, data: tensor.data });
  }
  return values;
}

/** Runs `work`; what is wrong with the content of a file is told with the file's name, and never as wrong usage. */
function named<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof VqkitError)) throw error;
    const ofOnesOwn = error instanceof ConfigError && error.path === "quantizer.kind";
    const next = ofOnesOwn ? " Load the module that registers it first (--quantizer-module)." : "";
    throw new VqkitError("format", `${path}: ${messageOf(error)}${next}`, { cause: error });
  }
}

/** Independent of the order in which keys and weights stand, and of the other fields of the file's configuration. */
function fingerprintOf({ config, weights }: ModelFile): string {
  const { model, quantizer } = parseConfig(configSchema, config, "config");
  const hash = createHash("sha256").update(`${canonicalJson({ model, quantizer })}\n`);
  for (const [name, { dtype, shape, data }] of [...weights].sort(([a], [b]) => (a < b ? -1 : 1))) {
    hash.update(`${JSON.stringify([name, dtype, shape])}\n`);
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    // One update takes at most 2 GiB.
    for (let at = 0; at < bytes.length; at += 2 ** 30) hash.update(bytes.subarray(at, at + 2 ** 30));
  }
  return hash.digest("hex");
}

/** JSON with the keys of every object sorted. */
function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) =>
    typeof part === "object" && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}
