import { describe, expect, it } from "vitest";
import type { RgbImage } from "../../src/data/index.js";
import { type EncodeOptions, parseEncodeOptions } from "../../src/tokenizer/encode-options.js";
import { pixelsOf } from "../../src/tokenizer/image-batches.js";
import { beginsImage, concatCodes, type EncodedBatch, Tokenizer } from "../../src/tokenizer/index.js";
import { prepareImage } from "../../src/tokenizer/prepared-image.js";
import { temporaryFolder } from "../data/temporary.js";
import { useEngine } from "../engine.js";
import { modelFile, quantizers, rawImage } from "./model.js";

/** An image whose pixels say where they are: red is the column, green the row. */
function places(height: number, width: number) {
  const pixels = Uint8Array.from({ length: height * width * 3 }, (_, i) => {
    const at = Math.floor(i / 3);
    return [at % width, Math.floor(at / width), 99][i % 3] as number;
  });
  return { pixels, height, width, channels: 3 as const };
}

/** The first and the last column and row of each part, and its fields. */
async function partsOf(image: ReturnType<typeof places>, options: EncodeOptions) {
  const { parts, size } = await prepareImage({ name: "a", source: image }, parseEncodeOptions(options, 4), {
    factor: 4,
  });
  return parts.map((part) => {
    const { pixels, height, width } = pixelsOf([part], size);
    const last = pixels.length - 3;
    expect([height, width]).toEqual([size.height, size.width]);
    const columns = [pixels[0], pixels[last]];
    const rows = [pixels[1], pixels[last + 1]];
    return { columns, rows, coded: part.coded };
  });
}

describe("flip", () => {
  it("has the image, then its mirror image, padded behind it", async () => {
    // 6×10 pixels are padded to 8×12 by their last row and column.
    const size = { name: "a", width: 10, height: 6 };
    expect(await partsOf(places(6, 10), { views: "flip" })).toEqual([
      { columns: [0, 9], rows: [0, 5], coded: { ...size, view: 0 } },
      { columns: [9, 0], rows: [0, 5], coded: { ...size, view: 1 } },
    ]);
  });

  it("mirrors what was cut", async () => {
    // 9 columns are cut to 4: columns 2 to 5, for the extra pixel of an odd margin is on the right.
    expect(await partsOf(places(4, 9), { size: 4, views: "flip" })).toMatchObject([
      { columns: [2, 5], rows: [0, 3] },
      { columns: [5, 2], rows: [0, 3] },
    ]);
  });
});

it("ten-crop has the corners and the middle, then those of the mirror image", async () => {
  // 1.3 × [8, 12] = [10.4, 15.6]: 10 rows and 15 columns, cut from 10×17 at column 1. Crops of 8×12 begin at rows 0
  // and 2, columns 0 and 3; in the middle at row 1 and column 1.5, which Python rounds to 2.
  const [left, right, middle] = [
    [1, 12],
    [4, 15],
    [3, 14],
  ];
  const [top, bottom, centre] = [
    [0, 7],
    [2, 9],
    [1, 8],
  ];
  // The mirror image begins at column 15: its left is the right of the image, turned, and so is its middle.
  const turned = ([first, last]: number[] = []) => [last, first];
  const found = await partsOf(places(10, 17), { size: [8, 12], views: "ten-crop", cropRange: 1.3 });
  expect(found.map(({ columns, rows }) => [columns, rows])).toEqual([
    [left, top],
    [right, top],
    [left, bottom],
    [right, bottom],
    [middle, centre],
    [turned(right), top],
    [turned(left), top],
    [turned(right), bottom],
    [turned(left), bottom],
    // Of the mirror image columns 2 to 13: 15 - 2 = 13 down to 15 - 13 = 2 of the image.
    [[13, 2], centre],
  ]);
  expect(found.map(({ coded }) => coded)).toEqual(
    Array.from({ length: 10 }, (_, view) => ({ name: "a", width: 12, height: 8, view })),
  );
});

describe("a tokenizer", async () => {
  await useEngine();
  const tokenizer = await Tokenizer.load(await modelFile(await temporaryFolder(), quantizers.vq));
  const images = [1, 2, 3].map((seed) => rawImage(seed, { height: 12 + 4 * (seed % 2), width: 20 }));

  const mirror = ({ pixels, height, width }: RgbImage) => ({
    pixels: Uint8Array.from(pixels, (_, i) => {
      const [at, channel] = [Math.floor(i / 3), i % 3];
      const [row, column] = [Math.floor(at / width), at % width];
      return pixels[3 * (row * width + width - 1 - column) + channel] as number;
    }),
    ...{ height, width, channels: 3 as const },
  });

  it("encodes views as it encodes them as images, each with its number, and counts their image once", async () => {
    const batches: EncodedBatch[] = [];
    for await (const batch of tokenizer.encodeAll(images, { views: "flip", batchSize: 3 }))
      batches.push(batch);
    const found = batches.flatMap(({ images: all }) => all);
    expect(found.map(({ name, view }) => `${name} ${view}`)).toEqual(
      [0, 1, 2].flatMap((i) => [`image ${i} 0`, `image ${i} 1`]),
    );
    expect(found.filter(beginsImage)).toHaveLength(3);
    expect(batches.map(({ itemsDone }) => itemsDone)).toEqual([1, 2, 3]);
    const indices = batches.flatMap((batch) => [...batch.indices]);
    const expected: number[] = [];
    for (const image of images) {
      for (const each of [image, mirror(image)]) expected.push(...(await tokenizer.encode(each)).indices);
    }
    expect(indices).toEqual(expected);
  });

  it("decodes each view, and reconstructs one image", async () => {
    const [image] = images as [(typeof images)[0]];
    const codes = await tokenizer.encode(image, { views: "flip" });
    const [whole, turned] = await tokenizer.decodeBatch(codes);
    expect(whole?.pixels).toEqual((await tokenizer.reconstruct(image)).pixels);
    expect(turned?.pixels).toEqual((await tokenizer.reconstruct(mirror(image))).pixels);
    await expect(tokenizer.reconstruct(image, { views: "flip" })).rejects.toThrow(
      'views: expected "one", for one image is reconstructed, got "flip".',
    );
    expect(concatCodes([codes, codes]).images.filter(beginsImage)).toHaveLength(2);
  });
});
