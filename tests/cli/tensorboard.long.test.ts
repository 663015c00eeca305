import { readdir } from "node:fs/promises";
import path from "node:path";
import { expect, test } from "vitest";
import { eventFiles, scalars } from "../training/event-reader.js";
import { vqkit } from "./harness.js";
import { oneRun } from "./one-runs.js";

test("compare --tensorboard has a folder in each run", async () => {
  const { dir, photos, shared } = await oneRun();
  const out = path.join(dir, "both");
  const flags = ["--config", shared, "--quantizers", "vq,fsq", "--codebook-size", "16", "--tensorboard"];
  expect((await vqkit(["compare", photos, ...flags, "--out", out])).code).toBe(0);
  const runs = (await readdir(out, { withFileTypes: true })).filter((entry) => entry.isDirectory());
  expect(runs).toHaveLength(2);
  for (const { name } of runs) {
    const files = await eventFiles(path.join(out, name, "tensorboard"));
    expect(scalars(files, "loss/totalLoss").map(([step]) => step)).toEqual([1, 2]);
  }
});
