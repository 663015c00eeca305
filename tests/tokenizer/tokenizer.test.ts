import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { pixelsToTensor, tensorToPixels } from "../../src/autoencoder/index.js";
import * as tf from "../../src/tf/index.js";
import { type Codes, loadModel, sliceCodes, Tokenizer } from "../../src/tokenizer/index.js";
import { noise, temporaryFolder } from "../data/temporary.js";
import { useEngine } from "../engine.js";
import { modelFile, quantizers, rawImage } from "./model.js";

const folder = await temporaryFolder();
const paths: Record<string, string> = {};

beforeAll(async () => {
  await useEngine();
  for (const [kind, quantizer] of Object.entries(quantizers))
    paths[kind] = await modelFile(folder, quantizer);
});

/** A tokenizer of the kind, disposed when `use` is done. */
async function withTokenizer<T>(
  kind: keyof typeof quantizers,
  use: (t: Tokenizer) => Promise<T>,
): Promise<T> {
  const tokenizer = await Tokenizer.load(paths[kind] as string);
  try {
    return await use(tokenizer);
  } finally {
    tokenizer.dispose();
  }
}

const kinds = Object.keys(quantizers) as (keyof typeof quantizers)[];

describe.each(kinds)("a tokenizer of %s", (kind) => {
  it("decodes what it encoded to the model's own reconstruction, byte for byte", () =>
    withTokenizer(kind, async (tokenizer) => {
      const image = rawImage(1, { height: 24, width: 40 });
      const codes = await tokenizer.encode(image);
      expect(codes.shape).toEqual([1, 6, 10, 1]);
      // A codebook that has collapsed to a few codes would make any lookup look right.
      expect(new Set(codes.indices).size).toBeGreaterThan(15);
      const decoded = await tokenizer.decode(codes);
      expect(decoded).toEqual(await tokenizer.reconstruct(image));
      expect(decoded.pixels).toEqual(await forward(paths[kind] as string, image));
      expect([decoded.height, decoded.width]).toEqual([24, 40]);
      expect(new Set(decoded.pixels).size).toBeGreaterThan(20);
    }));

  it("does so too for sides that do not fit the grid: padded and cut back", () =>
    withTokenizer(kind, async (tokenizer) => {
      const image = rawImage(2, { height: 23, width: 37 });
      const codes = await tokenizer.encode(image);
      expect(codes.shape).toEqual([1, 6, 10, 1]);
      expect(codes.images).toEqual([{ name: "image", width: 37, height: 23 }]);
      const decoded = await tokenizer.decode(codes);
      expect([decoded.height, decoded.width, decoded.pixels.length]).toEqual([23, 37, 23 * 37 * 3]);
      expect(decoded).toEqual(await tokenizer.reconstruct(image));
    }));

  it("gives an image the same codes and pixels alone and among others", () =>
    withTokenizer(kind, async (tokenizer) => {
      const images = [3, 4, 5].map((seed) => rawImage(seed, { height: 16, width: 24 }));
      const together = await tokenizer.encode(images);
      expect(together.shape).toEqual([3, 4, 6, 1]);
      const decoded = await tokenizer.decodeBatch(together);
      for (const [i, image] of images.entries()) {
        const alone = await tokenizer.encode(image);
        expect(alone.indices).toEqual(sliceCodes(together, i, i + 1).indices);
        expect((await tokenizer.decode(alone)).pixels).toEqual(decoded[i]?.pixels);
      }
      const single = await tokenizer.encode(images, { batchSize: 1 });
      expect(single).toEqual(together);
    }));
});

