import { mkdir, writeFile } from "node:fs/promises";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { decodeAll, decodeImage, type ImageError } from "../../src/data/decode.js";
import { noise, temporaryFolder } from "./temporary.js";

const root = await temporaryFolder();

/** The largest difference between two equally long lists of bytes. */
function furthest(a: Iterable<number>, b: Iterable<number>): number {
  const [left, right] = [[...a], [...b]];
  expect(left).toHaveLength(right.length);
  return Math.max(...left.map((value, i) => Math.abs(value - (right[i] as number))));
}

/** A 4-pixel-square image of one colour, as sharp pipeline. */
const flat = (r: number, g: number, b: number) =>
  sharp({ create: { width: 4, height: 4, channels: 3, background: { r, g, b } } });

describe("decodeImage reads", () => {
  const { pixels, image } = noise(1, { height: 5, width: 7 });

  it.each(["png", "tiff", "webp", "avif"] as const)("lossless %s to its exact pixels", async (format) => {
    const options = {
      lossless: true,
      chromaSubsampling: "4:4:4",
      compression: format === "tiff" ? "lzw" : "av1",
    };
    const file = `${root}/exact.${format}`;
    // Every lossless encoder keeps each byte; AVIF goes through a luma-chroma transform and may be off by a few.
    await writeFile(file, await image.clone().toFormat(format, options).toBuffer());
    const decoded = await decodeImage(file);
    expect([decoded.height, decoded.width]).toEqual([5, 7]);
    expect(furthest(decoded.pixels, pixels)).toBeLessThanOrEqual(format === "avif" ? 3 : 0);
  });

  it("JPEG and GIF, from a Buffer", async () => {
    for (const format of ["jpeg", "gif"] as const) {
      const decoded = await decodeImage(await flat(250, 130, 20).toFormat(format).toBuffer());
      expect([decoded.height, decoded.width]).toEqual([4, 4]);
      expect(furthest(decoded.pixels.subarray(0, 3), [250, 130, 20])).toBeLessThanOrEqual(3);
    }
  });

  it("by content, whatever the file is called", async () => {
    await writeFile(`${root}/really-png.jpg`, await image.clone().png().toBuffer());
    expect((await decodeImage(`${root}/really-png.jpg`)).pixels).toEqual(pixels);
  });

  it("a file anew after it has been rewritten", async () => {
    for (const format of ["png", "webp", "tiff", "gif"] as const) {
      const file = `${root}/rewritten.${format}`;
      await writeFile(file, await flat(255, 0, 0).toFormat(format).toBuffer());
      await decodeImage(file);
      await writeFile(file, await flat(0, 0, 255).toFormat(format).toBuffer());
      const decoded = await decodeImage(file);
      expect(furthest(decoded.pixels.subarray(0, 3), [0, 0, 255])).toBeLessThanOrEqual(3);
    }
  });
});

