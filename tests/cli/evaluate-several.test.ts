import { cp, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { shortNames } from "../../cli/evaluated-models.js";
import { importTokenizer } from "../../src/import/index.js";
import { useEngine } from "../engine.js";
import { writeSource } from "../import/fixtures.js";
import { vqkit, writeImages } from "./harness.js";

const shared = path.join(tmpdir(), `vqkit-evaluate-several-${process.pid}`);
const photos = path.join(shared, "photos");
const own = path.join(shared, "runs", "own");
const imported = path.join(shared, "models", "chameleon");
const QUIET = ["--quiet", "--threads", "1"];

beforeAll(async () => {
  await useEngine();
  await mkdir(photos, { recursive: true });
  await writeImages(photos, 3);
  const source = await writeSource(path.join(shared, "source"), "chameleon-original");
  await importTokenizer(source, { out: imported });
  const { code, stderr } = await vqkit([
    ...["train", photos, "--out", own, "--quantizer", "fsq", "--levels", "4,6", "--preset", "tiny"],
    ...["--downsampling-factor", "4", "--set", "model.baseWidth=8", "--crop-size", "16x24"],
    ...["--steps", "2", "--batch-size", "4", ...QUIET],
  ]);
  expect(code, stderr).toBe(0);
});

afterAll(() => rm(shared, { recursive: true, force: true }));

interface Model {
  name: string;
  path: string;
  fingerprint: string;
  origin?: { original: { family: string; files: { name: string; sha256: string }[] }; trained: boolean };
  downsamplingFactor: number;
  codebookSize: number;
  figures: Record<string, number | null>;
  geometry: Record<string, number>;
}

describe("evaluate with several models", () => {
  test("measures each as it is measured alone, on the same images, and tells where it comes from", async () => {
    const several = await vqkit(["evaluate", imported, own, photos, "--json", ...QUIET]);
    expect(several.code, several.stderr).toBe(0);
    const { models, meanColour, conventions } = JSON.parse(several.stdout) as {
      models: Model[];
      meanColour: Record<string, number>;
      conventions: Record<string, unknown>;
    };
    expect(models.map(({ name }) => name)).toEqual(["chameleon", "own"]);
    // The crop is that of the run, which alone says one: 16×24 for both.
    for (const [i, model] of [imported, own].entries()) {
      const alone = await vqkit(["evaluate", model, photos, "--crop-size", "16x24", "--json", ...QUIET]);
      const single = JSON.parse(alone.stdout);
      expect(models[i]?.figures).toEqual(single.figures);
      expect(models[i]?.geometry).toEqual(single.geometry);
      expect(meanColour).toEqual(single.meanColour);
      expect(conventions).toEqual(single.conventions);
    }
    expect(models[0]).toMatchObject({ path: imported, downsamplingFactor: 2, codebookSize: 128 });
    expect(models[1]).toMatchObject({ path: own, downsamplingFactor: 4, codebookSize: 24 });
    expect(models[0]?.geometry).toMatchObject({ gridHeight: 8, gridWidth: 12 });
    expect(models[1]?.geometry).toMatchObject({ gridHeight: 4, gridWidth: 6 });
    const { config } = JSON.parse(await readFile(path.join(imported, "config.json"), "utf8"));
    expect(models[0]?.origin).toEqual({ original: config.original, trained: false });
    expect(models[1]).not.toHaveProperty("origin");
  });

  test("prints one table, writes it as CSV, and takes runs of a pattern", async () => {
    const csv = path.join(shared, "models.csv");
    const pattern = path.join(shared, "{models,runs}", "*");
    const { code, stdout, stderr } = await vqkit(["evaluate", pattern, photos, "--csv", csv, ...QUIET]);
    expect(code, stderr).toBe(0);
    expect(stdout).toMatch(
      /^Model +Codes +Pixels +PSNR dB +SSIM +Recon\. loss +Usage +Perplexity +Bits\/px$/m,
    );
    expect(stdout).toMatch(/^chameleon +128 +2×2 +[\d.]+ /m);
    expect(stdout).toMatch(/^own +24 +4×4 +[\d.]+ /m);
    expect(stdout).toMatch(/^mean colour +– +– +[\d.]+ /m);
    expect(stdout).toMatch(/^chameleon: imported from taming: model\.safetensors, SHA-256 [0-9a-f]{64}\.$/m);
    expect(stdout).toMatch(/^The same 3 crops of 16×24 pixels for all\./m);
    const [head, ...rows] = (await readFile(csv, "utf8")).trim().split("\r\n");
    expect(head).toMatch(/^name,path,fingerprint,family,originalFiles,originalSha256,trainedOn,downsampling/);
    expect(rows.map((row) => row.split(",")[0])).toEqual(["chameleon", "own", "mean colour"]);
    for (const row of rows) expect(row.split(",")).toHaveLength(head?.split(",").length as number);
  });

  test("refuses in one line what cannot be measured alike, or stands in another order", async () => {
    const other = path.join(shared, "runs", "other");
    await cp(own, other, { recursive: true });
    const file = path.join(other, "config.json");
    const saved = JSON.parse(await readFile(file, "utf8"));
    saved.config.data.cropSize = [24, 24];
    await writeFile(file, JSON.stringify(saved));
    const lines: [args: string[], line: string][] = [
      [
        [own, other, photos],
        "--crop-size: expected one for all models, which were trained with 16x24 (own) and 24x24 (other). Say which: --crop-size N.",
      ],
      [
        [imported, own, photos, "--crop-size", "18"],
        "--crop-size: expected multiples of the model's downsamplingFactor 4, got 18. Nearest: 16 or 20. This is of own.",
      ],
      [
        [imported, photos, own],
        `${own}: expected all models before the images, got this one behind ${photos}. Type: vqkit evaluate ${imported} ${own} ${photos}`,
      ],
      [
        [imported, own],
        `expected IMAGES behind the 2 models: a folder, a glob pattern or files, got none. Type: vqkit evaluate ${imported} ${own} IMAGES`,
      ],
      [
        [photos, own],
        `${photos}: expected the model first, then IMAGES, got a folder that is no run. Type: vqkit evaluate ${own} ${photos}`,
      ],
    ];
    for (const [args, line] of lines) {
      expect(await vqkit(["evaluate", ...args, ...QUIET])).toEqual({
        code: 2,
        stdout: "",
        stderr: `error: ${line}\n`,
      });
    }
    await rm(other, { recursive: true });
  });
});

test("names are the shortest ends of paths that differ", () => {
  expect(shortNames(["a/vq", "a/fsq"])).toEqual(["vq", "fsq"]);
  expect(shortNames(["a/vq", "b/vq", "b/fsq"])).toEqual(["a/vq", "b/vq", "b/fsq"]);
  expect(shortNames(["a/model.safetensors", "b/other.safetensors"])).toEqual(["a", "other.safetensors"]);
});
