/** Commands on images in shards and tables: a comparison with its photograph, a run's images by its configuration alone. */
import { readFile } from "node:fs/promises";
import path from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { RunFolder } from "../../src/runs/index.js";
import { COMMIT, startHub } from "../data/hub/hub-server.js";
import { temporaryFolder, vqkit } from "./harness.js";
import { imageSources } from "./image-sources.js";
import { SMALL } from "./resumed-program.js";

const { at } = await imageSources();
const two = ["--steps", "2", "--json"];

test("compare trains on shards, and shows a photograph out of one", async () => {
  const out = path.join(await temporaryFolder(), "comparison");
  const { code, stderr } = await vqkit([
    ...["compare", at("a.tar"), at("b.parquet"), "--quantizers", "fsq,vq", "--codebook-size", "16", ...two],
    ...[
      "--preset",
      "tiny",
      "--downsampling-factor",
      "2",
      "--crop-size",
      "16",
      "--batch-size",
      "2",
      "--threads",
      "1",
    ],
    ...["--set", "model.baseWidth=4", "--set", "model.latentChannels=4", "--out", out],
  ]);
  expect({ code, error: /error: .*/.exec(stderr)?.[0] }).toEqual({ code: 0, error: undefined });
  expect(stderr).not.toContain("A whole photograph is left out");
});

test("a run's images are found by its configuration: gradients are inspected, an export is checked on them", async () => {
  const dir = await temporaryFolder();
  const out = path.join(dir, "run");
  const from = ["--files-from", at("list.txt"), "--image-key", "photo.png"];
  expect((await vqkit(["train", ...from, ...SMALL, ...two, "--out", out, "--quiet"])).code).toBe(0);
  const inspected = await vqkit(["inspect", "gradients", out, "--json", "--quiet"]);
  expect({ code: inspected.code, stderr: inspected.stderr }).toEqual({ code: 0, stderr: "" });
  const exported = await vqkit([
    "export",
    out,
    "--to",
    "onnx",
    "--out",
    path.join(dir, "exported"),
    "--quiet",
  ]);
  expect(exported.code).toBe(0);
  expect(exported.stdout).toContain("1 image of the run's evaluation files");
});

test("train reads compressed shards through a shuffle buffer", async () => {
  const out = path.join(await temporaryFolder(), "run");
  const command = ["train", at("a.tar.gz"), ...SMALL, ...two, "--out", out, "--quiet"];
  expect((await vqkit([...command, "--shuffle-buffer", "2"])).code).toBe(0);
});

test("train takes a data set on a hub, records its commit, and resumes without the hub", async () => {
  const dir = await temporaryFolder();
  const files = Object.fromEntries(
    await Promise.all([0, 1, 2, 3].map(async (i) => [`data/${i}.png`, await readFile(at(`image${i}.png`))])),
  ) as Record<string, Buffer>;
  const hub = await startHub(files);
  vi.stubEnv("HF_ENDPOINT", hub.url);
  vi.stubEnv("XDG_CACHE_HOME", dir);
  onTestFinished(() => void vi.unstubAllEnvs());
  const out = path.join(dir, "run");
  const { code, stderr } = await vqkit(["train", "hf://owner/name", ...SMALL, ...two, "--out", out]);
  expect({ code, error: /error: .*/.exec(stderr)?.[0] }).toEqual({ code: 0, error: undefined });
  expect(stderr).toMatch(
    new RegExp(`downloading hf://owner/name@${COMMIT}: 4 files, 0(\\.\\d)? MB, to ${dir}/`),
  );
  const config = await (await RunFolder.open(out)).readConfig();
  expect(config.data).toMatchObject({ images: `hf://owner/name@${COMMIT}` });
  await hub.close();
  const resumed = await vqkit(["train", "--resume", out, "--steps", "3", "--quiet"]);
  expect({ code: resumed.code, stderr: resumed.stderr }).toEqual({ code: 0, stderr: "" });
});
