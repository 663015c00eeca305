import { createHash } from "node:crypto";
import { cp, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Tokenizer } from "../../src/tokenizer/index.js";
import { temporaryFolder, vqkit, writeImages } from "./harness.js";

/** The smallest run: two blocks of 8 channels, six steps. */
const SMALL = [
  ...["--preset", "tiny", "--downsampling-factor", "2", "--set", "model.baseWidth=8"],
  ...["--steps", "6", "--batch-size", "4", "--crop-size", "16x24", "--threads", "1"],
];

const shared = path.join(tmpdir(), `vqkit-workflow-${process.pid}`);
const photos = path.join(shared, "photos");
const model = path.join(shared, "model");

beforeAll(async () => {
  await mkdir(photos, { recursive: true });
  await writeImages(photos, 4);
  const { code, stderr } = await vqkit([
    "train",
    photos,
    "--quantizer",
    "fsq",
    "--levels",
    "4,6",
    ...SMALL,
    "--out",
    model,
  ]);
  expect(stderr).not.toContain("error");
  expect(code).toBe(0);
});

afterAll(() => rm(shared, { recursive: true, force: true }));

/** Every file of a folder by name, as a digest. */
async function contents(dir: string): Promise<Record<string, string>> {
  const names = (await readdir(dir, { recursive: true, withFileTypes: true })).filter((entry) =>
    entry.isFile(),
  );
  const digests = names.map(async ({ parentPath, name }) => {
    const file = path.join(parentPath, name);
    return [
      path.relative(dir, file),
      createHash("sha256")
        .update(await readFile(file))
        .digest("hex"),
    ] as const;
  });
  return Object.fromEntries(await Promise.all(digests));
}

