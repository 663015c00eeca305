import { cp, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ImageDataset } from "../../src/data/index.js";
import { temporaryFolder, vqkit, writeImages } from "./harness.js";

const shared = path.join(tmpdir(), `vqkit-report-${process.pid}`);
const photos = path.join(shared, "photos");
const model = path.join(shared, "model");
const codes = path.join(shared, "codes");

/** The smallest run: two blocks of 8 channels, six steps. */
beforeAll(async () => {
  await mkdir(photos, { recursive: true });
  await writeImages(photos, 4);
  const size = ["--preset", "tiny", "--downsampling-factor", "2", "--set", "model.baseWidth=8"];
  const short = ["--steps", "6", "--batch-size", "4", "--crop-size", "16x24", "--threads", "1"];
  const trained = await vqkit([
    "train",
    photos,
    "--quantizer",
    "fsq",
    "--levels",
    "4,6",
    ...size,
    ...short,
    "--out",
    model,
  ]);
  expect(trained.code).toBe(0);
  expect((await vqkit(["encode", model, photos, "--out", codes])).code).toBe(0);
});

afterAll(() => rm(shared, { recursive: true, force: true }));

describe("report", () => {
  test("--images counts on other images and shows what codes look like; --plots writes every chart", async () => {
    const dir = await temporaryFolder();
    const page = path.join(dir, "page.html");
    const plots = path.join(dir, "plots");
    const { code, stdout } = await vqkit([
      "report",
      model,
      "--images",
      photos,
      "--html",
      page,
      "--plots",
      plots,
    ]);
    expect(code).toBe(0);
    // 24×40 pixels are 12×20 positions.
    expect(stdout).toMatch(/images given +960 /);
    const text = await readFile(page, "utf8");
    for (const part of [
      "Codes by their levels",
      "Entropy by position",
      "What codes look like",
      "image/webp",
      // The first of the images given, 24×40 pixels, and its 12×20 codes.
      "image0.png, 40×24 pixels, its 20×12 codes",
    ]) {
      expect(text).toContain(part);
    }
    const names = await readdir(plots);
    for (const name of [
      "codebook-map",
      "code-levels",
      "rank-and-frequency",
      "entropy-by-position",
      "learning-rate",
    ]) {
      for (const kind of ["svg", "png", "csv"]) expect(names).toContain(`${name}.${kind}`);
    }
    const counts = (await readFile(path.join(plots, "codebook-map.csv"), "utf8"))
      .trim()
      .split("\r\n")
      .slice(1);
    expect(counts.reduce((sum, line) => sum + Number(line.split(",")[1]), 0)).toBe(960);
  });

  test("of codes shows where they stand, and with --model their vectors", async () => {
    const page = path.join(await temporaryFolder(), "page.html");
    expect((await vqkit(["report", codes, "--html", page])).code).toBe(0);
    const alone = await readFile(page, "utf8");
    expect(alone).toContain("Entropy by position");
    expect(alone).not.toContain("Codes in two dimensions");
    expect(alone).not.toContain("A whole photograph");
    expect((await vqkit(["report", codes, "--model", model, "--html", page])).code).toBe(0);
    const withModel = await readFile(page, "utf8");
    for (const part of ["Codes in two dimensions", "A whole photograph", "The model is not done learning"])
      expect(withModel).toContain(part);
  });

  test("of a run shows a whole photograph that was held out, as the report that train wrote", async () => {
    const page = path.join(await temporaryFolder(), "page.html");
    expect((await vqkit(["report", model, "--html", page])).code).toBe(0);
    const held = JSON.parse(await readFile(path.join(model, "config.json"), "utf8")).config.data;
    const [file] = (await ImageDataset.open(held, 0)).evaluationFiles.map((name) => path.basename(name));
    for (const name of [page, path.join(model, "report.html")])
      expect(await readFile(name, "utf8")).toContain(`${file}, 40×24 pixels, its 20×12 codes, a square each`);
  });

  test("of a run whose images are gone leaves the photograph out, and says so", async () => {
    const dir = await temporaryFolder();
    const run = path.join(dir, "run");
    await cp(model, run, { recursive: true });
    const config = path.join(run, "config.json");
    await writeFile(config, (await readFile(config, "utf8")).replace(photos, path.join(dir, "gone")));
    const page = path.join(dir, "page.html");
    const { code, stderr } = await vqkit(["report", run, "--html", page]);
    expect(code).toBe(0);
    expect(stderr).toMatch(/^A whole photograph is left out: [^\n]*gone[^\n]*\n$/);
    expect(await readFile(page, "utf8")).not.toContain("A whole photograph");
  });

  test("of a run that has not finished writes the page of what there is, and says that it is no more", async () => {
    const dir = await temporaryFolder();
    const run = path.join(dir, "run");
    const page = path.join(dir, "page.html");
    await cp(model, run, { recursive: true });
    for (const name of ["usage.json", "summary.json", "model.safetensors"]) await rm(path.join(run, name));
    const { code, stdout } = await vqkit(["report", run, "--html", page]);
    expect(code).toBe(0);
    expect(stdout).toContain("has not finished");
    const text = await readFile(page, "utf8");
    expect(text).toContain("Codebook usage");
    expect(text).not.toContain("Entropy by position");
    const alone = await vqkit(["report", run]);
    expect(alone.code).toBe(1);
    expect(alone.stderr).toMatch(/^error: [^\n]*usage\.json[^\n]*\n$/);
  });

  test.each([
    [["report", codes, "--images", photos], /^error: --images: expected a run folder[^\n]+\n$/],
    [["report", model, "--model", model], /^error: --model: expected codes with it[^\n]+\n$/],
  ])("refuses what does not belong together", async (args, message) => {
    const { code, stderr } = await vqkit(args);
    expect(code).toBe(2);
    expect(stderr).toMatch(message);
  });
});
