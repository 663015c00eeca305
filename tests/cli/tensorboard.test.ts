import { readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { expect, test } from "vitest";
import { eventFiles, scalars } from "../training/event-reader.js";
import { vqkit } from "./harness.js";
import { oneRun } from "./one-runs.js";

test("train --tensorboard writes event files, a resumed run goes on with them, and a failure is told", async () => {
  const { dir, photos, shared } = await oneRun();
  const out = path.join(dir, "run");
  const folder = path.join(out, "tensorboard");
  const flags = ["--config", shared, "--codebook-size", "16", "--out", out, "--tensorboard"];
  expect((await vqkit(["train", photos, ...flags])).code).toBe(0);
  const losses = async () => scalars(await eventFiles(folder), "loss/totalLoss").map(([step]) => step);
  expect(await losses()).toEqual([1, 2]);
  expect((await vqkit(["train", "--resume", out, "--steps", "3"])).code).toBe(0);
  expect(await losses()).toEqual([1, 2, 3]);
  await rm(folder, { recursive: true });
  await writeFile(folder, "in the way");
  const { code, stderr } = await vqkit(["train", "--resume", out, "--steps", "4", "--quiet"]);
  expect(code).toBe(0);
  expect(stderr).toMatch(
    /^warning {4}logger "TensorBoard": expected it to take "start" of step 3, got: \S+tensorboard: .*\. The run goes on without it\.\n$/,
  );
  const lines = (await readFile(path.join(out, "metrics.jsonl"), "utf8")).trimEnd().split("\n");
  expect(lines).toHaveLength(4);
});
