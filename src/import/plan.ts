/** From names and shapes to a model of ours: everything that can be known, and be wrong, before a value is read. */
import { isDeepStrictEqual } from "node:util";
import {
  type AutoencoderConfig,
  decoderLayers,
  encoderLayers,
  resolveModel,
  stageWidths,
} from "../autoencoder/index.js";
import { ConfigError, VqkitError } from "../core/errors.js";
import { valueAt } from "../core/objects.js";
import { unknownName } from "../core/suggest.js";
import type { TensorInfo, TensorSource } from "../files/index.js";
import { parseQuantizerConfig, type QuantizerConfig } from "../quantizers/index.js";
import { families } from "./families/index.js";
import type { Family, FixedFields, FoundConfig, FoundWeights } from "./family.js";
import { isAverage, prefixOf } from "./find-weights.js";
import { fileRefusal, networkRefusal } from "./refusals.js";
import type { OpenedSource } from "./source.js";
import { type ModelStructure, structureOf } from "./structure.js";
import { mapWeights, shapesOf, theirName, type WeightMap } from "./weight-map.js";

export interface PlanOptions {
  /** A family's name; found out where absent. */
  readonly family?: string | undefined;
  /** What stands before the tokenizer's names; found out where absent. */
  readonly prefix?: string | undefined;
}

/** What is to be read, and the model that it makes. */
export interface ImportPlan {
  readonly family: Family;
  readonly prefix: string;
  /** Whether the weights are a running average that stood beside others. */
  readonly averaged: boolean;
  readonly model: AutoencoderConfig;
  readonly quantizer: QuantizerConfig;
  readonly weights: WeightMap["weights"];
  /** Names of the source that were not taken. */
  readonly leftOut: readonly string[];
}

/** Of a running average that stands beside the weights, in names without dots (`LitEma`). */
const AVERAGE = "model_ema.";
/** What training leaves beside a model, whatever the family. */
const OF_TRAINING = [
  /^loss\./,
  /^model_ema\./,
  /^discriminator\./,
  /^(perceptual_loss|lpips)\./,
  /num_batches_tracked$/,
];

type Names = ReadonlyMap<string, { readonly source: string; readonly info: TensorInfo }>;

/** @throws VqkitError("format") saying what stands in the way, and naming the first weight that is over or missing */
export function planImport({ tensors, config }: OpenedSource, options: PlanOptions): ImportPlan {
  const where = tensors.paths[0] ?? "source";
  const prefix = prefixOf([...tensors.tensors.keys(), ...tensors.unreadable.keys()], {
    wanted: options.prefix,
    where,
  });
  if (prefix === undefined) throw held(where, fileRefusal(shapesUnder(tensors, "")));
  const all = namesUnder(tensors, prefix);
  const found = { shapes: shapesUnder(tensors, prefix), config };
  const refusal = networkRefusal(found);
  if (refusal !== undefined) throw held(where, refusal);
  const family = familyOf(found, options.family, where);
  const ownAverage = family.averaged === true && hasAverage(all);
  const names = withoutTraining(family, ownAverage ? averaged(all) : all);
  const map = mapWeights(family, found, names);
  const [first] = map.unknown;
  if (first !== undefined) {
    throw new VqkitError(
      "format",
      `${where}: ${family.title} has no weight "${prefix}${first}"${others(map.unknown)}. If it is another family's, name that (option family).`,
    );
  }
  const structure = structureOf(shapesOf(map.weights), {
    where,
    ...(family.fixed(found).down === "average" ? { halvings: averageHalvings(map) } : {}),
  });
  checkClaims(family, structure, found);
  const { model, quantizer } = configured(family, structure, found);
  checkComplete({ map, model, quantizer, where, prefix, unreadable: tensors.unreadable, family });
  const taken = new Set([...map.weights.values()].map(({ source }) => source));
  return {
    family,
    prefix,
    averaged: ownAverage || isAverage(prefix),
    model,
    quantizer,
    weights: map.weights,
    leftOut: [...tensors.tensors.keys()].filter((name) => !taken.has(name)),
  };
}

function held(where: string, reason: string): VqkitError {
  return new VqkitError("format", `${where}: this model cannot be imported: ${reason}.`);
}

function shapesUnder({ tensors }: TensorSource, prefix: string): Map<string, readonly number[]> {
  return new Map(
    [...tensors].flatMap(([name, { shape }]) =>
      name.startsWith(prefix) ? [[name.slice(prefix.length), shape] as const] : [],
    ),
  );
}

function namesUnder({ tensors }: TensorSource, prefix: string): Names {
  return new Map(
    [...tensors].flatMap(([source, info]) =>
      source.startsWith(prefix) ? [[source.slice(prefix.length), { source, info }] as const] : [],
    ),
  );
}

/** The family that is asked for, that the configuration names, or whose names these are. */
function familyOf(found: FoundWeights, wanted: string | undefined, where: string): Family {
  if (wanted !== undefined) {
    const family = families.find(({ name }) => name === wanted);
    if (family !== undefined) return family;
    throw new ConfigError(
      "family",
      unknownName(
        "family",
        wanted,
        families.map(({ name }) => name),
      ),
    );
  }
  const { config } = found;
  const named = config === undefined ? undefined : families.find((family) => family.isNamedBy?.(config));
  const matching = named ?? families.find((family) => family.matches(found));
  if (matching === undefined) {
    throw held(
      where,
      "it is a convolutional network, but its weights have the names of no family that is known",
    );
  }
  if (named === undefined && matching.name === "taming") checkUnambiguous(found, where);
  return matching;
}

