import path from "node:path";
import sharp from "sharp";
import { beforeAll, expect, test } from "vitest";
import { codeColours } from "../../src/evaluation/index.js";
import { photographThrough, Tokenizer } from "../../src/tokenizer/index.js";
import { noise, temporaryFolder } from "../data/temporary.js";
import { useEngine } from "../engine.js";
import { modelFile, quantizers } from "./model.js";

let folder: string;

beforeAll(async () => {
  await useEngine();
  folder = await temporaryFolder();
});

async function saved(height: number, width: number): Promise<string> {
  const file = path.join(folder, "a photo.png");
  await sharp(noise(3, { height, width }).pixels, { raw: { height, width, channels: 3 } })
    .png()
    .toFile(file);
  return file;
}

test("a photograph through a model: its codes as colours, its reconstruction, its own PSNR", async () => {
  const tokenizer = await Tokenizer.load(await modelFile(folder, quantizers.vq));
  try {
    const file = await saved(20, 30);
    const { name, original, mosaic, reconstruction, psnr } = await photographThrough(tokenizer, file);
    expect(name).toBe("a photo.png");
    const codes = await tokenizer.encode(file);
    const colours = codeColours(codes.indices, await tokenizer.codeVectors());
    expect([mosaic.height, mosaic.width]).toEqual(codes.shape.slice(1, 3));
    expect([...mosaic.pixels]).toEqual(
      [...codes.indices].flatMap((index) => [...(colours.get(index) ?? [])]),
    );
    const again = await tokenizer.decode(codes);
    expect(reconstruction.pixels).toEqual(again.pixels);
    const squares = original.pixels.reduce(
      (sum, value, i) => sum + (value - (again.pixels[i] as number)) ** 2,
      0,
    );
    expect(psnr).toBeCloseTo(10 * Math.log10(255 ** 2 / (squares / original.pixels.length)), 9);
  } finally {
    await tokenizer.close();
  }
});

test("a large one is shown at 512 pixels, and keeps its shape", async () => {
  const tokenizer = await Tokenizer.load(await modelFile(folder, quantizers.fsq));
  try {
    const { original, reconstruction } = await photographThrough(tokenizer, await saved(300, 1200));
    expect([original.height, original.width]).toEqual([128, 512]);
    expect([reconstruction.height, reconstruction.width]).toEqual([128, 512]);
  } finally {
    await tokenizer.close();
  }
});
