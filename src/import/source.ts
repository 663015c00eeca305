/** What a person points at: a file of weights or a folder, and the configuration beside it. */
import { readdir, stat } from "node:fs/promises";
import { basename, dirname, extname, join } from "node:path";
import { messageOf, VqkitError } from "../core/errors.js";
import { isObject } from "../core/objects.js";
import {
  errnoOf,
  fileError,
  formatError,
  openShards,
  openTensors,
  readJsonFile,
  readShardIndex,
  readWhole,
  type StoredTensor,
  type TensorInfo,
  type TensorSource,
} from "../files/index.js";
import type { FoundConfig } from "./family.js";
import { prefixOf } from "./find-weights.js";

const MAX_CONFIG = 2 ** 20;
/** Files of weights in the order of preference, as diffusers and transformers call them. */
const WEIGHT_FILES = [
  "diffusion_pytorch_model.safetensors",
  "model.safetensors",
  "model.safetensors.index.json",
  "diffusion_pytorch_model.bin",
  "pytorch_model.bin",
  "pytorch_model.bin.index.json",
] as const;
/** Halves of a model in two TorchScript archives, as Cosmos has them. */
const HALVES = ["encoder.jit", "decoder.jit"] as const;
/** Folders of a diffusers pipeline that hold a tokenizer. */
const PARTS = ["vqvae", "movq"] as const;
const WEIGHTS = /\.(ckpt|pt|pth|bin|safetensors|jit)$/;
const CONFIGS = /\.(ya?ml)$/;

/** The weights and the configuration of a source. */
export interface OpenedSource {
  readonly tensors: TensorSource;
  readonly config: FoundConfig | undefined;
}

export interface SourceOptions {
  /** A YAML or JSON file, instead of the one beside the weights. */
  readonly config?: string | undefined;
  /** Of the tokenizer's names, where a person has chosen it. */
  readonly prefix?: string | undefined;
}

/**
 * Opens a source.
 *
 * @throws VqkitError("file") for what is not there; VqkitError("format") for a folder without weights, or with several
 * files of which none is called as usual
 */
export async function openSource(source: string, options: SourceOptions): Promise<OpenedSource> {
  const isFolder = await isDirectory(source);
  const folder = isFolder ? await tokenizerFolder(source) : dirname(source);
  const file = isFolder ? await weightFiles(folder) : source;
  const config = await configBeside(folder, options.config);
  const tensors = typeof file === "string" ? await openOne(file, options) : await openHalves(file);
  return { tensors, config };
}

async function openOne(file: string, { prefix }: SourceOptions): Promise<TensorSource> {
  if (!file.endsWith(".index.json")) return openTensors(file);
  const index = await readShardIndex(file);
  const root = prefixOf(index.keys(), { wanted: prefix, where: file });
  if (root === undefined) return openShards(file, index);
  return openShards(file, index, (name) => name.startsWith(root));
}

async function openHalves(files: readonly string[]): Promise<TensorSource> {
  const opened: TensorSource[] = [];
  const close = async (): Promise<void> => {
    for (const each of opened) await each.close();
  };
  try {
    for (const file of files) opened.push(await openTensors(file));
  } catch (error) {
    await close();
    throw error;
  }
  const tensors = new Map<string, TensorInfo>(opened.flatMap((each) => [...each.tensors]));
  return {
    paths: files,
    tensors,
    unreadable: new Map(opened.flatMap((each) => [...each.unreadable])),
    read: async (name): Promise<StoredTensor> => {
      const owner = opened.findLast((each) => each.tensors.has(name));
      if (owner === undefined) throw formatError(files.join(", "), `expected a tensor "${name}", got none.`);
      return owner.read(name);
    },
    close,
  };
}

async function isDirectory(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (error) {
    throw fileError(path, "read", error);
  }
}

/** A pipeline's folder has its tokenizer in a folder of its own. */
async function tokenizerFolder(folder: string): Promise<string> {
  const names = await namesIn(folder);
  const part = names.includes("model_index.json") ? PARTS.find((name) => names.includes(name)) : undefined;
  return part === undefined ? folder : join(folder, part);
}

async function weightFiles(folder: string): Promise<string | readonly string[]> {
  const names = await namesIn(folder);
  if (HALVES.every((name) => names.includes(name))) return HALVES.map((name) => join(folder, name));
  const known = WEIGHT_FILES.find((name) => names.includes(name));
  if (known !== undefined) return join(folder, known);
  const others = names.filter((name) => WEIGHTS.test(name));
  const [only] = others;
  if (only !== undefined && others.length === 1) return join(folder, only);
  const found = others.length === 0 ? "none" : others.slice(0, 5).join(", ");
  throw new VqkitError(
    "format",
    `${folder}: expected one file of weights (${WEIGHT_FILES[0]}, ${WEIGHT_FILES[1]}, or one .ckpt, .pt, .pth, .bin, .jit), got ${found}. Give the file itself.`,
  );
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).sort();
  } catch (error) {
    throw fileError(folder, "read the folder", error);
  }
}

/** The given file; else `config.json`, or the one YAML file of the folder. */
async function configBeside(folder: string, given: string | undefined): Promise<FoundConfig | undefined> {
  if (given !== undefined) return readConfig(given);
  const names = await namesIn(folder);
  if (names.includes("config.json")) return readConfig(join(folder, "config.json"));
  const yamls = names.filter((name) => CONFIGS.test(name));
  const [only] = yamls;
  return only !== undefined && yamls.length === 1 ? readConfig(join(folder, only)) : undefined;
}

async function readConfig(path: string): Promise<FoundConfig> {
  const content = extname(path) === ".json" ? await readJsonFile(path) : await readYaml(path);
  if (!isObject(content)) throw formatError(path, "expected fields of a configuration.");
  return { path, content };
}

async function readYaml(path: string): Promise<unknown> {
  const text = Buffer.from(await readWhole(path, MAX_CONFIG)).toString("utf8");
  const { parse } = await import("yaml");
  try {
    return parse(text, { maxAliasCount: 100, schema: "core", logLevel: "silent" });
  } catch (error) {
    if (errnoOf(error) === undefined && !(error instanceof Error)) throw error;
    throw formatError(path, `not YAML: ${messageOf(error).split("\n")[0]}`);
  }
}

/** Names of files for what is told and kept: no folder of this machine is anybody's business. */
export function shortNames(paths: readonly string[]): string[] {
  return paths.map((path) => basename(path));
}