describe("train", () => {
  test("leaves every file of a run folder, and says what the model is and what it reached", async () => {
    const dir = await temporaryFolder();
    const out = path.join(dir, "run");
    const { code, stdout, stderr } = await vqkit([
      "train",
      photos,
      ...SMALL,
      "--codebook-size",
      "16",
      "--out",
      out,
    ]);
    expect(code).toBe(0);
    expect((await readdir(out)).sort()).toEqual([
      "checkpoints",
      "config.json",
      "metrics.jsonl",
      "model.safetensors",
      "reconstructions",
      "reconstructions.png",
      "report.html",
      "summary.json",
      "timeline.vqt",
      "usage.json",
    ]);
    expect(stderr).toMatch(/^model +[\d,]+ parameters, [\d.]+ MFLOP an image forward/);
    expect(stderr).toContain("latent grid 8×12");
    expect(stderr).toContain("quantizer  vq, 16 codes of 64 numbers, 1,040 parameters");
    expect(stderr).toContain("3 to train on, 1 held out");
    expect(stderr).toContain("k-means");
    expect(stderr).toContain("training vq: 6/6 steps");
    expect(stdout).toMatch(/^PSNR +[\d.]+ dB +[\d.]+ dB +[\d.]+ dB$/m);
    const { config } = JSON.parse(await readFile(path.join(out, "config.json"), "utf8")) as {
      config: { quantizer: object; data: { cropSize: number[] }; steps: number };
    };
    expect(config.quantizer).toMatchObject({
      kind: "vq",
      codebookSize: 16,
      codebook: "ema",
      initialization: "kmeans",
    });
    expect(config.data.cropSize).toEqual([16, 24]);
    expect(config.steps).toBe(6);
  });

  test("--json --quiet prints the summary alone", async () => {
    const out = path.join(await temporaryFolder(), "run");
    const args = [
      "train",
      photos,
      "--quantizer",
      "fsq",
      "--levels",
      "4,3",
      ...SMALL,
      "--out",
      out,
      "--json",
      "--quiet",
    ];
    const { code, stdout, stderr } = await vqkit(args);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const result = JSON.parse(stdout) as {
      dir: string;
      final: { psnr: number };
      training: { steps: number };
    };
    expect(result.dir).toBe(out);
    expect(result.training.steps).toBe(6);
    const summary = JSON.parse(await readFile(path.join(out, "summary.json"), "utf8")) as {
      figures: { final: object };
    };
    expect(summary.figures.final).toEqual(result.final);
  });

  test("a folder that holds a run is refused untouched, and replaced with --overwrite", async () => {
    const out = path.join(await temporaryFolder(), "run");
    await cp(model, out, { recursive: true });
    const before = await contents(out);
    const again = ["train", photos, "--quantizer", "fsq", "--levels", "6,4", ...SMALL, "--out", out];
    const refused = await vqkit(again);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toMatch(/^error: [^\n]+earlier run[^\n]+\n$/);
    expect(await contents(out)).toEqual(before);
    expect((await vqkit([...again, "--overwrite"])).code).toBe(0);
    expect(await contents(out)).not.toEqual(before);
  });

  test("interrupted, it ends with 130 and leaves metrics and a checkpoint that can be read", async () => {
    const { Interrupted } = await import("../../cli/errors.js");
    const out = path.join(await temporaryFolder(), "run");
    const interruption = new AbortController();
    const args = [
      "train",
      photos,
      "--quantizer",
      "fsq",
      ...SMALL,
      "--steps",
      "100000",
      "--checkpoint-every",
      "100000",
      "--out",
      out,
    ];
    const running = vqkit(args, interruption.signal);
    // As soon as the first steps are on disk.
    const metrics = path.join(out, "metrics.jsonl");
    while ((await readFile(metrics, "utf8").catch(() => "")) === "")
      await new Promise((go) => setTimeout(go, 20));
    interruption.abort(new Interrupted("Interrupted."));
    const { code, stdout, stderr } = await running;
    expect({ code, stdout }).toEqual({ code: 130, stdout: "" });
    expect(stderr).toMatch(/\nInterrupted after step \d+ of 100000\. [^\n]+\n$/);
    const lines = (await readFile(metrics, "utf8")).trimEnd().split("\n");
    const steps = lines.map((line) => (JSON.parse(line) as { step: number }).step);
    expect(steps).toEqual(steps.map((_, i) => i + 1));
    const [, interrupted] = /after step (\d+)/.exec(stderr) ?? [];
    expect(steps.at(-1)).toBe(Number(interrupted));
    expect(await readdir(path.join(out, "checkpoints"))).toHaveLength(1);
    expect((await readdir(out)).filter((name) => name.endsWith(".tmp"))).toEqual([]);
  });

  test("broken images are named once and skipped", async () => {
    const dir = await temporaryFolder();
    await cp(photos, path.join(dir, "photos"), { recursive: true });
    await writeFile(path.join(dir, "photos", "torn.png"), "not an image");
    const args = [
      "train",
      path.join(dir, "photos"),
      "--quantizer",
      "fsq",
      ...SMALL,
      "--out",
      path.join(dir, "run"),
    ];
    const { code, stderr } = await vqkit(args);
    expect(code).toBe(0);
    expect(stderr.match(/torn\.png/g)).toHaveLength(1);
    expect(stderr).toContain("1 image was skipped.");
  });
});