describe("Tokenizer.encode", () => {
  it("chooses the code nearest to each latent", () =>
    withTokenizer("vq", async (tokenizer) => {
      const image = rawImage(6, { height: 12, width: 20 });
      const { model } = await loadModel(paths.vq as string);
      const pixels = pixelsToTensor({ ...image, count: 1 });
      const latents = model.encode(pixels);
      const z = await latents.data();
      const table = (await model.copyWeights()).get("quantizer/codes")?.data ?? new Float32Array();
      const expected = Array.from({ length: z.length / 8 }, (_, row) =>
        nearest(z.subarray(8 * row, 8 * row + 8), table),
      );
      tf.dispose([pixels, latents]);
      model.dispose();
      const { indices } = await tokenizer.encode(image);
      expect(indices).toEqual(Uint16Array.from(expected));
    }));

  it("takes a path, a file's bytes and raw pixels alike", () =>
    withTokenizer("fsq", async (tokenizer) => {
      const { image, pixels } = noise(7, { height: 8, width: 12 });
      const path = join(folder, "a.png");
      await image.clone().png().toFile(path);
      const raw = await tokenizer.encode({ pixels, height: 8, width: 12, channels: 3 });
      const file = await tokenizer.encode(path);
      expect(file).toEqual({ ...raw, images: [{ name: path, width: 12, height: 8 }] });
      expect(await tokenizer.encode(await image.png().toBuffer())).toEqual(raw);
      expect((await tokenizer.encode([path, path])).images).toHaveLength(2);
      // What was decoded is an image again.
      const decoded = await tokenizer.decode(raw);
      expect((await tokenizer.encode(decoded)).shape).toEqual(raw.shape);
      const saved = await decoded.toSharp().raw().toBuffer();
      expect(new Uint8Array(saved)).toEqual(decoded.pixels);
    }));

  it("repeats the last row and column where an image does not fit", () =>
    withTokenizer("vq", async (tokenizer) => {
      const image = rawImage(8, { height: 6, width: 9 });
      const padded = { pixels: new Uint8Array(8 * 12 * 3), height: 8, width: 12, channels: 3 as const };
      for (let y = 0; y < 8; y++) {
        for (let x = 0; x < 12; x++) {
          for (let c = 0; c < 3; c++) {
            const from = (Math.min(y, 5) * 9 + Math.min(x, 8)) * 3 + c;
            padded.pixels[(y * 12 + x) * 3 + c] = image.pixels[from] as number;
          }
        }
      }
      expect((await tokenizer.encode(image)).indices).toEqual((await tokenizer.encode(padded)).indices);
    }));

  it("scales an image to cover the size asked for and cuts the middle out", () =>
    withTokenizer("vq", async (tokenizer) => {
      const image = rawImage(9, { height: 20, width: 36 });
      // Height decides; the scale is 1, and (36 - 16)/2 columns go on each side.
      const middle = { pixels: new Uint8Array(20 * 16 * 3), height: 20, width: 16, channels: 3 as const };
      for (let y = 0; y < 20; y++) {
        middle.pixels.set(image.pixels.subarray((y * 36 + 10) * 3, (y * 36 + 26) * 3), y * 16 * 3);
      }
      const codes = await tokenizer.encode(image, { size: [20, 16] });
      expect(codes.shape).toEqual([1, 5, 4, 1]);
      expect(codes.indices).toEqual((await tokenizer.encode(middle)).indices);
      const [shrunk, enlarged] = [
        await tokenizer.encode(image, { size: 8 }),
        await tokenizer.encode(image, { size: 40 }),
      ];
      expect([shrunk.shape, enlarged.shape]).toEqual([
        [1, 2, 2, 1],
        [1, 10, 10, 1],
      ]);
    }));

  it("holds indices in 32 bits from 65,537 codes on", async () => {
    const path = await modelFile(folder, { kind: "fsq", levels: [8, 8, 8, 8, 8, 8] });
    const tokenizer = await Tokenizer.load(path);
    const image = rawImage(10, { height: 16, width: 12 });
    const codes = await tokenizer.encode(image);
    expect(codes.codebookSize).toBe(262_144);
    expect(codes.indices).toBeInstanceOf(Uint32Array);
    expect(Math.max(...codes.indices)).toBeGreaterThan(65_535);
    expect(await tokenizer.decode(codes)).toEqual(await tokenizer.reconstruct(image));
    tokenizer.dispose();
  });

  it("refuses wrong options, no image, several grids and unreadable images", () =>
    withTokenizer("vq", async (tokenizer) => {
      const image = rawImage(11, { height: 8, width: 8 });
      await expect(tokenizer.encode(image, { size: 18 })).rejects.toMatchObject({
        code: "config",
        path: "size",
        message:
          "size: expected a multiple of the model's downsampling factor 4 (nearest: 16 or 20), got 18.",
      });
      await expect(tokenizer.encode(image, { batchSize: 0 })).rejects.toMatchObject({ path: "batchSize" });
      await expect(tokenizer.encode(image, { sise: 8 } as object)).rejects.toMatchObject({ code: "config" });
      await expect(tokenizer.encode([])).rejects.toMatchObject({ code: "data" });
      const other = rawImage(12, { height: 8, width: 16 });
      await expect(tokenizer.encode([image, other])).rejects.toMatchObject({
        code: "codes",
        message: expect.stringMatching(/got 2×2 for images\[0\] and 2×4 for images\[1\]/),
      });
      await expect(tokenizer.encode("/nowhere/cat.jpg")).rejects.toMatchObject({ code: "data" });
      await expect(tokenizer.encode([image, Buffer.from("no image")])).rejects.toMatchObject({
        code: "data",
        file: "images[1]",
      });
      await expect(tokenizer.encode(image, { maxPixels: 63 })).rejects.toMatchObject({ code: "data" });
    }));
});

