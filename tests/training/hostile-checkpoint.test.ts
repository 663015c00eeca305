import { cp, readdir } from "node:fs/promises";
import path from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import type { StoredTensor, TensorMap } from "../../src/files/index.js";
import { type Checkpoint, RunFolder } from "../../src/runs/index.js";
import { Trainer } from "../../src/training/index.js";
import { useEngine } from "../engine.js";
import { tinyFolders, tinyRun } from "./tiny-runs.js";

const { images, runs } = await tinyFolders();
const whole = path.join(runs, "whole");

beforeAll(useEngine);
beforeAll(async () => {
  const options = tinyRun(images, {
    out: whole,
    checkpointEvery: 2,
    weightAverageDecay: 0.9,
    evaluateUntrained: false,
  });
  const trainer = await Trainer.create(options);
  for await (const { step } of trainer.run()) if (step === 2) break;
  trainer.dispose();
});

type Section = "weights" | "optimizer" | "ema" | "usage" | "timeline";

/** The same values under another shape. */
const shaped =
  (...shape: number[]) =>
  (tensor: StoredTensor): StoredTensor => ({ ...tensor, shape });
const flat = (tensor: StoredTensor): StoredTensor => shaped(tensor.data.length)(tensor);
const asDoubles = ({ shape, data }: StoredTensor): StoredTensor => ({
  dtype: "F64",
  shape,
  data: Float64Array.from(data as Float32Array),
});
const shorter = ({ shape, data }: StoredTensor): StoredTensor =>
  ({ dtype: "F32", shape: [(shape[0] as number) - 1], data: data.slice(1) }) as StoredTensor;

/** A run whose newest checkpoint has one array otherwise, under a checksum that is right. */
async function altered(
  name: string,
  section: Section,
  array: string,
  change: (tensor: StoredTensor) => StoredTensor,
): Promise<string> {
  const dir = path.join(runs, name.replace(/\W/g, "-"));
  await cp(whole, dir, { recursive: true });
  const checkpoints = (await RunFolder.open(dir)).checkpoints({ keep: 1 });
  const { checkpoint } = (await checkpoints.loadNewest()) as { checkpoint: Checkpoint };
  const tensors: TensorMap = checkpoint[section];
  const changed = new Map(tensors).set(array, change(tensors.get(array) as StoredTensor));
  await checkpoints.save({ ...checkpoint, [section]: changed }, { best: false });
  return dir;
}

describe("a checkpoint with an array that is not what it was written as", () => {
  // 4 crops of 6×8 positions at each of the 2 steps in the window: [2, 192]
  it.each<[Section, string, string, (tensor: StoredTensor) => StoredTensor]>([
    ["usage", "indices", "flat", flat],
    ["usage", "indices", "of rank 3", shaped(2, 2, 96)],
    ["usage", "indices", "one number", () => ({ dtype: "I32", shape: [], data: Int32Array.of(3) })],
    ["usage", "indices", "of no length", () => ({ dtype: "I32", shape: [0], data: new Int32Array(0) })],
    ["usage", "indices", "of another type", asDoubles],
    ["usage", "epoch/number", "a list", shaped(1)],
    ["usage", "epoch/indices/0", "of rank 2", (tensor) => shaped(1, tensor.data.length)(tensor)],
    ["timeline", "codes", "too short", shorter],
    ["timeline", "codes", "of another type", asDoubles],
    [
      "timeline",
      "counts/0",
      "of another type",
      ({ shape }) => ({ dtype: "F32", shape, data: new Float32Array(shape[0] as number) }),
    ],
    ["weights", "decoder/in/kernel", "flat", flat],
    ["optimizer", "firstMoment/decoder/in/kernel", "flat", flat],
    ["ema", "decoder/in/kernel", "of another type", asDoubles],
  ])("is refused by name and leaves the run as it was: %s/%s, %s", async (section, array, how, change) => {
    const dir = await altered(`${section} ${array} ${how}`, section, array, change);
    const before = (await readdir(dir)).sort();
    const error = await Trainer.resume(dir).then(
      () => undefined,
      (reason: unknown) => reason as Error & { code: string },
    );
    expect(error).toMatchObject({ name: "VqkitError", code: "format" });
    expect(error?.message).toContain(array.split("/").at(-1));
    expect(error?.message).not.toContain("\n");
    expect((await readdir(dir)).sort()).toEqual(before);
  });

  it("is the only reason: unaltered, the same run goes on", async () => {
    const dir = await altered("unaltered", "usage", "indices", (tensor) => tensor);
    const trainer = await Trainer.resume(dir);
    expect(trainer.resumed?.step).toBe(2);
    trainer.dispose();
  });
});
