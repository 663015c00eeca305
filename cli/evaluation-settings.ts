import { stat } from "node:fs/promises";
import { isObject, withoutUndefined } from "../src/core/objects.js";
import type { LoadedModel } from "../src/tokenizer/index.js";
import type { RunConfig, RunOptions } from "../src/training/index.js";
import { UsageError } from "./errors.js";

/** A model that is to be evaluated. */
export interface NamedModel {
  /** What tells it from the others. */
  readonly name: string;
  readonly path: string;
  readonly loaded: LoadedModel;
}

/** What flags say of how images are cut and measured. */
export interface EvaluationFlags {
  readonly images: readonly string[];
  readonly filesFrom?: string;
  readonly column?: string;
  readonly imageKey?: string;
  readonly cropSize?: number | [number, number];
  readonly resize?: number;
  readonly cropsPerImage?: number;
  readonly loss?: string;
  readonly batchSize?: number;
  readonly allowOversize?: boolean;
}

/**
 * How several models are measured on the same images, by one configuration for each: as flags say, else as all the runs
 * did that say anything of it. What a run says of the number of crops or of the loss gives way where others say otherwise;
 * of the images' size it is refused.
 *
 * @throws UsageError where models were trained on images of several sizes and no flag says which; ConfigError for a size
 * that a model cannot take
 */
export async function evaluationConfigs(
  models: readonly NamedModel[],
  flags: EvaluationFlags,
): Promise<readonly RunConfig[]> {
  const { resolveRun } = await import("../src/training/index.js");
  const options = withoutUndefined({
    data: withoutUndefined({
      images: flags.filesFrom === undefined ? [...flags.images] : null,
      filesFrom: flags.filesFrom,
      column: flags.column,
      imageKey: flags.imageKey,
      heldOut: 0,
      ...(await sharedSize(models, flags)),
      evaluationCropsPerImage: flags.cropsPerImage ?? (await agreed(models, "evaluationCropsPerImage")),
    }),
    loss: flags.loss ?? (await agreed(models, "loss")),
    batchSize: flags.batchSize,
    allowOversize: flags.allowOversize ?? false,
  }) as Pick<RunOptions, "loss" | "batchSize" | "allowOversize"> & { data: RunOptions["data"] };
  const { ConfigError } = await import("../src/core/errors.js");
  return models.map(({ name, loaded: { model } }) => {
    try {
      return resolveRun({ ...options, model: model.config, quantizer: model.quantizer.config });
    } catch (error) {
      if (models.length === 1 || !(error instanceof ConfigError)) throw error;
      throw new ConfigError(error.path, `${error.message.slice(error.path.length + 2)} This is of ${name}.`);
    }
  });
}

/** The resizing and the crop that all models are measured with. */
async function sharedSize(models: readonly NamedModel[], flags: EvaluationFlags) {
  const size: Record<string, unknown> = {};
  for (const [field, flag] of [
    ["resize", "--resize"],
    ["cropSize", "--crop-size"],
  ] as const) {
    size[field] = flags[field];
    if (size[field] !== undefined) continue;
    const values = await saidOf(models, field);
    if (values.size <= 1) {
      [size[field]] = [...values.keys()].map((text) => JSON.parse(text) as unknown);
      continue;
    }
    const each = [...values].map(([text, name]) => `${sizeText(JSON.parse(text))} (${name})`);
    throw new UsageError(
      `${flag}: expected one for all models, which were trained with ${each.join(" and ")}. Say which: ${flag} N.`,
    );
  }
  return size;
}

function sizeText(value: unknown): string {
  if (value === null) return "none";
  return Array.isArray(value) ? value.join("x") : String(value);
}

/** What all runs say that say anything of a field; undefined where they differ. */
async function agreed(models: readonly NamedModel[], field: string): Promise<unknown> {
  const values = [...(await saidOf(models, field)).keys()];
  return values.length === 1 ? JSON.parse(values[0] as string) : undefined;
}

/** What the runs that left the models say of a field of theirs or of their data, as JSON, each with the first that does. */
async function saidOf(models: readonly NamedModel[], field: string): Promise<Map<string, string>> {
  const said = new Map<string, string>();
  for (const { path, name } of models) {
    const config = await savedRun(path);
    const value = field in config ? config[field] : isObject(config.data) ? config.data[field] : undefined;
    const text = value === undefined ? undefined : JSON.stringify(value);
    if (text !== undefined && !said.has(text)) said.set(text, name);
  }
  return said;
}

/** A run's configuration; nothing for a model file by itself. */
async function savedRun(modelPath: string): Promise<Readonly<Record<string, unknown>>> {
  const { RunFolder } = await import("../src/runs/index.js");
  if (!(await stat(modelPath)).isDirectory()) return {};
  return (await RunFolder.open(modelPath)).readConfig();
}