describe("Tokenizer.decode", () => {
  it("takes indices from elsewhere, each image filling its grid", () =>
    withTokenizer("fsq", async (tokenizer) => {
      const decoded = await tokenizer.decodeBatch({
        indices: [0, 239, 17, 5, 8, 120, 1, 2, 3, 4, 6, 7],
        shape: [2, 2, 3, 1],
      });
      expect(decoded.map(({ name, height, width }) => [name, height, width])).toEqual([
        ["image 0", 8, 12],
        ["image 1", 8, 12],
      ]);
      expect(decoded[0]?.pixels).not.toEqual(decoded[1]?.pixels);
    }));

  it("refuses codes of another model, naming both", () =>
    withTokenizer("vq", async (tokenizer) => {
      const codes = await tokenizer.encode(rawImage(13, { height: 8, width: 8 }));
      await withTokenizer("rotation", async (other) => {
        await expect(other.decode(codes)).rejects.toMatchObject({
          code: "codes",
          message:
            `codes: expected those of model ${other.fingerprint.slice(0, 12)}, ` +
            `got those of model ${tokenizer.fingerprint.slice(0, 12)}. Load the model that made them.`,
        });
      });
    }));

  it.each<[string, object, string]>([
    ["an index of K", { indices: [0, 60], shape: [1, 1, 2, 1] }, "codes"],
    ["a negative index", { indices: [0, -1], shape: [1, 1, 2, 1] }, "codes"],
    ["half an index", { indices: [0, 0.5], shape: [1, 1, 2, 1] }, "codes"],
    ["several images", { indices: [0, 1], shape: [2, 1, 1, 1] }, "codes"],
    ["another number of codebooks", { indices: [0, 1], shape: [1, 1, 1, 2] }, "shape"],
    ["a squeezed shape", { indices: [0, 1], shape: [1, 2] }, "shape"],
    ["no grid", { indices: [], shape: [1, 0, 2, 1] }, "shape"],
    ["too few indices", { indices: [0], shape: [1, 1, 2, 1] }, "shape"],
    [
      "an image larger than its grid",
      { indices: [0, 1], shape: [1, 1, 2, 1], images: [{ name: "a", width: 9, height: 4 }] },
      "codes",
    ],
    ["too few images", { indices: [0, 1], shape: [1, 1, 2, 1], images: [] }, "codes"],
  ])("refuses %s", (_, codes, code) =>
    withTokenizer("vq", async (tokenizer) => {
      await expect(tokenizer.decode(codes as Codes)).rejects.toMatchObject({ code });
    }),
  );
});

describe("a tokenizer's life", () => {
  it("leaves no tensor behind, call after call, whether a call succeeds or not", async () => {
    const before = tf.memory().numTensors;
    const tokenizer = await Tokenizer.load(paths.simvq as string);
    const loaded = tf.memory().numTensors;
    for (let round = 0; round < 3; round++) {
      const image = rawImage(14 + round, { height: 8, width: 12 });
      await tokenizer.decode(await tokenizer.encode(image));
      await tokenizer.reconstruct(image);
      await tokenizer.encode(Buffer.from("no image")).catch(() => {});
      expect(tf.memory().numTensors).toBe(loaded);
    }
    tokenizer.dispose();
    tokenizer.dispose();
    expect(tf.memory().numTensors).toBe(before);
    await expect(tokenizer.encode(rawImage(1, { height: 8, width: 8 }))).rejects.toMatchObject({
      code: "engine",
    });
  });

  it("serves calls that overlap", () =>
    withTokenizer("rotation", async (tokenizer) => {
      const images = [17, 18, 19].map((seed) => rawImage(seed, { height: 8, width: 4 * (seed - 15) }));
      const overlapping = await Promise.all(images.map((image) => tokenizer.encode(image)));
      for (const [i, image] of images.entries())
        expect(overlapping[i]).toEqual(await tokenizer.encode(image));
    }));
});

/** What the autoencoder makes of an image, without the tokenizer. */
async function forward(path: string, image: ReturnType<typeof rawImage>): Promise<Uint8Array> {
  const { model } = await loadModel(path);
  const output = tf.tidy(() => model.forward(pixelsToTensor({ ...image, count: 1 })).reconstruction);
  try {
    return (await tensorToPixels(output)).pixels;
  } finally {
    output.dispose();
    model.dispose();
  }
}

/** The row of the table with the smallest squared distance, in double precision. */
function nearest(latent: ArrayLike<number>, table: Float32Array): number {
  const d = latent.length;
  let best = { index: -1, distance: Number.POSITIVE_INFINITY };
  for (let index = 0; index < table.length / d; index++) {
    let distance = 0;
    for (let i = 0; i < d; i++) distance += ((latent[i] as number) - (table[index * d + i] as number)) ** 2;
    if (distance < best.distance) best = { index, distance };
  }
  return best.index;
}
