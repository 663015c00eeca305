import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { beforeAll, describe, expect, it, test } from "vitest";
import { InferenceSession, OrtTensor } from "../../../src/backend/index.js";
import { exportOnnx, registerOnnxExport } from "../../../src/export/index.js";
import { loadModel, Tokenizer } from "../../../src/tokenizer/index.js";
import { temporaryFolder } from "../../data/temporary.js";
import { useEngine } from "../../engine.js";
import { rawImage } from "../../tokenizer/model.js";
import { runFolder, variants } from "../models.js";
import { expectSameIndices, first, withFloats } from "./round-trips.js";
import "../../../samples/custom-quantizer.js";

const folder = await temporaryFolder();
beforeAll(useEngine);

describe("a model is written and finds the same indices", () => {
  it.each(first)("%s, with uint8 pixels", (name) => expectSameIndices(folder, name, "uint8"));
  it.each(withFloats)("%s, with float32 pixels", (name) => expectSameIndices(folder, name, "float32"));
});

test("the files take any batch, and images of a batch do not touch each other", async () => {
  const run = await runFolder(folder, variants["vq, relu"]);
  const out = join(folder, "batch");
  await exportOnnx(run, { out, threads: 1 });
  const tokenizer = await Tokenizer.load(run);
  const encoder = await InferenceSession.create(join(out, "encoder.onnx"));
  const decoder = await InferenceSession.create(join(out, "decoder.onnx"));
  const images = [1, 2, 3].map((seed) => rawImage(seed, { height: 22, width: 30 }));
  const codes = await tokenizer.encode(images);
  const pixels = Uint8Array.from(images.flatMap((image) => [...image.pixels]));
  const { indices } = await encoder.run({ pixels: new OrtTensor("uint8", pixels, [3, 22, 30, 3]) });
  expect(indices?.dims).toEqual([3, 6, 8, 1]); // ⌈22/4⌉, ⌈30/4⌉
  expect(Array.from(indices?.data as Int32Array)).toEqual(Array.from(codes.indices));
  expect(new Set(codes.indices).size).toBeGreaterThan(10);
  const decoded = await decoder.run({ indices: indices as OrtTensor });
  expect(decoded.pixels?.dims).toEqual([3, 24, 32, 3]);
  tokenizer.dispose();
});

test("metadata say what the files are, to a reader that does not run them", async () => {
  const run = await runFolder(folder, variants.fsq);
  const out = join(folder, "metadata");
  await exportOnnx(run, { out, threads: 1 });
  const { model, fingerprint } = await loadModel(run);
  model.dispose();
  // The page's own reader, which is another implementation than the writer.
  const module = new URL("../../../samples/browser/metadata.mjs", import.meta.url).href;
  const { readMetadata } = (await import(module)) as { readMetadata(bytes: Uint8Array): Map<string, string> };
  const metadata = readMetadata(readFileSync(join(out, "encoder.onnx")));
  expect(Object.fromEntries(metadata)).toMatchObject({
    format: "vqkit-onnx",
    formatVersion: "1",
    part: "encoder",
    fingerprint,
    codebookSize: "240",
    numCodebooks: "1",
    codeDim: "3",
    downsamplingFactor: "4",
    levels: "8,5,6",
    quantizer: '{"kind":"fsq","levels":[8,5,6],"bound":"paper","noiseDropout":0}',
  });
  expect(readMetadata(readFileSync(join(out, "decoder.onnx"))).get("part")).toBe("decoder");
  expect(readMetadata(Buffer.from("no ONNX file"))).toEqual(new Map());
});

test("a moving average is written as its codes, a linear layer inside its table", async () => {
  const out = join(folder, "table");
  await exportOnnx(await runFolder(folder, variants["simvq, group norm, silu, factor 8"]), {
    out,
    threads: 1,
  });
  const text = readFileSync(join(out, "encoder.onnx")).toString("latin1");
  expect(text).toContain("codebook");
  expect(text).not.toContain("quantizer/kernel");
});

