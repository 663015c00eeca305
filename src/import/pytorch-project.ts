import { readdir, stat } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { ImageAutoencoder, parseStoredModel, withModelPathInErrors } from "../autoencoder/index.js";
import { backendName, selectEngine } from "../backend/index.js";
import { VqkitError } from "../core/errors.js";
import { isObject, type PlainObject } from "../core/objects.js";
import { type JsonObject, OutputFolder, readFormattedFile } from "../files/index.js";
import { storedWeightValues, type WeightValues } from "../nn/index.js";
import { createBlankQuantizer } from "../quantizers/index.js";
import { type MetricsRecord, RunFolder, readMetrics, readModelFile } from "../runs/index.js";
import * as tf from "../tf/index.js";
import type { ImportedTokenizer, ImportOptions } from "./imported-tokenizer.js";
import { originalFile } from "./original.js";

const TRAINED = { format: "vqkit-pytorch-run", formatVersion: 1 } as const;
const FILES = { trained: "training.json", weights: "model.safetensors", metrics: "metrics.jsonl" } as const;
/** Where `train.py` of a project writes unless told. */
const RUN = "run";

/** What `train.py` says of a training, by the names that its file has. */
const FACTS = [
  "torch",
  "ranks",
  "device",
  "precision",
  "steps",
  "seconds",
  "imagesPerSecond",
  "trainFiles",
  "files",
];

/**
 * The folder that `train.py` of a PyTorch project has written.
 *
 * @param source a project, or that folder itself
 * @returns undefined for what is neither
 * @throws VqkitError("run") for a project that has not been trained to its end
 */
export async function trainedProject(source: string): Promise<string | undefined> {
  const names = await namesIn(source);
  if (names.includes(FILES.trained)) return source;
  if (!names.includes("vqkit_torch") || !names.includes("train.py")) return undefined;
  const run = join(source, RUN);
  if ((await namesIn(run)).includes(FILES.trained)) return run;
  throw new VqkitError(
    "run",
    `${source}: expected ${RUN}/${FILES.trained} of a finished training, got a PyTorch project without it. Train it first by its train.py (README.md there), or give the folder that it wrote.`,
  );
}

/** None for what is no folder, which others tell. */
async function namesIn(folder: string): Promise<string[]> {
  const isFolder = await stat(folder).then(
    (status) => status.isDirectory(),
    () => false,
  );
  return isFolder ? readdir(folder) : [];
}

/**
 * Takes back what a PyTorch project has trained: a run folder with its configuration, weights and metrics. Every weight is
 * held against the model that its configuration describes.
 *
 * @param run as `trainedProject` found it
 * @throws VqkitError("format") naming the first weight that is over, missing, of another shape or not finite;
 * VqkitError("file")
 */
export async function importProject(
  run: string,
  { out, overwrite = false, onWeight = () => {} }: Pick<ImportOptions, "out" | "overwrite" | "onWeight">,
): Promise<ImportedTokenizer> {
  const path = join(run, FILES.weights);
  const training = await readFormattedFile(join(run, FILES.trained), TRAINED);
  const { config, weights } = await readModelFile(path);
  const { model, quantizer } = withModelPathInErrors(path, () => parseStoredModel(config, weights));
  const values = withModelPathInErrors(path, () => storedWeightValues(weights));
  const codebookSize = await checkedCodebookSize(path, { model, quantizer, values });
  const { version } = createRequire(import.meta.url)("vqkit/package.json") as { version: string };
  const facts = Object.fromEntries(FACTS.map((name) => [name, training[name] ?? null]));
  const stored = JSON.parse(
    JSON.stringify({
      ...(config as PlainObject),
      model,
      quantizer,
      trainedBy: { framework: "pytorch", ...facts, importedBy: version },
    }),
  ) as JsonObject;
  await OutputFolder.fill(out, { overwrite }, async ({ staging }) => {
    const target = await RunFolder.create(staging);
    await target.writeConfig(stored);
    await copyMetrics(join(run, FILES.metrics), target);
    const { model: ofModel, quantizer: ofQuantizer, from } = stored as { [name: string]: JsonObject };
    await target.writeModel({
      weights,
      config: {
        model: ofModel as JsonObject,
        quantizer: ofQuantizer as JsonObject,
        ...(isObject(from) && isObject(from.original) ? { from: { original: from.original } } : {}),
      } as JsonObject,
    });
  });
  onWeight(values.size, values.size);
  const average = training.weightAverage === true;
  return {
    dir: out,
    title: "vqkit's PyTorch project",
    original: {
      family: "pytorch",
      files: [await originalFile(path)],
      prefix: "",
      averaged: average,
      config: FILES.trained,
      importedBy: version,
    },
    model,
    quantizer,
    codebookSize,
    weights: values.size,
    numbers: [...values.values()].reduce((sum, { data }) => sum + data.length, 0),
    leftOut: {},
  };
}

/** Builds the model, which names a weight that does not fit. @returns K */
async function checkedCodebookSize(
  path: string,
  {
    model: config,
    quantizer,
    values,
  }: ReturnType<typeof parseStoredModel> & { readonly values: WeightValues },
): Promise<number> {
  if (![backendName, "tensorflow"].includes(tf.getBackend())) await selectEngine();
  const model = withModelPathInErrors(path, () =>
    ImageAutoencoder.create({ config, quantizer: createBlankQuantizer(quantizer), weights: values }),
  );
  try {
    return model.quantizer.codebookSize;
  } finally {
    model.dispose();
  }
}

async function copyMetrics(path: string, target: RunFolder): Promise<void> {
  const log = await target.openMetrics();
  try {
    for await (const record of readMetrics(path)) await log.append(record as MetricsRecord);
  } finally {
    await log.close();
  }
}
