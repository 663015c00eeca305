import { readFile } from "node:fs/promises";
import path from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { useEngine } from "../engine.js";
import { writeSource } from "../import/fixtures.js";
import { temporaryFolder, vqkit, writeImages } from "./harness.js";

beforeAll(useEngine);

describe("vqkit import", () => {
  test("makes a model that encode, decode, evaluate, prune and export take", async () => {
    const dir = await temporaryFolder();
    const source = await writeSource(path.join(dir, "source"), "chameleon-original");
    const [model, codes] = [path.join(dir, "model"), path.join(dir, "codes")];
    const imported = await vqkit(["import", source, "--out", model]);
    expect(imported).toMatchObject({ code: 0 });
    expect(imported.stdout).toMatch(
      /^taming-transformers' VQGAN: 128 codes, one for 2×2 pixels\.\n125 weights \([\d,]+ numbers\) of model\.safetensors; vqgan\.yaml agrees with them\.\nWritten: /,
    );
    await writeImages(dir, 2, { width: 16, height: 12 });
    const images = `${dir}/*.png`;
    const quiet = ["--quiet", "--threads", "1"];
    for (const args of [
      ["encode", model, images, "--out", codes, ...quiet],
      ["decode", model, codes, "--out", path.join(dir, "decoded"), ...quiet],
      ["prune", model, "--images", images, "--out", path.join(dir, "smaller"), ...quiet],
      ["export", model, "--to", "onnx", "--out", path.join(dir, "onnx"), "--check", images, ...quiet],
      ["export", model, "--to", "huggingface", "--out", path.join(dir, "hub"), ...quiet],
    ]) {
      const { code, stderr } = await vqkit(args);
      expect([code, args[0]], stderr).toEqual([0, args[0]]);
    }
    const smaller = JSON.parse(await readFile(path.join(dir, "smaller", "config.json"), "utf8"));
    expect(smaller.config.original.family).toBe("taming");
    expect(await readFile(path.join(dir, "hub", "README.md"), "utf8")).toMatch(
      /origin \| imported from taming: model\.safetensors, SHA-256 [0-9a-f]{64} \|/,
    );
    const evaluated = await vqkit(["evaluate", model, images, "--crop-size", "8", "--json", ...quiet]);
    expect(JSON.parse(evaluated.stdout).origin.original.family).toBe("taming");
  });

  test("says in one line what is wrong", async () => {
    const dir = await temporaryFolder();
    const source = await writeSource(path.join(dir, "source"), "chameleon-original");
    const unknown = await vqkit(["import", source, "--family", "vqgan", "--out", path.join(dir, "model")]);
    expect(unknown.code).toBe(2);
    expect(unknown.stderr).toMatch(/^error: --family: Unknown family "vqgan"\. Known: chameleon, cosmos/);
    const none = await vqkit(["import", dir, "--out", path.join(dir, "model")]);
    expect(none.code).toBe(1);
    expect(none.stderr).toMatch(/^error: .*expected one file of weights/);
  });
});
