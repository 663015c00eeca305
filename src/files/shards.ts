/** Arrays in several files, with an index that says which file holds which, as Hugging Face writes large models. */
import { basename, dirname, extname, join } from "node:path";
import { VqkitError } from "../core/errors.js";
import { isObject } from "../core/objects.js";
import { formatError, isMissingFile, quoted } from "./file-errors.js";
import { readJsonFile } from "./json-file.js";
import { openPytorch } from "./pytorch/pytorch-file.js";
import { openSafetensors } from "./safetensors-source.js";
import type { StoredTensor } from "./tensor-data.js";
import type { TensorInfo, TensorSource } from "./tensor-source.js";

/** The file of each array, by the array's name. */
export type ShardIndex = ReadonlyMap<string, string>;

/** Opens a file of arrays: safetensors by its name, and otherwise what torch.save wrote. @throws as they do */
export async function openTensors(path: string): Promise<TensorSource> {
  return extname(path) === ".safetensors" ? openSafetensors(path) : openPytorch(path);
}

/** Reads `model.safetensors.index.json`. @throws VqkitError("format" | "file") */
export async function readShardIndex(path: string): Promise<ShardIndex> {
  const index = await readJsonFile(path);
  const map = isObject(index) ? index.weight_map : undefined;
  if (!isObject(map)) throw formatError(path, 'expected an object under "weight_map".');
  const files = new Map<string, string>();
  for (const [name, file] of Object.entries(map)) {
    if (typeof file !== "string" || file === "" || basename(file) !== file || file.includes("\\")) {
      throw formatError(path, `expected the name of a file for ${quoted(name)}, got ${quoted(file)}.`);
    }
    files.set(name, file);
  }
  return files;
}

/**
 * Opens those files of an index that hold wanted arrays; the others may be missing.
 *
 * @throws VqkitError("file") naming a file that is missing; VqkitError("format") for an array that its file lacks
 */
export async function openShards(
  path: string,
  index: ShardIndex,
  isWanted: (name: string) => boolean = () => true,
): Promise<TensorSource> {
  const wanted = [...index].filter(([name]) => isWanted(name));
  const shards = new Map<string, TensorSource>();
  const close = async (): Promise<void> => {
    for (const shard of shards.values()) await shard.close();
  };
  try {
    const tensors = new Map<string, TensorInfo>();
    for (const [name, file] of wanted) {
      if (!shards.has(file)) shards.set(file, await openShard(path, file));
      const info = shards.get(file)?.tensors.get(name);
      if (info === undefined) {
        throw formatError(path, `expected ${quoted(name)} in ${file}, got a file without it.`);
      }
      tensors.set(name, info);
    }
    const read = async (name: string): Promise<StoredTensor> => {
      const shard = shards.get(index.get(name) ?? "");
      if (shard === undefined) throw formatError(path, `expected a tensor ${quoted(name)}, got none.`);
      return shard.read(name);
    };
    const paths = [path, ...[...shards.values()].flatMap((shard) => shard.paths)];
    return { paths, tensors, unreadable: new Map(), read, close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function openShard(index: string, file: string): Promise<TensorSource> {
  try {
    return await openTensors(join(dirname(index), file));
  } catch (error) {
    if (!isMissingFile(error)) throw error;
    throw new VqkitError("file", `${index}: expected ${file} beside it, got none. Download it too.`, {
      cause: error,
    });
  }
}