describe("decodeImage converts", () => {
  // For output row r and column c, the stored row and column; H and W are the stored sides (Exif 2.32, tag 274).
  type Place = (r: number, c: number, H: number, W: number) => [number, number];
  const orientations: [number, Place][] = [
    [1, (r, c) => [r, c]],
    [2, (r, c, _, W) => [r, W - 1 - c]],
    [3, (r, c, H, W) => [H - 1 - r, W - 1 - c]],
    [4, (r, c, H) => [H - 1 - r, c]],
    [5, (r, c) => [c, r]],
    [6, (r, c, H) => [H - 1 - c, r]],
    [7, (r, c, H, W) => [H - 1 - c, W - 1 - r]],
    [8, (r, c, _, W) => [c, W - 1 - r]],
  ];
  it.each(orientations)("EXIF orientation %i", async (orientation, place) => {
    const [H, W] = [3, 5];
    const { pixels, image } = noise(2, { height: H, width: W });
    const decoded = await decodeImage(await image.withMetadata({ orientation }).png().toBuffer());
    const turned = orientation >= 5;
    expect([decoded.height, decoded.width]).toEqual(turned ? [W, H] : [H, W]);
    const expected: number[] = [];
    for (let r = 0; r < decoded.height; r++) {
      for (let c = 0; c < decoded.width; c++) {
        const [row, column] = place(r, c, H, W);
        expected.push(...pixels.subarray((row * W + column) * 3, (row * W + column) * 3 + 3));
      }
    }
    expect([...decoded.pixels]).toEqual(expected);
  });

  it("grey to three equal channels", async () => {
    const { pixels, image } = noise(3, { height: 4, width: 3, channels: 1 });
    const png = await image.toColourspace("b-w").png().toBuffer();
    expect((await sharp(png).metadata()).channels).toBe(1);
    expect([...(await decodeImage(png)).pixels]).toEqual([...pixels].flatMap((v) => [v, v, v]));
  });

  it("alpha by laying the image over white", async () => {
    const { pixels, image } = noise(4, { height: 6, width: 3, channels: 4 });
    const expected: number[] = [];
    for (let i = 0; i < pixels.length; i += 4) {
      const alpha = (pixels[i + 3] as number) / 255;
      for (const v of pixels.subarray(i, i + 3)) expected.push(alpha * v + (1 - alpha) * 255);
    }
    const decoded = await decodeImage(await image.png().toBuffer());
    // libvips truncates where this computes in real numbers.
    expect(furthest(decoded.pixels, expected)).toBeLessThanOrEqual(1);
  });

  it("grey with alpha by both", async () => {
    const { pixels, image } = noise(5, { height: 3, width: 4, channels: 2 });
    const png = await image.toColourspace("b-w").png().toBuffer();
    expect((await sharp(png).metadata()).channels).toBe(2);
    const expected: number[] = [];
    for (let i = 0; i < pixels.length; i += 2) {
      const alpha = (pixels[i + 1] as number) / 255;
      const v = alpha * (pixels[i] as number) + (1 - alpha) * 255;
      expected.push(v, v, v);
    }
    expect(furthest((await decodeImage(png)).pixels, expected)).toBeLessThanOrEqual(1);
  });

  it.each([1, 3] as const)("16 bits of %i channels to the upper 8", async (channels) => {
    const wide = Uint16Array.from({ length: 4 * 5 * channels }, (_, i) => (i * 4099 + 255) % 65536);
    const space = channels === 1 ? "grey16" : "rgb16";
    const png = await sharp(wide, { raw: { height: 4, width: 5, channels } })
      .toColourspace(space)
      .png()
      .toBuffer();
    expect(await sharp(png).metadata()).toMatchObject({ depth: "ushort", channels });
    const upper = [...wide].map((v) => v >> 8);
    const expected = channels === 1 ? upper.flatMap((v) => [v, v, v]) : upper;
    expect([...(await decodeImage(png)).pixels]).toEqual(expected);
  });

  it.each(["srgb", "rgb16"] as const)("a Display P3 profile on %s samples to sRGB", async (space) => {
    const png = await flat(200, 90, 60).toColourspace(space).withIccProfile("p3").png().toBuffer();
    const stored = await sharp(png, { ignoreIcc: true }).raw().toBuffer();
    // sRGB (200, 90, 60) has other coordinates in the wider P3, so reading them as sRGB would show.
    expect(furthest(stored.subarray(0, 3), [200, 90, 60])).toBeGreaterThan(5);
    const decoded = await decodeImage(png);
    expect(furthest(decoded.pixels.subarray(0, 3), [200, 90, 60])).toBeLessThanOrEqual(1);
  });

  it.each(["tiff", "jpeg"] as const)("CMYK %s to sRGB", async (format) => {
    const file = await flat(180, 120, 90).toColourspace("cmyk").toFormat(format, { quality: 100 }).toBuffer();
    expect((await sharp(file).metadata()).space).toBe("cmyk");
    const decoded = await decodeImage(file);
    expect(decoded.pixels).toHaveLength(4 * 4 * 3);
    // There and back through an 8-bit printing profile. Plain (1 − ink)·(1 − black) would be off by 17.
    expect(furthest(decoded.pixels.subarray(0, 3), [180, 120, 90])).toBeLessThanOrEqual(10);
  });

  it.each(["gif", "webp"] as const)("an animated %s to its first frame", async (format) => {
    const frames = await Promise.all(
      [flat(255, 0, 0), flat(0, 0, 255)].map((frame) => frame.png().toBuffer()),
    );
    const file = await sharp(frames, { join: { animated: true } })
      .toFormat(format, { lossless: true })
      .toBuffer();
    expect((await sharp(file).metadata()).pages).toBe(2);
    const decoded = await decodeImage(file);
    expect([decoded.height, decoded.width, ...decoded.pixels.subarray(0, 3)]).toEqual([4, 4, 255, 0, 0]);
  });
});