describe("encode and decode", () => {
  test("give back the model's own reconstruction, byte for byte", async () => {
    const dir = await temporaryFolder();
    const codes = path.join(dir, "codes");
    const images = path.join(dir, "images");
    const encoded = await vqkit(["encode", model, photos, "--out", codes, "--json"]);
    expect(encoded.code).toBe(0);
    expect(JSON.parse(encoded.stdout)).toMatchObject({
      images: 4,
      codebookSize: 24,
      numCodebooks: 1,
      skipped: 0,
    });
    const decoded = await vqkit(["decode", model, codes, "--out", images]);
    expect(decoded.code).toBe(0);
    const files = [".vqkit.json", ...[0, 1, 2, 3].map((i) => `image${i}.png`)];
    expect((await readdir(images)).sort()).toEqual(files);

    const tokenizer = await Tokenizer.load(model);
    const expected = await tokenizer.reconstruct(path.join(photos, "image2.png"));
    tokenizer.dispose();
    const { data, info } = await sharp(path.join(images, "image2.png"))
      .raw()
      .toBuffer({ resolveWithObject: true });
    expect([info.width, info.height, info.channels]).toEqual([40, 24, 3]);
    expect(Buffer.from(expected.pixels).equals(data)).toBe(true);
  });

  test("decode refuses codes of another model and leaves nothing", async () => {
    const dir = await temporaryFolder();
    const codes = path.join(dir, "codes");
    const other = path.join(dir, "other");
    await vqkit(["encode", model, photos, "--out", codes]);
    await vqkit([
      "train",
      photos,
      "--quantizer",
      "fsq",
      "--levels",
      "4,6",
      "--seed",
      "1",
      ...SMALL,
      "--out",
      other,
    ]);
    const { code, stderr } = await vqkit(["decode", other, codes, "--out", path.join(dir, "images")]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^error: [^\n]*expected those of model [^\n]+\n$/);
    expect((await readdir(dir)).sort()).toEqual(["codes", "other"]);
  });

  test("decode keeps files of a folder that it may not replace, and other files where it may", async () => {
    const dir = await temporaryFolder();
    const codes = path.join(dir, "codes");
    const images = path.join(dir, "images");
    await vqkit(["encode", model, photos, "--out", codes]);
    await mkdir(images);
    await writeFile(path.join(images, "notes.txt"), "mine");
    const refused = await vqkit(["decode", model, codes, "--out", images]);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain("--overwrite");
    expect(await readdir(images)).toEqual(["notes.txt"]);
    expect((await vqkit(["decode", model, codes, "--out", images, "--overwrite"])).code).toBe(0);
    expect(await readFile(path.join(images, "notes.txt"), "utf8")).toBe("mine");
    expect(await readdir(images)).toHaveLength(5);
    expect(await readdir(dir)).toHaveLength(2);
  });

  test("images whose names differ in the ending alone get names of their own", async () => {
    const dir = await temporaryFolder();
    const mixed = path.join(dir, "mixed");
    await mkdir(mixed);
    await cp(path.join(photos, "image0.png"), path.join(mixed, "cat.png"));
    await sharp(path.join(photos, "image1.png")).toFile(path.join(mixed, "cat.jpg"));
    await vqkit(["encode", model, mixed, "--out", path.join(dir, "codes")]);
    await vqkit(["decode", model, path.join(dir, "codes"), "--out", path.join(dir, "images")]);
    expect((await readdir(path.join(dir, "images"))).sort()).toEqual([".vqkit.json", "cat-2.png", "cat.png"]);
  });

  test("a size that is no multiple of the factor is refused with the nearest that are", async () => {
    const dir = await temporaryFolder();
    const { code, stderr } = await vqkit([
      "encode",
      model,
      photos,
      "--size",
      "15",
      "--out",
      path.join(dir, "codes"),
    ]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^error: --size: expected a multiple [^\n]*14 or 16[^\n]+\n$/);
    expect(await readdir(dir)).toEqual([]);
  });
});

describe("evaluate", () => {
  test("measures on all images, cut as in training", async () => {
    const { code, stdout } = await vqkit(["evaluate", model, photos, "--json", "--quiet"]);
    expect(code).toBe(0);
    const { figures, conventions } = JSON.parse(stdout) as {
      figures: { images: number; samples: number; psnr: number };
      conventions: Record<string, unknown>;
    };
    // Of each of the 4 images of 24×40, one whole crop of 16×24; 8×12 positions each.
    expect(figures.images).toBe(4);
    expect(figures.samples).toBe(4 * 8 * 12);
    expect(figures.psnr).toBeGreaterThan(5);
    expect(conventions).toMatchObject({ evaluationSet: "all files", imageHeight: 16, imageWidth: 24 });
  });

  test("a bare model file needs no run folder around it", async () => {
    const { code, stdout } = await vqkit([
      "evaluate",
      path.join(model, "model.safetensors"),
      photos,
      "--crop-size",
      "24",
      "--json",
    ]);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ conventions: { imageHeight: 24, imageWidth: 24 } });
  });

  test("a crop that the model cannot halve names the flag", async () => {
    const { code, stderr } = await vqkit(["evaluate", model, photos, "--crop-size", "15"]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^error: --crop-size: [^\n]*14 or 16[^\n]+\n$/);
  });
});

describe("report", () => {
  test("of a run, with every denominator, and a page", async () => {
    const page = path.join(await temporaryFolder(), "page.html");
    const { code, stdout } = await vqkit(["report", model, "--html", page]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^held-out images +/m);
    expect(stdout).toMatch(/^the last \d+ steps of training \(step \d+\) +/m);
    expect(stdout).toContain("Uniform source");
    expect(stdout).toContain("Least used");
    expect(await readFile(page, "utf8")).toMatch(/^<!doctype html>/i);
  });

  test("of a folder of codes", async () => {
    const codes = path.join(await temporaryFolder(), "codes");
    await vqkit(["encode", model, photos, "--out", codes]);
    const { code, stdout } = await vqkit(["report", codes, "--json"]);
    expect(code).toBe(0);
    // 24×40 pixels are 12×20 positions.
    expect(JSON.parse(stdout)).toMatchObject({
      images: 4,
      codebookSize: 24,
      scopes: [{ samples: 4 * 12 * 20 }],
    });
  });
});

