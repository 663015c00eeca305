import { join } from "node:path";
import type { EngineOptions } from "../../backend/index.js";
import { VqkitError } from "../../core/errors.js";
import { OutputFolder, type StoredTensor, writeSafetensors } from "../../files/index.js";
import { toDiffusersWeights } from "../../import/index.js";
import type { WeightValue } from "../../nn/index.js";
import { allCodes, type Quantizer, quantizerFacts } from "../../quantizers/index.js";
import * as tf from "../../tf/index.js";
import { type LoadedModel, loadModel } from "../../tokenizer/index.js";
import { modelFacts } from "../model-facts.js";
import type { OutputOptions } from "../output-options.js";
import { missingNeed, vqModelConfig } from "./diffusers-form.js";

export interface ExportDiffusersOptions extends OutputOptions, EngineOptions {}

/** What `exportDiffusers` wrote. */
export interface DiffusersExport {
  readonly dir: string;
  readonly files: readonly string[];
}

const WEIGHTS = "diffusion_pytorch_model.safetensors";

/**
 * Writes a model as a folder of diffusers' `VQModel`, whose `from_pretrained` loads it: the same indices and pixels. Where
 * no convolution stands beside the quantizer, an identity does, which changes no number.
 *
 * @param source a run folder, or a model file (`model.safetensors`)
 * @throws VqkitError("format") saying what a `VQModel` has that the model has not; ConfigError at `out`; as `loadModel`
 */
export async function exportDiffusers(
  source: string,
  options: ExportDiffusersOptions,
): Promise<DiffusersExport> {
  return OutputFolder.fill(options.out, options, (folder) => exportInto(folder, source, options));
}

async function exportInto(
  folder: OutputFolder,
  source: string,
  options: EngineOptions,
): Promise<DiffusersExport> {
  const loaded = await loadModel(source, options);
  try {
    checkHeld(source, loaded);
    const { model } = loaded;
    const { version } = await modelFacts(source, loaded);
    const weights = await namedWeights(loaded);
    await folder.write(
      "config.json",
      `${JSON.stringify(vqModelConfig(model.config, model.quantizer, version), null, 2)}\n`,
    );
    await writeSafetensors(join(folder.staging, WEIGHTS), weights, { format: "pt" });
    return { dir: folder.dir, files: ["config.json", WEIGHTS] };
  } finally {
    loaded.model.dispose();
  }
}

function checkHeld(source: string, { model }: LoadedModel): void {
  const { config, quantizer } = model;
  const need = isSearchedByDistance(quantizer)
    ? missingNeed(config)
    : "codes of one table, searched by squared distance";
  if (need === undefined) return;
  throw new VqkitError(
    "format",
    `${source}: this model cannot be diffusers' VQModel, which needs ${need}. Export it to ONNX.`,
  );
}

/** Of a table: codes that are points of a grid have levels or signs, those of another search leave lengths out. */
function isSearchedByDistance({ config, numCodebooks }: Quantizer): boolean {
  const facts = quantizerFacts(config);
  return (
    numCodebooks === 1 &&
    facts !== null &&
    facts.comparesLengths &&
    facts.levels === undefined &&
    facts.numbers > 0
  );
}

/** Encoder, decoder, convolutions beside the quantizer, and the table of codes as it is searched. */
async function namedWeights({ model }: LoadedModel): Promise<Map<string, StoredTensor>> {
  const { codeDim, codebookSize } = model.quantizer;
  const own = [...(await model.copyWeights())].filter(([name]) => !name.startsWith("quantizer/"));
  const weights = new Map<string, WeightValue>([
    ...["projection/in", "projection/out"].flatMap((name) => identity(name, codeDim)),
    ...own,
    ["quantizer/codes", { shape: [codebookSize, codeDim], data: await codesOf(model.quantizer) }],
  ]);
  return toDiffusersWeights(weights, model.config);
}

/** [K, D]: moving averages divided by their counts, a linear layer applied to its table. */
async function codesOf(quantizer: Quantizer): Promise<Float32Array> {
  const table = tf.tidy(() => allCodes(quantizer).clone());
  try {
    return Float32Array.from(await table.data());
  } finally {
    table.dispose();
  }
}

/** A 1×1 convolution that passes what it gets. */
function identity(name: string, channels: number): [string, WeightValue][] {
  const kernel = new Float32Array(channels * channels);
  for (let i = 0; i < channels; i++) kernel[i * channels + i] = 1;
  return [
    [`${name}/kernel`, { shape: [1, 1, channels, channels], data: kernel }],
    [`${name}/bias`, { shape: [channels], data: new Float32Array(channels) }],
  ];
}
