import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { beforeAll, expect, test } from "vitest";
import { findRuns } from "../../src/data/find-runs.js";
import { temporaryFolder } from "./temporary.js";

const root = await temporaryFolder();

beforeAll(async () => {
  const files: Record<string, string> = {
    "runs/fsq-1/config.json": '{"format":"vqkit-run"}',
    "runs/fsq-2/config.json": '{"format":"vqkit-run"}',
    "runs/vq-1/config.json": '{"format":"vqkit-run"}',
    "runs/photos/config.json": '{"format":"coco"}',
    "runs/photos/a.png": "x",
    "runs/deep/vq-3/config.json": '{"format":"vqkit-run"}',
    "runs/codes/manifest.json": '{"format":"vqkit-codes"}',
  };
  for (const [name, text] of Object.entries(files)) {
    await mkdir(path.dirname(`${root}/${name}`), { recursive: true });
    await writeFile(`${root}/${name}`, text);
  }
});

test.each([
  ["runs/*", ["runs/fsq-1", "runs/fsq-2", "runs/vq-1"]],
  ["runs/*-1", ["runs/fsq-1", "runs/vq-1"]],
  ["runs/**", ["runs/deep/vq-3", "runs/fsq-1", "runs/fsq-2", "runs/vq-1"]],
  ["*/*/vq*", ["runs/deep/vq-3"]],
  ["runs/fsq-{2..1}", ["runs/fsq-1", "runs/fsq-2"]],
  ["runs/{fsq,vq}-?", ["runs/fsq-1", "runs/fsq-2", "runs/vq-1"]],
  ["runs/*/*.png", []],
  ["nowhere/*", []],
  ["runs/fsq-1", []],
])("%s stands for runs as in a shell", async (pattern, expected) => {
  expect(await findRuns(`${root}/${pattern}`)).toEqual(expected.map((name) => `${root}/${name}`));
});

test("a pattern from the current folder gives names from there", async () => {
  const here = path.relative(process.cwd(), root).replaceAll(path.sep, "/");
  expect(await findRuns(`${here}/runs/f*`)).toEqual([`${here}/runs/fsq-1`, `${here}/runs/fsq-2`]);
});