describe("compare", () => {
  test("trains each quantizer with each seed and prints one table", async () => {
    const out = path.join(await temporaryFolder(), "comparison");
    const args = [
      "compare",
      photos,
      ...SMALL,
      "--quantizers",
      "simvq,fsq",
      "--seeds",
      "3,1",
      "--codebook-size",
      "64",
    ];
    const { code, stdout, stderr } = await vqkit([...args, "--out", out]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^simvq +64 /m);
    expect(stdout).toMatch(/^fsq +\d+ /m);
    expect(stdout).toContain("Seeds 1, 3");
    expect(stderr).toMatch(/run 4\/4/);
    const comparison = JSON.parse(await readFile(path.join(out, "comparison.json"), "utf8")) as {
      rows: { quantizer: string; seeds: number[]; psnr: { values: number[]; std: number } }[];
      baselines: { untrained: object; meanColour: object };
    };
    expect(comparison.rows.map(({ quantizer, seeds }) => [quantizer, seeds])).toEqual([
      ["simvq", [1, 3]],
      ["fsq", [1, 3]],
    ]);
    expect(comparison.rows[0]?.psnr.values).toHaveLength(2);
    expect((await readdir(out)).sort()).toEqual([
      ...["comparison-plan.json", "comparison.csv", "comparison.html", "comparison.json", "comparison.png"],
      ...["fsq-seed1", "fsq-seed3", "simvq-seed1", "simvq-seed3"],
    ]);
    expect(await readdir(path.join(out, "fsq-seed3"))).toContain("report.html");

    // Runs of other names are no leave to replace the comparison of these.
    const before = await contents(out);
    const again = await vqkit(["compare", photos, ...SMALL, "--quantizers", "vq", "--out", out]);
    expect(again.code).toBe(2);
    expect(again.stderr).toMatch(/^error: --out [^\n]*comparison\.json[^\n]*--overwrite\.\n$/);
    expect(await contents(out)).toEqual(before);

    const report = await vqkit(["report", out]);
    expect(report.code).toBe(2);
    expect(report.stderr).toMatch(/^error: [^\n]*got a comparison[^\n]*\n$/);
  });

  test("a misspelt quantizer stops it before anything is trained", async () => {
    const dir = await temporaryFolder();
    const { code, stderr } = await vqkit([
      "compare",
      photos,
      "--quantizers",
      "vq,fsqq",
      "--out",
      path.join(dir, "c"),
    ]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^error: [^\n]*Unknown quantizer "fsqq"[^\n]*Did you mean "fsq"\?\n$/);
    expect(await readdir(dir)).toEqual([]);
  });
});

describe("wrong inputs: exit code 1, one line, nothing written", () => {
  async function failing(...args: string[]): Promise<string> {
    const dir = await temporaryFolder();
    const out = path.join(dir, "out");
    const { code, stdout, stderr } = await vqkit([...args, "--out", out]);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(/^error: [^\n]+\n$/);
    expect(await readdir(dir)).toEqual([]);
    return stderr;
  }

  test("an empty folder", async () => {
    expect(await failing("train", await temporaryFolder())).toContain("expected at least one image");
  });

  test("a folder that is not there", async () => {
    expect(await failing("encode", model, "nowhere")).toContain("nowhere");
  });

  test("nothing but unreadable files", async () => {
    const dir = await temporaryFolder();
    await writeFile(path.join(dir, "torn.jpg"), "not an image");
    expect(await failing("train", dir)).toContain("torn.jpg");
    expect(await failing("encode", model, dir)).toContain("torn.jpg");
  });

  test("a model folder without weights", async () => {
    const dir = await temporaryFolder();
    await cp(path.join(model, "config.json"), path.join(dir, "config.json"));
    expect(await failing("encode", dir, photos)).toContain("model.safetensors");
  });

  test("a folder that is no model", async () => {
    expect(await failing("encode", photos, photos)).toContain("config.json");
  });

  test("codes that are not there", async () => {
    expect(await failing("decode", model, photos)).toContain("manifest.json");
  });
});
