/** Checkpoints for tests, and what becomes of damaged ones. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "vitest";
import type { TensorMap } from "../../src/files/index.js";
import { type Checkpoint, Checkpoints } from "../../src/runs/index.js";
import { temporaryFolder } from "./temporary-folder.js";

/** One of every section, with values that its step tells apart. */
export function checkpoint(step: number): Checkpoint {
  const f32 = (...values: number[]): TensorMap =>
    new Map([["a/kernel", { dtype: "F32", shape: [values.length], data: Float32Array.from(values) }]]);
  return {
    step,
    state: { seed: 3, config: { kind: "vq", levels: [8, 5] }, metricsOffset: 120 + step },
    weights: f32(step, -1.5),
    modules: new Map([["critic/w", { dtype: "F32", shape: [1], data: Float32Array.of(-step) }]]),
    optimizer: f32(step / 8),
    ema: new Map(),
    usage: new Map([["indices", { dtype: "I32", shape: [2, 1], data: Int32Array.from([step, 7]) }]]),
    timeline: new Map([["codes", { dtype: "F32", shape: [3], data: Float32Array.of(0.5, step, -2) }]]),
  };
}

/** An empty folder of them. */
export async function folder(keep = 2): Promise<Checkpoints> {
  return new Checkpoints(join(await temporaryFolder(), "checkpoints"), { keep });
}

/**
 * That a flipped bit in the values is detected, and one in the header that changes what it says.
 *
 * @param stride bytes from one that is tried to the next
 */
export async function expectFlipsDetected(stride: number): Promise<void> {
  const checkpoints = await folder();
  await checkpoints.save(checkpoint(1));
  const path = await checkpoints.save(checkpoint(2));
  const bytes = await readFile(path);
  const dataStart = 8 + Number(bytes.readBigUInt64LE());
  const undetected: number[] = [];
  for (let at = 0; at < bytes.length; at += stride) {
    const flipped = Buffer.from(bytes);
    flipped[at] = (flipped[at] as number) ^ 1;
    await writeFile(path, flipped);
    const loaded = await checkpoints.loadNewest();
    if (loaded?.checkpoint.step !== 1) {
      expect(loaded?.checkpoint).toEqual(checkpoint(2)); // a space of the padding at most
      undetected.push(at);
    }
  }
  expect(undetected.filter((at) => at >= dataStart)).toEqual([]);
  expect(undetected.filter((at) => bytes[at] !== 0x20)).toEqual([]);
}
