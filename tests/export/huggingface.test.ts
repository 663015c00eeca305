import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { exportHuggingFace } from "../../src/export/index.js";
import type { JsonObject } from "../../src/files/index.js";
import { RunFolder } from "../../src/runs/index.js";
import { Tokenizer } from "../../src/tokenizer/index.js";
import { temporaryFolder } from "../data/temporary.js";
import { useEngine } from "../engine.js";
import { runFolder, variants } from "./models.js";

const folder = await temporaryFolder();
beforeAll(useEngine);

const data = { images: "/home/somebody/private photographs", cropSize: [48, 64] };

async function finishedRun(): Promise<string> {
  const run = await runFolder(folder, { ...variants["vq, relu"], run: { data, seed: 3, batchSize: 12 } });
  const final: JsonObject = {
    images: 40,
    psnr: 21.456,
    ssim: 0.61234,
    reconstructionLoss: 0.0423,
    usage: 0.55,
    used: 33,
    samples: 7680,
    expectedUniformUsage: 0.999,
    perplexity: 20.25,
    bitsPerPixel: 0.27123,
  };
  const meanColour: JsonObject = { images: 40, psnr: 15.1, ssim: 0.2, reconstructionLoss: 0.2, usage: null };
  await (await RunFolder.open(run)).writeSummary({
    conventions: { evaluationSet: "held-out files", evaluationImages: 40, imageHeight: 48, imageWidth: 64 },
    figures: { final, untrained: null, meanColour, training: { steps: 900 }, model: { parameters: 12345 } },
  });
  return run;
}

test("a folder for the Hub loads as the same model, and says nothing of this machine", async () => {
  const run = await finishedRun();
  const out = join(folder, "my-tokenizer");
  const result = await exportHuggingFace(run, { out, threads: 1 });
  expect(result.warnings).toEqual([]);
  expect((await readdir(out)).sort()).toEqual([...result.files].sort());
  const [before, after] = [await Tokenizer.load(run), await Tokenizer.load(out)];
  expect(after.fingerprint).toBe(before.fingerprint);
  before.dispose();
  after.dispose();
  for (const name of result.files) {
    expect((await readFile(join(out, name))).includes("private photographs")).toBe(false);
  }
  const config = JSON.parse(await readFile(join(out, "config.json"), "utf8")) as JsonObject;
  expect(config).toMatchObject({
    model_type: "vqkit",
    codebook_size: 60,
    downsampling_factor: 4,
    config: { batchSize: 12, data: { cropSize: [48, 64] } },
  });
  const preprocessor = JSON.parse(await readFile(join(out, "preprocessor_config.json"), "utf8")) as {
    rescale_factor: number;
    image_mean: number[];
    image_std: number[];
  };
  // What a reader of the file makes of the byte 200 is what the model takes: 200/127.5 − 1.
  const value =
    (200 * preprocessor.rescale_factor - (preprocessor.image_mean[0] ?? 0)) /
    (preprocessor.image_std[0] ?? 0);
  expect(value).toBeCloseTo(200 / 127.5 - 1, 12);
});

test("the model card has the run's figures, each with its unit and what it was counted on", async () => {
  const out = join(folder, "card");
  await exportHuggingFace(await finishedRun(), { out, threads: 1 });
  const card = await readFile(join(out, "README.md"), "utf8");
  expect(card).toMatch(/^---\nlibrary_name: vqkit\n/);
  expect(card).toContain("# card\n");
  expect(card).toContain("On 40 crops of 48×64 pixels (held-out files).");
  expect(card).toContain("| PSNR | 21.46 dB | 15.10 dB |");
  expect(card).toContain("| codes used | 55.0 % (33) in 7,680 indices | – |");
  expect(card).toContain("| bits per pixel, entropy coded | 0.2712 | – |");
  expect(card).toContain("Trained for 900 steps of 12 crops.");
  expect(card).toContain("| parameters of the autoencoder | 12,345 |");
  // ⌈log2 60⌉ = 6 bits for 4×4 pixels.
  expect(card).toContain("| bits an index | 6 (0.375 bits a pixel without entropy coding) |");
  expect(card).not.toContain("undefined");
});

test("a model file by itself makes a card without figures, and says so", async () => {
  const run = await runFolder(folder, variants.fsq);
  const out = join(folder, "no-figures");
  const { warnings } = await exportHuggingFace(join(run, "model.safetensors"), { out, threads: 1 });
  expect(warnings).toHaveLength(1);
  expect(await readFile(join(out, "README.md"), "utf8")).toContain("None were measured");
  (await Tokenizer.load(out)).dispose();
});
