import { VqkitError } from "../../core/errors.js";
import { openTensors, type TensorSource } from "../../files/index.js";
import type { Layer, WeightValue } from "../../nn/index.js";
import { tapsFirst } from "../../nn/index.js";

/**
 * Reads a network's weights out of torchvision's state dictionary, as `.pth` or safetensors. What else it holds (a
 * classifier) is not read; a prefix that all names have is passed over.
 *
 * @param stages whose parameters are called as torchvision's, with "/" for "."
 * @returns the weights of each stage, in our layout
 * @throws VqkitError("format") naming a weight that is missing or of another shape; VqkitError("file")
 */
export async function readStageWeights(
  path: string,
  stages: readonly Layer[],
): Promise<Map<string, WeightValue>[]> {
  const source = await openTensors(path);
  try {
    const prefix = prefixOf(source, stages, path);
    const read: Map<string, WeightValue>[] = [];
    for (const { parameters } of stages) {
      const values = new Map<string, WeightValue>();
      for (const { name, shape } of parameters)
        values.set(name, await weightOf(source, { name, shape, prefix, path }));
      read.push(values);
    }
    return read;
  } finally {
    await source.close();
  }
}

/**
 * Reads LPIPS's linear heads, as its package has them: `lin0.model.1.weight` [1, C, 1, 1] and so on.
 *
 * @returns the weights of each feature's channels
 * @throws as `readStageWeights`
 */
export async function readHeads(path: string, channels: readonly number[]): Promise<Float32Array[]> {
  const source = await openTensors(path);
  try {
    const heads: Float32Array[] = [];
    for (const [i, count] of channels.entries()) {
      const name = [`lin${i}.model.1.weight`, `lins.${i}.model.1.weight`].find((each) =>
        source.tensors.has(each),
      );
      const shape = name === undefined ? undefined : source.tensors.get(name)?.shape;
      if (name === undefined || shape?.join() !== [1, count, 1, 1].join()) {
        throw new VqkitError(
          "format",
          `${path}: expected LPIPS's heads, lin${i}.model.1.weight [1,${count},1,1], got ${shape === undefined ? "none" : `[${shape.join()}]`}. Take the file of the same network from the lpips package (weights/v0.1).`,
        );
      }
      heads.push(numbersOf((await source.read(name)).data, path));
    }
    return heads;
  } finally {
    await source.close();
  }
}

/** What stands before the names of the network's weights; none for torchvision's own files. */
function prefixOf({ tensors }: TensorSource, stages: readonly Layer[], path: string): string {
  const first = theirName(stages[0]?.parameters[0]?.name ?? "");
  const found = [...tensors.keys()].find((name) => name === first || name.endsWith(`.${first}`));
  if (found !== undefined) return found.slice(0, -first.length);
  throw new VqkitError(
    "format",
    `${path}: expected torchvision's weights of the network, ${first} among them, got none of that name. Save model.state_dict().`,
  );
}

/** `features/0/kernel` → `features.0.weight` */
function theirName(name: string): string {
  return name.replaceAll("/", ".").replace(/kernel$/, "weight");
}

interface Wanted {
  readonly name: string;
  readonly shape: readonly number[];
  readonly prefix: string;
  readonly path: string;
}

async function weightOf(source: TensorSource, { name, shape, prefix, path }: Wanted): Promise<WeightValue> {
  const theirs = `${prefix}${theirName(name)}`;
  // [rows, columns, inputs, outputs] are theirs as [outputs, inputs, rows, columns].
  const wanted = shape.length === 4 ? [shape[3], shape[2], shape[0], shape[1]] : [...shape];
  const found = source.tensors.get(theirs)?.shape;
  if (found?.join() !== wanted.join()) {
    throw new VqkitError(
      "format",
      `${path}: "${theirs}": expected [${wanted.join()}], got ${found === undefined ? "none" : `[${found.join()}]`}. Give the weights of the network that is named.`,
    );
  }
  const data = numbersOf((await source.read(theirs)).data, path);
  if (shape.length !== 4) return { shape, data };
  const [rows, columns, inputs, outputs] = shape as readonly [number, number, number, number];
  return { shape, data: tapsFirst(data, [rows * columns, inputs, outputs]) };
}

function numbersOf(data: ArrayLike<number | bigint>, path: string): Float32Array {
  if (data instanceof Float32Array) return data;
  if (data instanceof Float64Array) return Float32Array.from(data);
  throw new VqkitError("format", `${path}: expected float32 weights, got others. Save them as float32.`);
}
