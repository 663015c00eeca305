import { readdir } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";
import { type EngineOptions, selectEngine } from "../../backend/index.js";
import { isObject } from "../../core/objects.js";
import {
  errnoOf,
  fileError,
  type JsonObject,
  OutputFolder,
  readWhole,
  type StoredTensor,
} from "../../files/index.js";
import { type Origin, originFields, originOf, readStoredModel, writeModelFile } from "../../runs/index.js";
import { loadModel } from "../../tokenizer/index.js";
import {
  planRun,
  type RunConfig,
  type RunOptions,
  resolveRun,
  savedConfig,
  startingModel,
} from "../../training/index.js";
import { modelFacts } from "../model-facts.js";
import type { OutputOptions } from "../output-options.js";
import { projectReadme } from "./project-readme.js";
import { checkCarried } from "./refusals.js";

export interface ExportPytorchOptions extends OutputOptions, EngineOptions {}

/** What `exportPytorch` wrote. */
export interface PytorchExport {
  readonly dir: string;
  readonly files: readonly string[];
  /** What a person should know; one sentence each. */
  readonly warnings: readonly string[];
}

/** A run as the project holds it. */
interface Project {
  readonly config: RunConfig;
  readonly weights: ReadonlyMap<string, StoredTensor>;
  readonly initialize: boolean;
  readonly isTrained: boolean;
  /** Of a trained model; of a run that begins its configuration says it. */
  readonly origin?: Origin | undefined;
}

/** The images of a project are named where it is trained. */
const NO_IMAGES = ".";
const MAX_SOURCE = 2 ** 20;

/**
 * Writes a PyTorch project that trains a run on many GPUs: config.json, model.safetensors, `train.py` for `torchrun`, the
 * package `vqkit_torch` that it is made of, its requirements and a README. `importTokenizer` takes back what it trains.
 * No path of this machine is in it.
 *
 * @param source a run folder or a model file, from whose weights training continues (of a model that was never trained
 * here, with the options of a run that starts from it); or the options of a run, which begins as `Trainer` would begin it
 * @throws VqkitError("format") naming what the project cannot carry, and why; ConfigError at `out`, or naming an option;
 * as `loadModel`
 */
export async function exportPytorch(
  source: string | Partial<RunOptions>,
  options: ExportPytorchOptions,
): Promise<PytorchExport> {
  return OutputFolder.fill(options.out, options, (folder) => exportInto(folder, source, options));
}

async function exportInto(
  folder: OutputFolder,
  source: string | Partial<RunOptions>,
  options: EngineOptions,
): Promise<PytorchExport> {
  const project =
    typeof source === "string" ? await trained(source, options) : await untrained(source, options);
  const { config, initialize, isTrained } = project;
  const root = path.dirname(createRequire(import.meta.url).resolve("vqkit/package.json"));
  const { version } = createRequire(import.meta.url)("vqkit/package.json") as { version: string };
  const sources = await pythonSources(path.join(root, "python"));
  const saved = withoutPlaces(config);
  const origin = project.origin ?? originOf(saved);
  const own = {
    "config.json": `${JSON.stringify({ format: "vqkit-pytorch", formatVersion: 1, vqkitVersion: version, initialize, config: saved }, null, 2)}\n`,
    "README.md": projectReadme(
      Buffer.from(await readWhole(path.join(root, "python", "README.md"), MAX_SOURCE)).toString(),
      { config, version, isTrained, initialize },
      path.basename(path.resolve(folder.dir)),
    ),
  };
  for (const [name, content] of [...Object.entries(own), ...sources]) await folder.write(name, content);
  const weights = "model.safetensors";
  await writeModelFile(path.join(folder.staging, weights), {
    weights: project.weights,
    config: { model: saved.model, quantizer: saved.quantizer, ...originFields(origin) } as JsonObject,
  });
  return {
    dir: folder.dir,
    files: [...Object.keys(own), weights, ...sources.map(([name]) => name)],
    warnings: warningsOf(config),
  };
}

/** A trained model, and how its run was to be trained. */
async function trained(source: string, options: EngineOptions): Promise<Project> {
  const loaded = await loadModel(source, options); // checks the file whole
  const { run, origin } = await modelFacts(source, loaded).finally(() => loaded.model.dispose());
  const { file } = await readStoredModel(source);
  const config = await configOf(source, run);
  checkCarried(config);
  return { config, weights: file.weights, initialize: false, isTrained: true, origin };
}

/** The configuration of a run that was trained here; of another model, that of a run which starts from it. */
async function configOf(
  source: string,
  run: Readonly<Record<string, unknown>> | undefined,
): Promise<RunConfig> {
  if (run === undefined || !("steps" in run)) {
    return (await planRun({ from: source, data: NO_IMAGES })).config;
  }
  const { trainedBy: _trainedBy, ...own } = run;
  const data = isObject(run.data) ? run.data : {};
  return resolveRun({ ...own, data: { ...data, images: NO_IMAGES, filesFrom: null } });
}

async function untrained(options: Partial<RunOptions>, engine: EngineOptions): Promise<Project> {
  const { data } = options;
  const placed = isObject(data) ? { ...data, images: NO_IMAGES, filesFrom: null } : NO_IMAGES;
  const plan = await planRun({ ...options, data: placed } as RunOptions);
  checkCarried(plan.config);
  await selectEngine(engine);
  return { config: plan.config, isTrained: false, ...(await startingModel(plan)) };
}

/**
 * A run's configuration without what only this machine knows: places of files, what computes. A codebook that stays as it
 * is stands among the frozen parts.
 */
function withoutPlaces(config: RunConfig): JsonObject {
  const { engine: _engine, device: _device, threads: _threads, data, ...rest } = config;
  const { images: _images, ...geometry } = data;
  const { from, freeze } = config;
  const isFrozen = from?.codebook === "frozen" && !freeze.includes("codebook");
  return savedConfig({
    ...(rest as RunConfig),
    data: geometry as RunConfig["data"],
    freeze: isFrozen ? [...freeze, "codebook"] : freeze,
    from: from === null ? null : { ...from, model: path.basename(from.model) },
  });
}

function warningsOf({ evaluateEvery }: RunConfig): string[] {
  if (evaluateEvery === null) return [];
  return [
    "evaluateEvery: the project evaluates nothing while it trains. Evaluate the model once it is imported.",
  ];
}

/** The Python files of a project, by their names there. @throws VqkitError("file") */
async function pythonSources(folder: string): Promise<[name: string, content: Uint8Array][]> {
  const names = ["train.py", "requirements.txt"];
  try {
    for (const entry of await readdir(path.join(folder, "vqkit_torch"), { recursive: true })) {
      if (entry.endsWith(".py")) names.push(path.posix.join("vqkit_torch", entry.replaceAll(path.sep, "/")));
    }
  } catch (error) {
    throw errnoOf(error) === undefined ? error : fileError(folder, "read the folder", error);
  }
  return Promise.all(
    names.sort().map(async (name) => [name, await readWhole(path.join(folder, name), MAX_SOURCE)] as const),
  ) as Promise<[string, Uint8Array][]>;
}