/** IBQ has taming's names and another search, which decodes to other images. Its published models have 4 blocks. */
function checkUnambiguous({ shapes }: FoundWeights, where: string): void {
  if (!shapes.has("encoder.down.0.block.3.conv1.weight")) return;
  throw new VqkitError(
    "format",
    `${where}: expected to know how codes are searched, which these names do not say: taming (the nearest code) or ibq (the largest inner product). Name the family (option family), or give the YAML configuration (option config).`,
  );
}

function hasAverage(names: Names): boolean {
  return [...names.keys()].some((name) => name.startsWith(AVERAGE));
}

/** Each weight from the running average, where that has one. */
function averaged(names: Names): Names {
  return new Map(
    [...names].map(([name, place]) => [name, names.get(AVERAGE + name.replaceAll(".", "")) ?? place]),
  );
}

function withoutTraining(family: Family, names: Names): Names {
  const patterns = [...OF_TRAINING, ...(family.leftOut ?? [])];
  return new Map([...names].filter(([name]) => !patterns.some((pattern) => pattern.test(name))));
}

function averageHalvings({ weights }: WeightMap): number {
  const stages = [...weights.keys()].map((name) => Number(/^encoder\/stage(\d+)\//.exec(name)?.[1] ?? 0));
  return Math.max(...stages, 0);
}

function configured(
  family: Family,
  structure: ModelStructure,
  found: FoundWeights,
): { model: AutoencoderConfig; quantizer: QuantizerConfig } {
  const { halvings, codeDim: _, codebookSize: __, ...shape } = structure;
  const fixed = family.fixed(found);
  checkGroups(structure, fixed);
  const model = resolveModel({
    preset: "vqgan",
    layout: "full-size",
    downsamplingFactor: structure.waveletPatch * 2 ** halvings,
    groupNorm: true,
    ...shape,
    ...fixed,
  });
  return { model, quantizer: parseQuantizerConfig(family.quantizer(structure, found)) };
}

function checkGroups(structure: ModelStructure, { normGroups }: FixedFields): void {
  const widths = [structure.inputWidth, ...stageWidths(structure)];
  const wrong = widths.find((width) => width % normGroups !== 0);
  if (wrong === undefined) return;
  throw new VqkitError(
    "format",
    `Weights: expected widths that ${normGroups} groups of a norm divide, got ${wrong}. Give the configuration that says the number of groups (option config).`,
  );
}

/** Holds what the configuration states against what the weights are. */
function checkClaims(family: Family, structure: ModelStructure, found: FoundWeights): void {
  const { config } = found;
  if (config === undefined) return;
  for (const { field, expected } of family.claims?.(structure, found) ?? []) {
    const stated = valueAt(config.content, field);
    if (stated === undefined || expected === undefined || isDeepStrictEqual(stated, expected)) continue;
    throw new VqkitError(
      "format",
      `${config.path}: ${field}: expected ${JSON.stringify(expected)}, as the weights are, got ${JSON.stringify(stated)}. It is the configuration of another model.`,
    );
  }
}

interface Completeness {
  readonly map: WeightMap;
  readonly model: AutoencoderConfig;
  readonly quantizer: QuantizerConfig;
  readonly where: string;
  readonly prefix: string;
  readonly unreadable: ReadonlyMap<string, string>;
  readonly family: Family;
}

/** Every weight of the model is there with its shape, and none besides. */
function checkComplete({ map, model, where, prefix, unreadable, family }: Completeness): void {
  const codes = map.weights.get("quantizer/codes")?.shape;
  const codeDim = codes?.[1] ?? map.weights.get("projection/in/kernel")?.shape[3] ?? model.latentChannels;
  const layers = [...encoderLayers(model, codeDim), ...decoderLayers(model, codeDim)];
  const wanted = new Map(
    layers.flatMap(({ parameters }) => parameters.map(({ name, shape }) => [name, shape])),
  );
  const title = (name: string) => `"${prefix}${theirName(name, map.table)}"`;
  const missing = [...wanted.keys()].filter((name) => !map.weights.has(name));
  const [first] = missing;
  if (first !== undefined) {
    const needed = unreadable.get(`${prefix}${theirName(first, map.table)}`);
    const why =
      needed === undefined ? "got none" : `got an object that only ${JSON.stringify(needed)} could make`;
    throw new VqkitError(
      "format",
      `${where}: expected a weight ${title(first)} of ${family.title}, ${why}${others(missing)}.`,
    );
  }
  for (const [name, { shape, info }] of map.weights) {
    const own = wanted.get(name);
    if (own === undefined && name !== "quantizer/codes") {
      throw new VqkitError(
        "format",
        `${where}: ${family.title} of these sizes has no weight ${title(name)}.`,
      );
    }
    if (own !== undefined && own.join() !== shape.join()) {
      throw new VqkitError(
        "format",
        `${where}: weight ${title(name)}: expected [${own.join(",")}] (height, width, in, out), got [${info.shape.join(",")}].`,
      );
    }
  }
}

function others(names: readonly string[]): string {
  return names.length > 1 ? ` (and ${names.length - 1} more)` : "";
}

/** A configuration's file name, for what is told and kept. */
export function configName(config: FoundConfig | undefined): string | undefined {
  return config?.path.split(/[\\/]/).at(-1);
}
