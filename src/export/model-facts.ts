import { stat } from "node:fs/promises";
import { createRequire } from "node:module";
import type { ImageAutoencoder } from "../autoencoder/index.js";
import { VqkitError } from "../core/errors.js";
import { type Origin, RunFolder, type RunSummary } from "../runs/index.js";
import { type LoadedModel, sequenceLength } from "../tokenizer/index.js";

/** What the files of an export say of a model besides its weights. */
export interface ModelFacts {
  /** Of vqkit, which wrote the export. */
  readonly version: string;
  readonly fingerprint: string;
  readonly model: ImageAutoencoder["config"];
  readonly quantizer: ImageAutoencoder["quantizer"]["config"];
  /** K. */
  readonly codebookSize: number;
  /** Q. */
  readonly numCodebooks: number;
  /** D. */
  readonly codeDim: number;
  readonly downsamplingFactor: number;
  /** Where the codes of an image are a sequence: the sides of its grids. The model takes images of one size then. */
  readonly scales: readonly number[] | undefined;
  /** The published tokenizer that it goes back to. */
  readonly origin: Origin | undefined;
  /** The run's configuration; undefined for a model file by itself. */
  readonly run: Readonly<Record<string, unknown>> | undefined;
  /** The run's final figures; undefined for a model file by itself, and for a run that did not finish. */
  readonly summary: RunSummary | undefined;
}

/** How many codes an image of H×W pixels has, as texts say it. */
export function codesShapeText({ downsamplingFactor: factor, scales }: ModelFacts): string {
  if (scales === undefined) return `ceil(height/${factor}), ceil(width/${factor})`;
  return `1, ${sequenceLength(scales)}`;
}

/** @param path of the run folder or model file that `loaded` came from */
export async function modelFacts(
  path: string,
  { model, fingerprint, origin }: LoadedModel,
): Promise<ModelFacts> {
  const { quantizer, config } = model;
  const run = (await stat(path)).isDirectory() ? await RunFolder.open(path) : undefined;
  const { version } = createRequire(import.meta.url)("vqkit/package.json") as { version: string };
  return {
    version,
    fingerprint,
    model: config,
    quantizer: quantizer.config,
    codebookSize: quantizer.codebookSize,
    numCodebooks: quantizer.numCodebooks,
    codeDim: quantizer.codeDim,
    downsamplingFactor: config.downsamplingFactor,
    scales: quantizer.sequence?.scales,
    origin,
    run: await run?.readConfig(),
    summary: run === undefined ? undefined : await readSummary(run),
  };
}

async function readSummary(run: RunFolder): Promise<RunSummary | undefined> {
  try {
    return await run.readSummary();
  } catch (error) {
    // A run that was interrupted has weights and no figures.
    if (error instanceof VqkitError && error.code === "run") return undefined;
    throw error;
  }
}
