import { createRequire } from "node:module";
import { type JsonObject, OutputFolder } from "../files/index.js";
import { quantizerFacts } from "../quantizers/index.js";
import { type Original, RunFolder } from "../runs/index.js";
import type { ImportedTokenizer, ImportOptions } from "./imported-tokenizer.js";
import { originalFile } from "./original.js";
import { configName, type ImportPlan, planImport } from "./plan.js";
import { importProject, trainedProject } from "./pytorch-project.js";
import { type OpenedSource, openSource } from "./source.js";
import { readWeights } from "./weight-map.js";

/**
 * Turns a published tokenizer into a model of vqkit: config.json and model.safetensors in a new folder, which every
 * command and function takes as it takes a run. Weights become float32; nothing of the source is executed.
 *
 * What a PyTorch project of `exportPytorch` has trained becomes a run folder with its metrics.
 *
 * @param source a file of weights (.safetensors or its index, .ckpt, .pt, .pth, .bin, .jit), or the folder of a diffusers
 * `VQModel`, of a transformers model, of Cosmos's two archives, or of a PyTorch project
 * @throws VqkitError("format") saying what stands in the way, or naming the first weight that is over or missing, or the
 * field of the configuration that does not fit; ConfigError at `out`, `family` or `prefix`; VqkitError("file")
 */
export async function importTokenizer(source: string, options: ImportOptions): Promise<ImportedTokenizer> {
  await OutputFolder.check(options.out, options);
  const project = await trainedProject(source);
  if (project !== undefined) return importProject(project, options);
  const opened = await openSource(source, options);
  try {
    const plan = planImport(opened, options);
    return await OutputFolder.fill(options.out, options, (folder) =>
      write(folder, opened, { plan, options }),
    );
  } finally {
    await opened.tensors.close();
  }
}

async function write(
  { dir, staging }: OutputFolder,
  { tensors, config }: OpenedSource,
  { plan, options }: { readonly plan: ImportPlan; readonly options: ImportOptions },
): Promise<ImportedTokenizer> {
  const { model, quantizer } = plan;
  const values = await readWeights(tensors, plan.weights, options.onWeight ?? (() => {}));
  const files = [];
  for (const path of tensors.paths) files.push(await originalFile(path));
  const { version } = createRequire(import.meta.url)("vqkit/package.json") as { version: string };
  const original: Original = {
    family: plan.family.name,
    files,
    prefix: plan.prefix,
    averaged: plan.averaged,
    config: configName(config) ?? null,
    importedBy: version,
  };
  const stored = JSON.parse(JSON.stringify({ model, quantizer, original })) as JsonObject;
  const target = await RunFolder.create(staging);
  await target.writeConfig(stored);
  await target.writeModel({
    weights: new Map([...values].map(([name, value]) => [name, { dtype: "F32", ...value }])),
    config: stored,
  });
  return {
    dir,
    title: plan.family.title,
    original,
    model,
    quantizer,
    codebookSize: quantizerFacts(quantizer)?.codebookSize ?? 0,
    weights: values.size,
    numbers: [...values.values()].reduce((sum, { data }) => sum + data.length, 0),
    leftOut: counted(plan.leftOut, plan.prefix),
  };
}

/** How many names have each first part, e.g. `loss` or `optimizer_states`; the prefix is not one. */
function counted(names: readonly string[], prefix: string): Record<string, number> {
  const counts: Record<string, number> = Object.create(null);
  for (const name of names) {
    const [first = ""] = (name.startsWith(prefix) ? name.slice(prefix.length) : name).split(".");
    counts[first] = (counts[first] ?? 0) + 1;
  }
  return { ...counts };
}
