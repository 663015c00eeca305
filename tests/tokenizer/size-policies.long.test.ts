import fc from "fast-check";
import sharp from "sharp";
import { beforeAll, describe, expect, it } from "vitest";
import type { RawImage } from "../../src/data/index.js";
import { type Codes, type EncodeOptions, sliceCodes, Tokenizer } from "../../src/tokenizer/index.js";
import { temporaryFolder } from "../data/temporary.js";
import { useEngine } from "../engine.js";
import { modelFile, quantizers, rawImage } from "./model.js";

const folder = await temporaryFolder();
const kinds = Object.keys(quantizers) as (keyof typeof quantizers)[];
const tokenizers = new Map<string, Tokenizer>();

beforeAll(async () => {
  await useEngine();
  for (const kind of kinds)
    tokenizers.set(kind, await Tokenizer.load(await modelFile(folder, quantizers[kind])));
  return () => {
    for (const tokenizer of tokenizers.values()) tokenizer.dispose();
  };
});

const of = (kind: (typeof kinds)[number]) => tokenizers.get(kind) as Tokenizer;
const multiple = (max: number) => fc.integer({ min: 1, max }).map((n) => 4 * n);

/** Options of every policy, with sizes that are not square. */
const options: fc.Arbitrary<EncodeOptions> = fc.oneof(
  fc.constant({ policy: "native" as const }),
  fc.record({
    policy: fc.constantFrom("resize" as const, "crop" as const, "pad" as const),
    size: fc.tuple(multiple(6), multiple(6)),
  }),
  fc
    .record({
      height: fc.integer({ min: 2, max: 6 }),
      width: fc.integer({ min: 2, max: 6 }),
      share: fc.nat(3),
    })
    .map(({ height, width, share }) => ({
      policy: "tile" as const,
      size: [4 * height, 4 * width] as const,
      overlap: 4 * Math.min(share, Math.floor(Math.min(height, width) / 2)),
    })),
);

const shapes = fc.record({ height: fc.integer({ min: 1, max: 45 }), width: fc.integer({ min: 1, max: 45 }) });

/** The size that an image is to have when it comes back. */
function sizeAfter({ height, width }: { height: number; width: number }, { policy, size }: EncodeOptions) {
  if (policy === "native" || policy === "tile" || !Array.isArray(size)) return [height, width];
  const [h = 0, w = 0] = size as number[];
  if (policy !== "pad") return [h, w];
  const scale = Math.min(h / height, w / width);
  return [
    Math.min(h, Math.max(1, Math.round(height * scale))),
    Math.min(w, Math.max(1, Math.round(width * scale))),
  ];
}

describe.each(kinds)("every size policy, with %s", (kind) => {
  it("decodes what it encoded to the model's own reconstruction, byte for byte, whatever the shape", async () => {
    await fc.assert(
      fc.asyncProperty(shapes, options, fc.integer({ min: 1, max: 5 }), async (shape, wish, batchSize) => {
        const tokenizer = of(kind);
        const image = rawImage(shape.height * 50 + shape.width, shape);
        const codes = await tokenizer.encode(image, { ...wish, batchSize, allowOversize: true });
        const decoded = await tokenizer.decode(structuredClone(codes));
        expect([decoded.height, decoded.width]).toEqual(sizeAfter(shape, wish));
        const expected = await tokenizer.reconstruct(image, { ...wish, allowOversize: true });
        expect(decoded.pixels).toEqual(expected.pixels);
        for (const { tile } of codes.images) expect(tile !== undefined).toBe(wish.policy === "tile");
      }),
      { seed: 11, numRuns: 12 },
    );
  });
});

