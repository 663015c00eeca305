/** Codes that are a sequence of scales, through the tokenizer and every format. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  type Codes,
  codeFormats,
  finestGrid,
  openCodes,
  readCodes,
  Tokenizer,
  writeCodes,
} from "../../src/tokenizer/index.js";
import { temporaryFolder } from "../data/temporary.js";
import { useEngine } from "../engine.js";
import { modelFile, rawImage } from "./model.js";

const folder = await temporaryFolder();
const SCALES = [1, 2, 4];
const LENGTH = 1 + 4 + 16;
const SIDE = 16; // the last scale times a factor of 4

let tokenizer: Tokenizer;
beforeAll(async () => {
  await useEngine();
  const quantizer = { kind: "vq", codebookSize: 30, codeDim: 8, initialization: "data" };
  tokenizer = await Tokenizer.load(
    await modelFile(folder, { kind: "multi-scale", scales: SCALES, quantizer, phiCount: 2 }),
  );
});
afterAll(() => tokenizer.dispose());

const square = (seed: number) => rawImage(seed, { height: SIDE, width: SIDE });

describe("a tokenizer of sequences", () => {
  it("turns an image into one sequence, and back into what the model makes of it", async () => {
    expect(tokenizer).toMatchObject({ scales: SCALES, imageSide: SIDE, numCodebooks: 1 });
    const codes = await tokenizer.encode([square(1), square(2), square(3)]);
    expect(codes).toMatchObject({ shape: [3, 1, LENGTH, 1], scales: SCALES });
    expect(new Set(codes.indices).size).toBeGreaterThan(5);
    const decoded = await tokenizer.decodeBatch(codes);
    for (const [i, image] of decoded.entries()) {
      expect([image.height, image.width]).toEqual([SIDE, SIDE]);
      expect(image.pixels).toEqual((await tokenizer.reconstruct(square(i + 1))).pixels);
    }
    // Indices from elsewhere, such as a model that predicts scale after scale.
    const { indices } = await tokenizer.encode(square(2));
    const again = await tokenizer.decode({ indices: [...indices], shape: [1, 1, LENGTH, 1] });
    expect(again.pixels).toEqual(decoded[1]?.pixels);
  });

  it("takes one size of image, and says which", async () => {
    const wide = rawImage(4, { height: 20, width: 37 });
    await expect(tokenizer.encode(wide)).rejects.toThrow(
      /an image of 40×20 pixels, where the scales of the codes take 16×16 .*with size 16 give it/,
    );
    await expect(tokenizer.decode({ indices: [1, 2, 3, 4], shape: [1, 2, 2, 1] })).rejects.toMatchObject({
      code: "shape",
      message: expect.stringContaining("[N,1,21,1]"),
    });
    const cropped = await tokenizer.encode(wide, { policy: "crop", size: SIDE });
    expect(cropped.shape).toEqual([1, 1, LENGTH, 1]);
    const tiles = await tokenizer.encode(wide, { policy: "tile", size: SIDE, overlap: 4 });
    expect(tiles.shape[0]).toBe(2 * 3); // ⌈(20−4)/12⌉ · ⌈(37−4)/12⌉
    const whole = await tokenizer.decode(tiles);
    expect([whole.height, whole.width]).toEqual([20, 37]);
  });

  it("gives the finest scale as the grid that it is", async () => {
    const codes = await tokenizer.encode([square(1), square(2)]);
    const { indices, shape } = finestGrid(codes);
    expect(shape).toEqual([2, 4, 4, 1]);
    expect([...indices]).toEqual([...codes.indices.slice(5, LENGTH), ...codes.indices.slice(LENGTH + 5)]);
  });
});

describe.each(codeFormats)("sequences as %s", (format) => {
  it("come back with their scales, which the manifest has", async () => {
    const files = [1, 2, 3].map((seed) => join(folder, `${format}${seed}.png`));
    for (const [i, file] of files.entries()) {
      const { pixels, height, width } = square(i + 1);
      await sharp(pixels, { raw: { height, width, channels: 3 } })
        .png()
        .toFile(file);
    }
    const dir = join(folder, format);
    const { files: written } = await writeCodes(dir, tokenizer.encodeAll(files), { format });
    const manifest = JSON.parse(await readFile(join(dir, "manifest.json"), "utf8"));
    expect(manifest).toMatchObject({
      scales: SCALES,
      grids: [{ gridHeight: 1, gridWidth: LENGTH, entries: 3 }],
    });
    const expected = await tokenizer.encode(files);
    const read: Codes[] = [];
    for await (const codes of readCodes(dir)) read.push(codes);
    expect(read).toHaveLength(1);
    expect(read[0]).toMatchObject({ shape: [3, 1, LENGTH, 1], scales: SCALES });
    expect(read[0]?.indices).toEqual(expected.indices);
    const images = await tokenizer.decodeBatch(read[0] as Codes);
    expect(images[2]?.pixels).toEqual((await tokenizer.reconstruct(square(3))).pixels);
    // A file that stands alone says so itself.
    const alone = written.map(({ file }) => file).find((file) => /\.(vqc|parquet)$/.test(file));
    if (format === "packed" || format === "parquet") expect(alone).toBeDefined();
    if (alone !== undefined) expect((await openCodes(join(dir, alone))).manifest.scales).toEqual(SCALES);
  });
});
