import { readdir } from "node:fs/promises";
import path from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { useEngine } from "../engine.js";
import { runFolder, variants } from "../export/models.js";
import { temporaryFolder, vqkit, writeImages } from "./harness.js";

beforeAll(useEngine);

describe("vqkit export", () => {
  test("writes ONNX files and says what was compared", async () => {
    const dir = await temporaryFolder();
    const run = await runFolder(dir, variants.fsq);
    await writeImages(dir, 2); // 40×24 pixels: 10·6 indices each
    const out = path.join(dir, "onnx");
    const args = ["export", run, "--to", "onnx", "--out", out, "--check", `${dir}/*.png`, "--quiet"];
    const { code, stdout, stderr } = await vqkit(args);
    expect(stderr).toBe("");
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^On 2 images given: all 120 indices are the live model's; \d+ of 5,760 pixel values differ/,
    );
    expect((await readdir(out)).sort()).toEqual(["decoder.onnx", "encoder.onnx"]);

    const again = await vqkit(args);
    expect(again.code).toBe(2);
    expect(again.stderr).toMatch(/^error: --out: expected a new or empty folder, got .*--overwrite/);
    const json = await vqkit([...args, "--overwrite", "--json"]);
    expect(JSON.parse(json.stdout)).toMatchObject({
      dir: out,
      roundTrip: { images: 2, differingIndices: 0 },
    });
  });

  test("writes a folder for the Hub", async () => {
    const dir = await temporaryFolder();
    const run = await runFolder(dir, variants.fsq);
    const out = path.join(dir, "hub");
    const { code, stdout, stderr } = await vqkit(["export", run, "--to", "huggingface", "--out", out]);
    expect(code).toBe(0);
    expect(stderr).toMatch(/^warning: .*no figures of a finished run/);
    expect(stdout).toContain("config.json, model.safetensors, preprocessor_config.json, README.md");
  });

  test.each([
    [["--to", "coreml", "--out", "x"], /--to.*coreml.*Allowed choices are onnx, huggingface/],
    [["--to", "onnx"], /--out/],
    [
      ["--to", "huggingface", "--out", "x", "--pixels", "float32"],
      /^error: --pixels: expected only with --to onnx/,
    ],
    [["--to", "onnx", "--out", "x", "--pixels", "rgb"], /--pixels.*rgb/],
  ])("%j is wrong usage", async (flags, message) => {
    const { code, stderr } = await vqkit(["export", "no-such-run", ...flags]);
    expect(code).toBe(2);
    expect(stderr).toMatch(message);
  });
});

describe("vqkit prune", () => {
  test("drops what images do not use, and says what was proved", async () => {
    const dir = await temporaryFolder();
    const run = await runFolder(dir, variants["vq, relu"]);
    await writeImages(dir, 2);
    const out = path.join(dir, "pruned");
    const args = ["prune", run, "--out", out, "--images", `${dir}/*.png`];
    const { code, stdout, stderr } = await vqkit([...args, "--quiet"]);
    expect(stderr).toBe("");
    expect(code).toBe(0);
    const left =
      /^(\d+) of 60 codes are left, those used in 2 images\. On 2 images all 120 indices are the remapped ones and all pixels are equal\./;
    expect(Number(left.exec(stdout)?.[1])).toBeLessThan(60);
    const encoded = await vqkit([
      "encode",
      out,
      `${dir}/image0.png`,
      "--out",
      path.join(dir, "codes"),
      "--quiet",
    ]);
    expect(encoded.stderr).toBe("");
    expect(encoded.code).toBe(0);
  });

  test("takes one kind of evidence, and no grid of FSQ", async () => {
    const dir = await temporaryFolder();
    const two = await vqkit(["prune", "a", "--out", "b", "--usage", "c", "--codes", "d"]);
    expect(two).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("--usage and --codes: expected one of them"),
    });
    const fsq = await vqkit(["prune", await runFolder(dir, variants.fsq), "--out", path.join(dir, "b")]);
    expect(fsq).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^error: quantizer\.kind: .*"fsq".*grid/),
    });
  });
});