describe("size policies", () => {
  const { pixels } = rawImage(3, { height: 20, width: 36 });
  const image: RawImage = { pixels, height: 20, width: 36, channels: 3 };

  /** The image as sharp makes it, in Lanczos 3, without us. */
  async function scaled(height: number, width: number): Promise<RawImage> {
    const { data } = await sharp(pixels, { raw: { height: 20, width: 36, channels: 3 } })
      .resize({ height, width, fit: "fill", kernel: "lanczos3" })
      .raw()
      .toBuffer({ resolveWithObject: true });
    return { pixels: new Uint8Array(data), height, width, channels: 3 };
  }

  it("resize gives an image exactly the size", async () => {
    const codes = await of("vq").encode(image, { policy: "resize", size: [12, 16] });
    const expected = await of("vq").encode(await scaled(12, 16));
    expect(codes).toEqual(expected);
  });

  it("crop is what a size alone means", async () => {
    const options = { size: [12, 16] } as const;
    expect(await of("vq").encode(image, { ...options, policy: "crop" })).toEqual(
      await of("vq").encode(image, options),
    );
  });

  it("pad puts the image top left, repeats its edges, and records what counts", async () => {
    // 32/36 · 20 = 17.8: 18 rows of 32 columns in 24×32.
    const codes = await of("vq").encode(image, { policy: "pad", size: [24, 32] });
    expect(codes.images).toEqual([{ name: "image", height: 18, width: 32 }]);
    const small = await scaled(18, 32);
    const padded = { pixels: new Uint8Array(24 * 32 * 3), height: 24, width: 32, channels: 3 as const };
    for (let y = 0; y < 24; y++) {
      const row = Math.min(y, 17) * 96;
      padded.pixels.set((small.pixels as Uint8Array).subarray(row, row + 96), y * 96);
    }
    expect(codes.indices).toEqual((await of("vq").encode(padded)).indices);
    const decoded = await of("vq").decode(codes);
    expect([decoded.height, decoded.width]).toEqual([18, 32]);
  });

  it("tile encodes each tile as the part of the image that it is", async () => {
    const codes = await of("vq").encode(image, { policy: "tile", size: [12, 16], overlap: 4 });
    // Rows 0 and 8; columns 0, 10 -> 12 (3 steps of 4, the nearer of 8 and 12 upwards), 20.
    const places = [0, 8].flatMap((top) => [0, 12, 20].map((left) => ({ top, left })));
    expect(codes.images).toEqual(
      places.map((place) => ({
        name: "image",
        height: 12,
        width: 16,
        tile: { ...place, imageHeight: 20, imageWidth: 36, overlap: 4 },
      })),
    );
    for (const [i, { top, left }] of places.entries()) {
      const part = { pixels: new Uint8Array(12 * 16 * 3), height: 12, width: 16, channels: 3 as const };
      for (let y = 0; y < 12; y++) {
        const from = ((top + y) * 36 + left) * 3;
        part.pixels.set(pixels.subarray(from, from + 48), y * 48);
      }
      expect(sliceCodes(codes, i, i + 1).indices).toEqual((await of("vq").encode(part)).indices);
    }
  });

  it("tile leaves no seams: at the ends of tiles the image steps no more than without tiles", async () => {
    const size = { height: 96, width: 128 };
    // A slow gradient, on which a line would show.
    const smooth: RawImage = {
      pixels: Uint8Array.from({ length: size.height * size.width * 3 }, (_, i) => {
        const [y, x] = [Math.floor(i / 3 / size.width), Math.floor(i / 3) % size.width];
        return 40 + x + (i % 3) * 10 + Math.round(20 * Math.sin(y / 15));
      }),
      ...size,
      channels: 3,
    };
    for (const kind of kinds) {
      const tokenizer = of(kind);
      const codes = await tokenizer.encode(smooth, { policy: "tile", size: 64 });
      expect(codes.images.length).toBe(6);
      const tiled = (await tokenizer.decode(codes)).pixels;
      const whole = (await tokenizer.reconstruct(smooth)).pixels;
      const difference = Array.from(tiled, (value, i) => value - (whole[i] as number));
      const ends = new Set(
        codes.images.flatMap(({ tile, width }) => [tile?.left ?? 0, (tile?.left ?? 0) + width]),
      );
      ends.delete(0);
      ends.delete(size.width);
      expect(ends.size).toBeGreaterThan(1);
      // The difference to the image without tiles steps by a few hundredths of a level, less than elsewhere.
      for (const x of ends) expect(stepAt(difference, x, size)).toBeLessThan(0.05);
      // Without blending, the same tiles do show.
      const seams = await tokenizer.encode(smooth, { policy: "tile", size: 64, overlap: 0 });
      const hard = (await tokenizer.decode(seams)).pixels;
      const step = stepAt(
        Array.from(hard, (value, i) => value - (whole[i] as number)),
        64,
        size,
      );
      expect(step).toBeGreaterThan(0.5);
    }
  });

  it("refuses tiles that are not all there, in decode and in decodeBatch", async () => {
    const codes = await of("vq").encode(image, { policy: "tile", size: [12, 16], overlap: 4 });
    const some = sliceCodes(codes, 0, 5);
    for (const call of [() => of("vq").decode(some), () => of("vq").decodeBatch(some)]) {
      await expect(call()).rejects.toMatchObject({
        code: "codes",
        message: expect.stringMatching(
          /^codes: expected tile 6 of 6, 16×12 pixels at row 8, column 20 of "image"/,
        ),
      });
    }
    const outside = structuredClone(codes) as Codes;
    Object.assign(outside.images[0]?.tile as object, { left: 24 });
    await expect(of("vq").decode(outside)).rejects.toMatchObject({
      message: expect.stringMatching(/^codes\.images\[0\]\.tile: expected 16×12 pixels inside the image/),
    });
  });

  it("puts the tiles of several images together from codes that come in any parts", async () => {
    const tokenizer = of("simvq");
    const images = [rawImage(1, { height: 20, width: 36 }), rawImage(2, { height: 24, width: 16 })];
    const batches = [];
    for await (const batch of tokenizer.encodeAll(images, { policy: "tile", size: 16, overlap: 8 }))
      batches.push(batch);
    const expected = [];
    for (const each of images)
      expected.push((await tokenizer.reconstruct(each, { policy: "tile", size: 16, overlap: 8 })).pixels);
    for (const step of [1, 2, 5]) {
      const parts = batches.flatMap((batch) =>
        Array.from({ length: Math.ceil(batch.shape[0] / step) }, (_, i) =>
          sliceCodes(batch, i * step, Math.min(batch.shape[0], (i + 1) * step)),
        ),
      );
      const decoded = [];
      for await (const { pixels } of tokenizer.decodeImages(parts)) decoded.push(pixels);
      expect(decoded).toEqual(expected);
    }
    // Every batch holds whole images.
    for (const batch of batches) expect((await tokenizer.decodeBatch(batch)).length).toBeGreaterThan(0);
  });
});

/** Mean absolute step from column x - 1 to x, over all rows and channels. */
function stepAt(
  values: readonly number[],
  x: number,
  { height, width }: { height: number; width: number },
): number {
  let sum = 0;
  for (let y = 0; y < height; y++) {
    for (let c = 0; c < 3; c++) {
      const at = (y * width + x) * 3 + c;
      sum += Math.abs((values[at] as number) - (values[at - 3] as number));
    }
  }
  return sum / height / 3;
}
