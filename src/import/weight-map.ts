import { VqkitError } from "../core/errors.js";
import type { TensorInfo, TensorSource } from "../files/index.js";
import { storedWeightValues, tapsFirst, type WeightValue } from "../nn/index.js";
import type { Family, FoundWeights } from "./family.js";
import { NameTable } from "./name-table.js";
import type { Shapes } from "./structure.js";

/** One of our weights, and where its values stand. */
export interface MappedWeight {
  /** In the source, with its prefix. */
  readonly source: string;
  /** As the source has it. */
  readonly info: TensorInfo;
  /** As our model has it. */
  readonly shape: readonly number[];
}

/** Our weights by name, and what of the source is none of them. */
export interface WeightMap {
  readonly weights: ReadonlyMap<string, MappedWeight>;
  readonly table: NameTable;
  /** Names without the prefix that belong to the model and that the family has no place for. */
  readonly unknown: readonly string[];
}

/** Leaves that a table of codes has, and none. */
const CODES = "quantizer/codes";

/**
 * Names weights by our names.
 *
 * @param names of the tokenizer, without prefix, by which name to read them
 */
export function mapWeights(
  family: Family,
  found: FoundWeights,
  names: ReadonlyMap<string, { readonly source: string; readonly info: TensorInfo }>,
): WeightMap {
  const table = new NameTable(family.names(found), countsOf(family, found));
  const weights = new Map<string, MappedWeight>();
  const unknown: string[] = [];
  for (const [name, { source, info }] of names) {
    const ours = ourName(name, table);
    const shape = ours === undefined ? undefined : ourShape(ours, info.shape);
    if (ours === undefined || shape === undefined) unknown.push(name);
    else weights.set(ours, { source, info, shape });
  }
  return { weights, table, unknown };
}

/** The shapes of mapped weights. */
export function shapesOf(weights: WeightMap["weights"]): Shapes {
  return new Map([...weights].map(([name, { shape }]) => [name, shape]));
}

/** `decoder.up.0.block.1.norm1.weight` → `decoder/stage0/block1/norm1/scale` */
function ourName(name: string, table: NameTable): string | undefined {
  const dot = name.lastIndexOf(".");
  const [module, leaf] = [table.toOurs(name.slice(0, dot)), name.slice(dot + 1)];
  if (module === undefined) return undefined;
  if (module === CODES) return leaf === "weight" ? CODES : undefined;
  const isNorm = /\/norm\d*$/.test(module);
  if (leaf === "weight") return `${module}/${isNorm ? "scale" : "kernel"}`;
  if (leaf === "bias") return `${module}/${isNorm ? "offset" : "bias"}`;
  return undefined;
}

/** What a weight of ours is called in the source, for messages. */
export function theirName(ours: string, table: NameTable): string {
  const module = ours === CODES ? ours : ours.slice(0, ours.lastIndexOf("/"));
  const leaf = /\/(bias|offset)$/.test(ours) ? "bias" : "weight";
  return `${table.toTheirs(module) ?? module}.${leaf}`;
}

/** [O, I, H, W] → [H, W, I, O], a matrix [O, I] → [1, 1, I, O]; undefined for a shape that no weight has. */
function ourShape(name: string, shape: readonly number[]): readonly number[] | undefined {
  if (name === CODES) return shape.length === 2 ? shape : undefined;
  if (!name.endsWith("/kernel")) return shape.length === 1 ? shape : undefined;
  const [o, i, h = 1, w = 1] = shape as [number, number, number?, number?];
  return shape.length === 4 || shape.length === 2 ? [h, w, i, o] : undefined;
}

/** How many stages and halvings the encoder's names show. Its own templates need neither. */
function countsOf(family: Family, found: FoundWeights): { stages: number; halvings: number } {
  const table = new NameTable(family.names(found), { stages: 0, halvings: 0 });
  const stages = new Set<string>();
  const downs = new Set<string>();
  for (const name of found.shapes.keys()) {
    if (!name.startsWith("encoder.")) continue;
    const module = table.toOurs(name.slice(0, name.lastIndexOf("."))) ?? "";
    const [, stage] = /^encoder\/stage(\d+)\//.exec(module) ?? [];
    if (stage !== undefined) stages.add(stage);
    if (/^encoder\/down\d+$/.test(module)) downs.add(module);
  }
  const halvings = family.fixed(found).down === "average" ? Math.max(stages.size - 1, 0) : downs.size;
  return { stages: stages.size, halvings };
}

/**
 * Reads the weights, one at a time, as float32 and as our layers hold them.
 *
 * @throws VqkitError("format") naming a weight of integers, or one that is not finite
 */
export async function readWeights(
  source: TensorSource,
  weights: WeightMap["weights"],
  onWeight: (done: number, total: number) => void,
): Promise<Map<string, WeightValue>> {
  const read = new Map<string, WeightValue>();
  for (const [name, { source: from, shape }] of weights) {
    const tensor = await source.read(from);
    const { data } = onlyValue(from, storedWeightValues(new Map([[from, tensor]])));
    read.set(name, { shape, data: name.endsWith("/kernel") ? turned(data, shape) : data });
    onWeight(read.size, weights.size);
  }
  return read;
}

function onlyValue(name: string, values: ReadonlyMap<string, WeightValue>): WeightValue {
  const value = values.get(name);
  if (value === undefined) throw new VqkitError("format", `Weight "${name}": expected values, got none.`);
  return value;
}

/** [O, I, H, W] → [H, W, I, O] */
function turned(values: Float32Array, shape: readonly number[]): Float32Array {
  const [h, w, i, o] = shape as readonly [number, number, number, number];
  return tapsFirst(values, [h * w, i, o]);
}
