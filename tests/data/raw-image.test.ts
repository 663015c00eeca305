import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { decodeImage } from "../../src/data/decode.js";
import { openSource } from "../../src/data/index.js";
import type { PixelArray, RawImage } from "../../src/data/raw-image.js";

/** 2×3 pixels: 18 bytes, none of them equal. */
const bytes = Uint8Array.from({ length: 18 }, (_, i) => 14 * i + 3);
const raw = (pixels: PixelArray, range?: readonly [number, number]): RawImage => ({
  pixels,
  height: 2,
  width: 3,
  channels: 3,
  ...(range === undefined ? {} : { range }),
});

describe("pixels of certain meaning are", () => {
  it.each<[string, RawImage]>([
    ["bytes", raw(bytes)],
    ["bytes of a Buffer", raw(Buffer.from(bytes))],
    ["clamped bytes", raw(new Uint8ClampedArray(bytes))],
    ["a part of a larger buffer", raw(new Uint8Array([9, 9, 9, ...bytes, 9]).subarray(3, 21))],
    ["an Array of integers", raw([...bytes])],
    ["16 bits", raw(Uint16Array.from(bytes, (v) => 256 * v + ((7 * v) % 256)))],
    [
      "numbers in 0..1",
      raw(
        Float32Array.from(bytes, (v) => v / 255),
        [0, 1],
      ),
    ],
    [
      "numbers in -1..1",
      raw(
        Float64Array.from(bytes, (v) => v / 127.5 - 1),
        [-1, 1],
      ),
    ],
    [
      "12 bits",
      raw(
        Uint16Array.from(bytes, (v) => Math.round((v * 4095) / 255)),
        [0, 4095],
      ),
    ],
    [
      "signed bytes",
      raw(
        Int8Array.from(bytes, (v) => v - 128),
        [-128, 127],
      ),
    ],
    [
      "an Array of numbers with a range",
      raw(
        [...bytes].map((v) => 100 + v),
        [100, 355],
      ),
    ],
  ])("%s", async (_, image) => {
    expect([...(await decodeImage(image)).pixels]).toEqual([...bytes]);
  });

  it("16 bits exactly as a file of 16 bits has them", async () => {
    const wide = Uint16Array.from({ length: 18 }, (_, i) => (i * 7919 + 300) % 65_536);
    const png = await sharp(wide, { raw: { height: 2, width: 3, channels: 3 } })
      .toColourspace("rgb16")
      .png()
      .toBuffer();
    expect((await decodeImage(raw(wide))).pixels).toEqual((await decodeImage(png)).pixels);
  });

  it("alpha in the range of the colours", async () => {
    // Opaque stays 0.2 · 255 = 51; half transparent is halfway to white: (51 + 255) / 2.
    const pixels = Float32Array.of(0.2, 0.2, 0.2, 1, 0.2, 0.2, 0.2, 0.5);
    const image = await decodeImage({ pixels, height: 1, width: 2, channels: 4, range: [0, 1] });
    expect(image.pixels[0]).toBe(51);
    expect(Math.abs((image.pixels[3] as number) - 153)).toBeLessThanOrEqual(1);
  });

  it("16 bits of black, whatever the type could hold", async () => {
    expect([...(await decodeImage(raw(new Uint16Array(18)))).pixels]).toEqual(Array(18).fill(0));
  });
});

describe("pixels of uncertain meaning are refused:", () => {
  it.each<[string, unknown, string]>([
    ["Float32Array", raw(Float32Array.from(bytes, (v) => v / 255)), "got Float32Array alone."],
    ["Float64Array", raw(Float64Array.from(bytes)), "got Float64Array alone."],
    ["Int8Array", raw(Int8Array.from(bytes)), "got Int8Array alone."],
    ["Int16Array", raw(Int16Array.from(bytes)), "got Int16Array alone."],
    ["Uint32Array", raw(Uint32Array.from(bytes)), "got Uint32Array alone."],
    [
      "BigInt64Array",
      raw(new BigInt64Array(18) as unknown as PixelArray),
      "expected an array of numbers, got BigInt64Array.",
    ],
    [
      "DataView",
      raw(new DataView(new ArrayBuffer(18)) as unknown as PixelArray),
      "expected an array of numbers, got DataView.",
    ],
    [
      "ArrayBuffer",
      raw(new ArrayBuffer(18) as unknown as PixelArray),
      "expected an array of numbers, got ArrayBuffer.",
    ],
    ["no array", raw("pixels" as unknown as PixelArray), "expected an array of numbers, got string."],
    [
      "8 bits in 16",
      raw(Uint16Array.from(bytes)),
      "expected 16-bit samples in a Uint16Array, got none above 241.",
    ],
    [
      "a fraction in an Array",
      raw([...bytes].with(4, 0.5)),
      "x.pixels[4]: expected an integer in 0..255, got 0.5.",
    ],
    ["256 in an Array", raw([...bytes].with(7, 256)), "x.pixels[7]: expected an integer in 0..255, got 256."],
    [
      "a sample outside the range",
      raw(Float32Array.from(bytes).fill(1.5, 2, 3), [0, 1]),
      "x.pixels[0]: expected a number in 0..1 (range), got 3.",
    ],
    [
      "NaN",
      raw(new Float32Array(18).fill(Number.NaN, 5), [0, 1]),
      "x.pixels[5]: expected a number in 0..1 (range), got NaN.",
    ],
    [
      "a range upside down",
      raw(bytes, [255, 0]),
      "x.range: expected two numbers, black below white, got [255,0].",
    ],
    [
      "a range of no length",
      raw(bytes, [1, 1]),
      "x.range: expected two numbers, black below white, got [1,1].",
    ],
    ["too few samples", raw(new Float32Array(17), [0, 1]), "= 18 samples, got 17."],
  ])("%s", async (_, image, message) => {
    await expect(decodeImage(image as RawImage, { name: "x" })).rejects.toMatchObject({
      code: "data",
      name: "VqkitError",
      message: expect.stringContaining(message),
    });
  });
});

describe("what is no image source is refused by its type:", () => {
  it.each([
    ["ArrayBuffer", new ArrayBuffer(4)],
    ["Float32Array", new Float32Array(4)],
    ["Uint8ClampedArray", new Uint8ClampedArray(4)],
    ["number", 5],
    ["nothing", undefined],
    ["Object", { data: bytes }],
  ])("%s", async (type, source) => {
    await expect(decodeImage(source as unknown as RawImage)).rejects.toMatchObject({
      code: "data",
      message: `image: expected a path, the bytes of a file (a Uint8Array) or { pixels, height, width, channels }, got ${type}.`,
    });
  });

  it("arrays of other numbers are no list of images", async () => {
    const numbers = (await openSource(new Float32Array(3) as unknown as Uint8Array))[Symbol.asyncIterator]();
    const { value } = await numbers.next();
    expect(value).toMatchObject({ name: "image 0", source: new Float32Array(3) });
    expect((await numbers.next()).done).toBe(true);
  });
});