test("images given are used, all of them", async () => {
  const run = await runFolder(folder, variants.fsq);
  const { pixels, height, width } = rawImage(3, { height: 21, width: 34 });
  const file = join(folder, "given.png");
  await sharp(pixels, { raw: { height, width, channels: 3 } })
    .png()
    .toFile(file);
  const { roundTrip, warnings } = await exportOnnx(run, {
    out: join(folder, "given"),
    check: file,
    threads: 1,
  });
  expect(roundTrip).toMatchObject({
    on: "1 image given",
    images: 1,
    indices: 6 * 9,
    pixelValues: 21 * 34 * 3,
  });
  expect(warnings).toEqual([]);
  await expect(exportOnnx(run, { out: join(folder, "none"), check: "no-such-folder" })).rejects.toMatchObject(
    {
      code: "data",
    },
  );
  const torn = join(folder, "torn.png");
  writeFileSync(torn, readFileSync(file).subarray(0, 60));
  const out = join(folder, "torn");
  await expect(exportOnnx(run, { out, check: [file, torn], threads: 1 })).rejects.toMatchObject({
    code: "data",
    message: expect.stringMatching(/torn\.png: expected a readable image/),
  });
  expect(existsSync(out)).toBe(false);
});

describe("a quantizer of somebody else's", () => {
  const sign = {
    model: { preset: "tiny", baseWidth: 8, latentChannels: 6 },
    quantizer: { kind: "sign", codeDim: 6 },
  };

  it("is refused by name until its export is registered", async () => {
    const run = await runFolder(folder, sign);
    const out = join(folder, "sign");
    await expect(exportOnnx(run, { out, threads: 1 })).rejects.toMatchObject({
      code: "format",
      message: expect.stringMatching(/quantizer\.kind: .* got "sign"\. Register how by registerOnnxExport/),
    });
    expect(existsSync(out)).toBe(false);
  });

  it("is held against the live model: a wrong export fails and writes nothing", async () => {
    const run = await runFolder(folder, sign);
    const out = join(folder, "sign-wrong");
    registerSign(1e-3);
    await expect(exportOnnx(run, { out, threads: 1 })).rejects.toMatchObject({
      code: "numerics",
      message: expect.stringMatching(
        /^encoder\.onnx: expected the live model's indices, got \d+ of 5130 that differ .*first: synthetic \d/,
      ),
    });
    expect(existsSync(out)).toBe(false);
  });

  it("is written by its own export", async () => {
    const run = await runFolder(folder, sign);
    registerSign(0);
    const { roundTrip } = await exportOnnx(run, { out: join(folder, "sign-right"), threads: 1 });
    expect(roundTrip.differingIndices).toBe(0);
  });

  /** @param threshold 0 is the quantizer's own */
  function registerSign(threshold: number): void {
    const places = Int32Array.of(1, 2, 4, 8, 16, 32);
    registerOnnxExport("sign", async () => ({
      writeEncoder(g, latents) {
        const bits = g.cast(g.op("Greater", [latents, g.scalar(threshold)]), "int32");
        const valued = g.op("Mul", [bits, g.constant("places", places, [6])]);
        return g.op("ReduceSum", [valued, g.int64s([-1])], { keepdims: 1 });
      },
      writeDecoder(g, indices) {
        const shifted = g.op("Div", [indices, g.constant("places", places, [6])]);
        const bits = g.cast(g.op("Mod", [shifted, g.scalar(2, "int32")], { fmod: 0 }), "float32");
        return g.op("Sub", [g.op("Mul", [bits, g.scalar(2)]), g.scalar(1)]);
      },
    }));
  }
});

test("a folder with files is refused before anything is computed, and taken with overwrite", async () => {
  const run = await runFolder(folder, variants.fsq);
  const out = join(folder, "taken");
  await exportOnnx(run, { out, threads: 1 });
  await expect(exportOnnx(run, { out })).rejects.toMatchObject({ code: "config", path: "out" });
  await expect(exportOnnx(run, { out, overwrite: true, threads: 1 })).resolves.toMatchObject({ dir: out });
});
