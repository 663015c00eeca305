import fs from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";
import { join } from "node:path";
import { afterEach, beforeAll, expect, it } from "vitest";
import { exportHuggingFace, exportOnnx, pruneModel } from "../../src/export/index.js";
import { temporaryFolder } from "../data/temporary.js";
import { useEngine } from "../engine.js";
import { runFolder, variants } from "./models.js";

const folder = await temporaryFolder();
const open = fs.open;
let opened: string[] = [];
let run = "";

beforeAll(async () => {
  await useEngine();
  run = await runFolder(folder, variants["vq, relu"]);
  fs.open = (path, ...rest) => {
    opened.push(String(path));
    return open(path, ...rest);
  };
  syncBuiltinESMExports();
  return () => {
    fs.open = open;
    syncBuiltinESMExports();
  };
});

afterEach(() => {
  opened = [];
});

const loads = (dir: string) => opened.filter((path) => path === join(dir, "model.safetensors")).length;

it("the count of a file's openings sees those that there are", async () => {
  await (await fs.open(join(run, "model.safetensors"))).close();
  expect(loads(run)).toBe(1);
});

it("exportOnnx loads the model once", async () => {
  await exportOnnx(run, { out: join(folder, "onnx"), threads: 1 });
  expect(loads(run)).toBe(1);
});

it("pruneModel loads the model once, and what it wrote, as proof, once", async () => {
  const images = join(folder, "small.png");
  const { default: sharp } = await import("sharp");
  await sharp({ create: { width: 24, height: 16, channels: 3, background: "teal" } })
    .png()
    .toFile(images);
  await pruneModel(run, { out: join(folder, "pruned"), evidence: { images }, threads: 1 });
  expect(loads(run)).toBe(1);
  // Written under a name of its own, and read from there.
  expect(opened.filter((path) => path.endsWith("model.safetensors")).length).toBe(2);
});

it("exportHuggingFace loads the model once, and copies the file's bytes", async () => {
  await exportHuggingFace(run, { out: join(folder, "hub") });
  expect(loads(run)).toBe(2);
});
