/**
 * Small tokenizers that tools/make-tokenizer-fixtures.py computed in PyTorch. Weights follow from their names, so that a
 * fixture holds what was computed alone: here they are made again, bit for bit, and written as a published file would be.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  crc32,
  readSafetensors,
  type StoredTensor,
  type TensorMap,
  writeSafetensors,
} from "../../src/files/index.js";

/** By its file: the form of its configuration, and the family that is expected to be found. */
export const fixtures = {
  amused: { family: "diffusers", config: "config.json" },
  "diffusers-attention": { family: "diffusers", config: "config.json" },
  movq: { family: "diffusers", config: "config.json" },
  janus: { family: "janus", config: "config.json" },
  chameleon: { family: "chameleon", config: "config.json" },
  taming: { family: "taming", config: "model.yaml" },
  "chameleon-original": { family: "taming", config: "vqgan.yaml" },
  ibq: { family: "ibq", config: "config.yaml" },
  "llamagen-vq16": { family: "llamagen" },
  "llamagen-vq8": { family: "llamagen" },
  maskgit: { family: "maskgit" },
  "open-magvit2": { family: "open-magvit2", config: "config.yaml" },
  "cosmos-di8": { family: "cosmos" },
  "cosmos-di16": { family: "cosmos" },
} as const satisfies Readonly<Record<string, { readonly family: string; readonly config?: string }>>;

export type FixtureName = keyof typeof fixtures;
export const fixtureNames = Object.keys(fixtures) as FixtureName[];

/** What PyTorch made of two images, by name; see the tool. */
export interface Fixture {
  readonly expected: TensorMap;
  readonly weights: Map<string, StoredTensor>;
  /** JSON; undefined where the family has none. */
  readonly config: Record<string, unknown> | undefined;
}

export async function readFixture(name: FixtureName): Promise<Fixture> {
  const { tensors, metadata } = await readSafetensors(
    join(import.meta.dirname, "fixtures", `${name}.safetensors`),
  );
  const ranges = Object.entries(
    JSON.parse(metadata.weights as string) as Record<
      string,
      [shape: number[], centre: number, spread: number]
    >,
  );
  return {
    expected: tensors,
    weights: new Map(
      ranges.map(([weight, [shape, centre, spread]]) => [
        weight,
        { dtype: "F32", shape, data: formula(weight, shape, [centre, spread]) },
      ]),
    ),
    config: metadata.config === undefined ? undefined : JSON.parse(metadata.config),
  };
}

/** `formula` of the tool. */
function formula(
  name: string,
  shape: readonly number[],
  [centre, spread]: readonly [number, number],
): Float32Array {
  const values = new Float32Array(shape.reduce((product, side) => product * side, 1));
  const seed = crc32(Buffer.from(name));
  for (let i = 0; i < values.length; i++) {
    let h = (Math.imul(i, 0x9e3779b9) + seed) >>> 0;
    h = Math.imul(h ^ (h >>> 16), 0x85ebca6b) >>> 0;
    h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35) >>> 0;
    h = (h ^ (h >>> 16)) >>> 0;
    values[i] = centre + spread * (h / 2 ** 32 - 0.5);
  }
  return values;
}

export interface WriteOptions {
  /** What is written instead of the fixture's. */
  readonly weights?: TensorMap;
  readonly config?: Record<string, unknown> | undefined;
}

/** Writes a fixture as a folder with one safetensors file and its configuration; JSON is YAML, too. */
export async function writeSource(
  folder: string,
  name: FixtureName,
  changed: WriteOptions = {},
): Promise<string> {
  const { weights, config } = { ...(await readFixture(name)), ...changed };
  await mkdir(folder, { recursive: true });
  await writeSafetensors(join(folder, "model.safetensors"), weights, {});
  const entry = fixtures[name];
  if (config !== undefined && "config" in entry) {
    await writeFile(join(folder, entry.config), JSON.stringify(config));
  }
  return folder;
}
