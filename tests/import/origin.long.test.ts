/** Where a model comes from, through everything that is made of it. */
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { beforeAll, describe, expect, it } from "vitest";
import { readSafetensors } from "../../src/files/index.js";
import { importTokenizer } from "../../src/import/index.js";
import { originOf, originText } from "../../src/runs/index.js";
import { vqkit, writeImages } from "../cli/harness.js";
import { useEngine } from "../engine.js";
import { temporaryFolder } from "../runs/temporary-folder.js";
import { idOf, served } from "../ui/serve.js";
import { writeSource } from "./fixtures.js";

beforeAll(useEngine);

const QUIET = ["--quiet", "--threads", "1"];
const LINE = /Imported from taming: model\.safetensors, SHA-256 [0-9a-f]{64}\./;

async function imported() {
  const dir = await temporaryFolder();
  const photos = join(dir, "photos");
  await mkdir(photos);
  await writeImages(photos, 2, { width: 16, height: 8 });
  const model = join(dir, "models", "vqgan");
  const { original } = await importTokenizer(await writeSource(join(dir, "source"), "chameleon-original"), {
    out: model,
  });
  return { dir, photos, model, original };
}

async function done(args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await vqkit([...args, ...QUIET]);
  expect(code, stderr).toBe(0);
  return stdout;
}

const configIn = async (dir: string) =>
  JSON.parse(await readFile(join(dir, "config.json"), "utf8")).config as Record<string, unknown>;

async function metadataOf(dir: string): Promise<unknown> {
  const { metadata } = await readSafetensors(join(dir, "model.safetensors"));
  return JSON.parse(metadata.config as string);
}

describe("the original of an imported model", () => {
  it("stands in a run that started from it, whose decoder alone learned, and in what is made of that run", async () => {
    const { dir, photos, model, original } = await imported();
    const run = join(dir, "tuned");
    await done([
      ...["train", photos, "--from", model, "--freeze", "encoder,codebook", "--out", run],
      ...["--crop-size", "8", "--batch-size", "1", "--steps", "1"],
    ]);
    expect((await configIn(run)).from).toMatchObject({ model, codebook: "keep", original });
    const [before, after] = [
      await readSafetensors(join(model, "model.safetensors")),
      await readSafetensors(join(run, "model.safetensors")),
    ];
    const changed = [...after.tensors.keys()].filter(
      (name) => !isDeepStrictEqual(after.tensors.get(name), before.tensors.get(name)),
    );
    expect(changed.length).toBeGreaterThan(10);
    // The convolution behind the quantizer is the decoder's.
    expect(changed.filter((name) => !/^(decoder|projection\/out)\//.test(name))).toEqual([]);
    const trained = { original, trained: true };
    expect(originOf(await metadataOf(run))).toEqual(trained);

    // A run that starts from that one; a pruned model of it.
    const again = join(dir, "again");
    await done([
      ...["train", photos, "--from", run, "--out", again],
      ...["--crop-size", "8", "--batch-size", "1", "--steps", "1"],
    ]);
    expect(originOf(await configIn(again))).toEqual(trained);
    const pruned = join(dir, "pruned");
    await done(["prune", run, "--images", photos, "--out", pruned]);
    expect(originOf(await configIn(pruned))).toEqual(trained);
    expect(originOf(await metadataOf(pruned))).toEqual(trained);
    const report = await done(["report", run]);
    expect(report).toContain(
      `Trained on from an import of taming: model.safetensors, SHA-256 ${original.files[0]?.sha256}.`,
    );
  });

  it("stands in exported files, in reports on images, and on the pages", async () => {
    const { dir, photos, model, original } = await imported();
    const onnx = join(dir, "onnx");
    await done(["export", model, "--to", "onnx", "--out", onnx, "--check", photos]);
    const module = new URL("../../samples/browser/metadata.mjs", import.meta.url).href;
    const { readMetadata } = (await import(module)) as {
      readMetadata(bytes: Uint8Array): Map<string, string>;
    };
    for (const part of ["encoder.onnx", "decoder.onnx"]) {
      const metadata = readMetadata(await readFile(join(onnx, part)));
      expect(JSON.parse(metadata.get("origin") as string)).toEqual({ original, trained: false });
    }
    const page = join(dir, "report.html");
    expect(await done(["report", model, "--images", photos, "--html", page])).toMatch(LINE);
    const html = await readFile(page, "utf8");
    expect(html).toMatch(LINE);
    expect(html).not.toContain("has not finished");
    expect(html).toContain("images given");

    const { ask } = await served(join(dir, "models"));
    const list = (await ask("/")).body;
    expect(list).toContain("Imported and pruned models");
    expect(list).not.toContain("Stopped before the end");
    const shown = (await ask(`/runs/${idOf(list, "vqgan")}`)).body;
    expect(shown).toMatch(LINE);
    expect(shown).not.toContain("To resume");
  });

  it("is told where a model alone is taken for a run", async () => {
    const { photos, model } = await imported();
    const lines: [args: string[], code: number, line: string][] = [
      [
        ["report", model],
        2,
        `${model}: expected images to count codes on, got a model alone, imported or pruned. Type: vqkit report ${model} --images IMAGES`,
      ],
      [
        ["doctor", model],
        2,
        `${model}: expected a run that was trained here, got a model alone, imported or pruned. Type: vqkit evaluate ${model} IMAGES`,
      ],
    ];
    for (const [args, code, line] of lines) {
      expect(await vqkit(args)).toEqual({ code, stdout: "", stderr: `error: ${line}\n` });
    }
    const compared = await vqkit(["compare", model, `${photos}/../models/vqgan`]);
    expect(compared.code).toBe(1);
    expect(compared.stderr).toContain(
      "got a model alone, imported or pruned, which has no figures of a training.",
    );
  });
});

describe("originOf", () => {
  const original = {
    family: "llamagen",
    files: [{ name: "vq.pt", bytes: 3, sha256: "ab".repeat(32) }],
    prefix: "ema.",
    averaged: true,
    config: null,
    importedBy: "0.1.0",
  };

  it("finds it in the model's own configuration, or in what the run started from", () => {
    expect(originOf({ model: {}, original })).toEqual({ original, trained: false });
    expect(originOf({ model: {}, from: { model: "a", original } })).toEqual({ original, trained: true });
    for (const none of [
      null,
      {},
      { original: null },
      { original: { ...original, files: [{ name: "vq.pt" }] } },
    ]) {
      expect(originOf(none)).toBeUndefined();
    }
  });

  it("is told in one line", () => {
    expect(originText({ original, trained: true })).toBe(
      `trained on from an import of llamagen: vq.pt, SHA-256 ${"ab".repeat(32)} (the running average of the weights)`,
    );
  });
});
