import { stat } from "node:fs/promises";
import path from "node:path";
import type { EngineOptions } from "../../backend/index.js";
import { OutputFolder, withReader } from "../../files/index.js";
import { RUN_FILES } from "../../runs/index.js";
import { loadModel } from "../../tokenizer/index.js";
import { type ModelFacts, modelFacts } from "../model-facts.js";
import type { OutputOptions } from "../output-options.js";
import { modelCard } from "./model-card.js";

export interface ExportHuggingFaceOptions extends OutputOptions, EngineOptions {}

/** What `exportHuggingFace` wrote. */
export interface HuggingFaceExport {
  readonly dir: string;
  readonly files: readonly string[];
  /** What a person should know; one sentence each. */
  readonly warnings: readonly string[];
}

/**
 * Writes a trained model as a folder for the Hugging Face Hub: config.json, model.safetensors (the same bytes),
 * preprocessor_config.json and README.md, a model card with the run's own figures. vqkit loads the folder as it loads a
 * run. No path of this machine is in it.
 *
 * @param source a run folder, or a model file (`model.safetensors`)
 * @throws ConfigError at `out`; as `loadModel`
 */
export async function exportHuggingFace(
  source: string,
  options: ExportHuggingFaceOptions,
): Promise<HuggingFaceExport> {
  return OutputFolder.fill(options.out, options, (folder) => exportInto(folder, source, options));
}

async function exportInto(
  folder: OutputFolder,
  source: string,
  options: EngineOptions,
): Promise<HuggingFaceExport> {
  const loaded = await loadModel(source, options); // checks the file whole
  try {
    const facts = await modelFacts(source, loaded);
    const isFile = (await stat(source)).isFile();
    const files = {
      "config.json": json(configOf(facts)),
      "model.safetensors": await withReader(isFile ? source : path.join(source, RUN_FILES.model), (reader) =>
        reader.read(0, reader.size),
      ),
      "preprocessor_config.json": json(preprocessorOf(facts)),
      "README.md": modelCard(facts, path.basename(path.resolve(folder.dir))),
    };
    for (const [name, content] of Object.entries(files)) await folder.write(name, content);
    const warnings =
      facts.summary === undefined
        ? [`${source}: no figures of a finished run, so the model card has none.`]
        : [];
    return { dir: folder.dir, files: Object.keys(files), warnings };
  } finally {
    loaded.model.dispose();
  }
}

/**
 * `format`, `formatVersion` and `config` make the folder one that vqkit reads as a run; the rest is for other readers,
 * under the names that are usual there.
 */
function configOf(facts: ModelFacts): object {
  const { run, model, quantizer } = facts;
  const { data, ...rest } = (run ?? {}) as { readonly data?: Readonly<Record<string, unknown>> };
  // Where the images lay is nobody's business but the trainer's.
  const { images: _, ...geometry } = data ?? {};
  return {
    model_type: "vqkit",
    vqkit_version: facts.version,
    fingerprint: facts.fingerprint,
    codebook_size: facts.codebookSize,
    num_codebooks: facts.numCodebooks,
    code_dim: facts.codeDim,
    downsampling_factor: facts.downsamplingFactor,
    ...(facts.scales === undefined ? {} : { scales: facts.scales }),
    format: "vqkit-run",
    formatVersion: 1,
    config: { ...rest, model, quantizer, ...(data === undefined ? {} : { data: geometry }) },
  };
}

/** x/255, then (x − ½)/½: pixels in -1..1, at their own size. */
function preprocessorOf({ downsamplingFactor }: ModelFacts): object {
  return {
    image_processor_type: "ViTImageProcessor",
    do_convert_rgb: true,
    do_resize: false,
    do_rescale: true,
    rescale_factor: 1 / 255,
    do_normalize: true,
    image_mean: [0.5, 0.5, 0.5],
    image_std: [0.5, 0.5, 0.5],
    size_divisor: downsamplingFactor,
  };
}

function json(value: object): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