describe("decodeImage resizes", () => {
  it("after turning, to exactly the planned size", async () => {
    const { image } = noise(6, { height: 30, width: 50 });
    const file = await image.withMetadata({ orientation: 8 }).jpeg().toBuffer();
    // Upright it is 50×30.
    const decoded = await decodeImage(file, { resize: 12 });
    expect([decoded.height, decoded.width]).toEqual([20, 12]);
    const covering = await decodeImage(file, { cover: { height: 40, width: 60 } });
    expect([covering.height, covering.width]).toEqual([100, 60]);
  });

  it("without moving a gradient", async () => {
    // Red is 2·column + 20. Halving averages pixels 2x and 2x + 1: 2·(2x + 0.5) + 20 = 4x + 21 away from the edges.
    const [height, width] = [24, 64];
    const pixels = Uint8Array.from({ length: height * width * 3 }, (_, i) =>
      i % 3 === 0 ? 2 * (Math.floor(i / 3) % width) + 20 : 50,
    );
    const halved = await decodeImage({ pixels, height, width, channels: 3 }, { resize: 12 });
    expect([halved.height, halved.width]).toEqual([12, 32]);
    for (let x = 4; x < 28; x++) expect(halved.pixels[(5 * 32 + x) * 3]).toBe(4 * x + 21);
  });
});

describe("decodeImage takes raw pixels of", () => {
  it.each([1, 3, 4] as const)("%i channels", async (channels) => {
    const { pixels } = noise(7, { height: 2, width: 3, channels });
    const before = [...pixels];
    if (channels === 4) for (let i = 3; i < pixels.length; i += 4) pixels[i] = i % 8 === 3 ? 255 : 0;
    const expected: number[] = [];
    for (let i = 0; i < pixels.length; i += channels) {
      const [a, b, c, alpha] = pixels.subarray(i, i + channels) as unknown as [
        number,
        number,
        number,
        number,
      ];
      if (channels === 1) expected.push(a, a, a);
      else if (channels === 3) expected.push(a, b, c);
      else expected.push(...(alpha === 255 ? [a, b, c] : [255, 255, 255]));
    }
    const clamped = new Uint8ClampedArray(pixels);
    const decoded = await decodeImage({ pixels: clamped, height: 2, width: 3, channels });
    expect([decoded.height, decoded.width, ...decoded.pixels]).toEqual([2, 3, ...expected]);
    if (channels !== 4) expect([...pixels]).toEqual(before);
  });

  it("agreeing sizes only", async () => {
    const raw = { pixels: new Uint8Array(17), height: 2, width: 3, channels: 3 } as const;
    await expect(decodeImage(raw)).rejects.toMatchObject({
      code: "data",
      message: "image.pixels: expected height 2 × width 3 × 3 channels = 18 bytes, got 17.",
    });
    await expect(decodeImage({ ...raw, height: 0 }, { name: "cat" })).rejects.toMatchObject({
      message: "cat.height: expected an integer >= 1, got 0.",
    });
    await expect(decodeImage({ ...raw, channels: 2 as 3 })).rejects.toMatchObject({
      message: "image.channels: expected 1, 3 or 4, got 2.",
    });
  });
});

/** A 1×1 grey TIFF with one 32-bit floating-point sample. */
function floatTiff(): Buffer {
  const [SHORT, LONG] = [3, 4];
  const tags: [tag: number, type: number, value: number][] = [
    [256, LONG, 1], // ImageWidth
    [257, LONG, 1], // ImageLength
    [258, SHORT, 32], // BitsPerSample
    [259, SHORT, 1], // Compression: none
    [262, SHORT, 1], // PhotometricInterpretation: black is zero
    [273, LONG, 8], // StripOffsets
    [277, SHORT, 1], // SamplesPerPixel
    [278, LONG, 1], // RowsPerStrip
    [279, LONG, 4], // StripByteCounts
    [339, SHORT, 3], // SampleFormat: IEEE floating point
  ];
  const file = Buffer.alloc(12 + 2 + tags.length * 12 + 4);
  file.write("II*\0", "latin1");
  file.writeUInt32LE(12, 4); // where the tags are
  file.writeFloatLE(0.5, 8);
  file.writeUInt16LE(tags.length, 12);
  for (const [i, [tag, type, value]] of tags.entries()) {
    const at = 14 + i * 12;
    file.writeUInt16LE(tag, at);
    file.writeUInt16LE(type, at + 2);
    file.writeUInt32LE(1, at + 4);
    file.writeUInt32LE(value, at + 8);
  }
  return file;
}

describe("decodeImage refuses", () => {
  const failure = async (source: Parameters<typeof decodeImage>[0], options = {}): Promise<ImageError> => {
    const error = await decodeImage(source, options).then(
      () => undefined,
      (thrown: unknown) => thrown as ImageError,
    );
    expect(error, "a broken image was decoded").toMatchObject({ code: "data", name: "ImageError" });
    expect(error?.message).not.toContain("\n");
    return error as ImageError;
  };

  it.each(["jpeg", "png", "webp", "tiff", "gif", "avif"] as const)(
    "a %s cut off anywhere",
    async (format) => {
      const whole = await noise(8, { height: 60, width: 90 }).image.toFormat(format).toBuffer();
      for (const fraction of [0.02, 0.3, 0.6, 0.9]) {
        const file = `${root}/cut.${format}`;
        await writeFile(file, whole.subarray(0, Math.floor(whole.length * fraction)));
        const error = await failure(file, { resize: 20 });
        expect(error.file).toBe(file);
        expect(error.message.startsWith(`${file}: expected a readable image`)).toBe(true);
      }
    },
  );

  it("an empty file, something else, a folder, and a missing file", async () => {
    await writeFile(`${root}/empty.png`, "");
    await writeFile(`${root}/text.png`, "no image at all");
    await mkdir(`${root}/folder.png`);
    expect((await failure(`${root}/empty.png`)).message).toBe(
      `${root}/empty.png: expected a readable image (jpg, jpeg, jpe, jfif, png, webp, avif, tif, tiff, gif), got an empty file.`,
    );
    expect((await failure(`${root}/text.png`)).reason).toContain("unsupported image format");
    expect((await failure(`${root}/folder.png`)).reason).toContain("EISDIR");
    expect((await failure(`${root}/missing.png`)).reason).toContain("ENOENT");
  });

  it("SVG, whatever its name", async () => {
    const svg =
      '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="5" height="5"/></svg>';
    await writeFile(`${root}/drawing.png`, svg);
    expect((await failure(`${root}/drawing.png`)).reason).toBe('a file of format "svg"');
  });

  it("floating-point samples, whose range nobody states", async () => {
    expect((await failure(floatTiff(), { name: "x.tif" })).reason).toBe(
      "samples of type float instead of 8 or 16 bits",
    );
  });

  it("several channels of alpha", async () => {
    const extra = noise(10, { height: 4, width: 4, channels: 1 }).pixels;
    const raw = { raw: { height: 4, width: 4, channels: 1 as const } };
    for (const bands of [2, 3]) {
      const tiff = flat(10, 20, 30)
        .joinChannel(Array(bands).fill(Buffer.from(extra)), raw)
        .tiff({ compression: "lzw" });
      expect((await failure(await tiff.toBuffer())).reason).toBe(
        `${bands} samples a pixel that are said to be its alpha`,
      );
    }
  });

  it("more pixels than allowed, before and after resizing", async () => {
    const png = await noise(9, { height: 10, width: 20 }).image.png().toBuffer();
    expect((await decodeImage(png, { maxPixels: 200 })).width).toBe(20);
    expect((await failure(png, { maxPixels: 199 })).reason).toBe(
      "20×10 pixels, over the limit of 199 (maxPixels)",
    );
    expect((await failure(png, { maxPixels: 200, resize: 11 })).reason).toBe(
      "22×11 pixels after resizing, over the limit of 200 (maxPixels)",
    );
  });
});

describe("decodeAll", () => {
  it("tells each of many damaged files its own cause, though they fail at the same time", async () => {
    const { image } = noise(3, { height: 40, width: 60 });
    const causes = { png: "vipspng: libpng read error", jpeg: "VipsJpeg: premature end of JPEG image" };
    const expected: Record<string, string> = {};
    for (let i = 0; i < 60; i++) {
      const format = i % 2 === 0 ? "png" : "jpeg";
      const whole = await image.clone().toFormat(format).toBuffer();
      const file = `${root}/torn-${i}.${format}`;
      await writeFile(file, whole.subarray(0, Math.floor(whole.length / 2)));
      expected[file] = causes[format];
    }
    const found: Record<string, string> = {};
    for await (const one of decodeAll(Object.keys(expected), { concurrency: 60 })) {
      found[one.file] = "reason" in one ? one.reason : "read";
    }
    expect(found).toEqual(expected);
  });

  it("yields files in order, broken ones in their place", async () => {
    const files: string[] = [];
    for (let i = 0; i < 6; i++) {
      const file = `${root}/all${i}.png`;
      files.push(file);
      // Large ones first, so that the order of finishing is another one.
      const size = { height: 120 - 20 * i, width: 100 };
      await writeFile(file, i === 3 ? "broken" : await noise(i, size).image.png().toBuffer());
    }
    const seen: unknown[] = [];
    for await (const result of decodeAll(files, { transform: { resize: 10 }, concurrency: 4 })) {
      seen.push("reason" in result ? [result.file, "broken"] : [result.file, result.image.height]);
    }
    const expected = files.map((file, i) => {
      const short = Math.min(120 - 20 * i, 100);
      return [file, i === 3 ? "broken" : Math.round(((120 - 20 * i) * 10) / short)];
    });
    expect(seen).toEqual(expected);
  });
});
