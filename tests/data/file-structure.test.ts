import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { decodeImage } from "../../src/data/decode.js";
import type { ImageNote } from "../../src/data/index.js";
import { gifFrame } from "../../src/data/structure/gif-frame.js";
import { withEndMarker } from "../../src/data/structure/jpeg-end.js";
import { tiffSamples } from "../../src/data/structure/tiff-samples.js";
import { GIF_COLOURS, gifFile, iccProfile, tiffFile } from "./image-files.js";
import { noise } from "./temporary.js";

const HEIGHT = 5;
const WIDTH = 7;

/** The pixels, and what is told of how they were read. */
async function read(file: Uint8Array, options = {}): Promise<{ pixels: number[]; notes: string[] }> {
  const notes: ImageNote[] = [];
  const image = await decodeImage(file, { ...options, name: "x", onNote: (note) => notes.push(note) });
  expect(notes.every(({ file: name }) => name === "x")).toBe(true);
  return { pixels: [...image.pixels], notes: notes.map(({ note }) => note) };
}

/** Noise of `channels` samples a pixel, in 8 or 16 bits. */
function samplesOf(channels: number, bits: 8 | 16 = 8): Uint8Array | Uint16Array {
  const bytes = Uint8Array.from({ length: HEIGHT * WIDTH * channels }, (_, i) => (i * 97 + 31) % 256);
  return bits === 8 ? bytes : Uint16Array.from(bytes, (byte) => byte * 256 + 77);
}

/** The first three samples of each pixel, or the first one thrice, in 8 bits. */
function colours(samples: Uint8Array | Uint16Array, channels: number, count: 1 | 3): number[] {
  const bytes = [...samples].map((v) => (samples instanceof Uint16Array ? v >> 8 : v));
  return Array.from({ length: 3 * HEIGHT * WIDTH }, (_, i) => {
    return bytes[Math.floor(i / 3) * channels + (count === 1 ? 0 : i % 3)] as number;
  });
}

const size = { height: HEIGHT, width: WIDTH };
const left = (text: string): string[] => [`${text} (ExtraSamples)`];

describe("samples of a TIFF beside the colours", () => {
  it.each([
    { what: "one of unknown meaning", channels: 4, extra: [0] },
    { what: "one that is not said to be anything", channels: 4, extra: undefined },
    { what: "one of a meaning that no standard has", channels: 4, extra: [999] },
    { what: "two", channels: 5, extra: [0, 0] },
    { what: "nine", channels: 12, extra: Array(9).fill(0) },
  ])("are left out, and that is told: $what", async ({ channels, extra }) => {
    for (const bits of [8, 16] as const) {
      const samples = samplesOf(channels, bits);
      const shape = { ...size, channels, photometric: 2, ...(extra === undefined ? {} : { extra }) };
      const { pixels, notes } = await read(tiffFile(samples, shape));
      expect(pixels).toEqual(colours(samples, channels, 3));
      expect(notes).toEqual(
        channels === 4
          ? left("1 sample a pixel left out: the file does not say what it is")
          : left(`${channels - 3} samples a pixel left out: the file does not say what they are`),
      );
    }
  });

  it.each([
    { bigEndian: true, big: false },
    { bigEndian: false, big: true },
    { bigEndian: true, big: true },
  ])("are found in every form of TIFF: %o", async (form) => {
    const samples = samplesOf(4, 16);
    const file = tiffFile(samples, { ...size, channels: 4, photometric: 2, extra: [0], ...form });
    expect((await read(file)).pixels).toEqual(colours(samples, 4, 3));
  });

  it("are left out before resizing: they weigh no pixel", async () => {
    const samples = samplesOf(4);
    for (let i = 3; i < samples.length; i += 8) samples[i] = 0;
    const file = tiffFile(samples, { ...size, channels: 4, photometric: 2, extra: [0] });
    const plain = { pixels: Uint8Array.from(colours(samples, 4, 3)), ...size, channels: 3 as const };
    const smaller = await decodeImage(plain, { resize: 4 });
    expect((await read(file, { resize: 4 })).pixels).toEqual([...smaller.pixels]);
  });

  it("of grey: one is left out, of more it cannot be told which is the picture", async () => {
    for (const bits of [8, 16] as const) {
      const samples = samplesOf(2, bits);
      const file = tiffFile(samples, { ...size, channels: 2, photometric: 1, extra: [0] });
      const { pixels, notes } = await read(file);
      expect(pixels).toEqual(colours(samples, 2, 1));
      expect(notes).toEqual(left("1 sample a pixel left out: the file does not say what it is"));
    }
    for (const channels of [3, 4, 8]) {
      const extra = Array(channels - 1).fill(0);
      const file = tiffFile(samplesOf(channels), { ...size, channels, photometric: 1, extra });
      await expect(read(file)).rejects.toMatchObject({
        code: "data",
        reason: `${channels} samples a pixel that are said to be grey, and not which of them is the picture`,
      });
    }
  });

  it("are transparency where the file says so, and in no other case", async () => {
    const opacity = [255, 0, 128, 64, 200];
    for (const { channels, extra, at } of [
      { channels: 4, extra: [2], at: 3 },
      { channels: 5, extra: [2, 0], at: 3 },
      { channels: 5, extra: [0, 2], at: 4 },
    ]) {
      const samples = samplesOf(channels);
      for (let i = 0; i < HEIGHT * WIDTH; i++) samples[i * channels + at] = opacity[i % 5] as number;
      const file = tiffFile(samples, { ...size, channels, photometric: 2, extra });
      const { pixels, notes } = await read(file);
      const expected = colours(samples, channels, 3).map((v, i) => {
        const alpha = (opacity[Math.floor(i / 3) % 5] as number) / 255;
        return alpha * v + (1 - alpha) * 255;
      });
      // libvips truncates where this computes in real numbers.
      for (const [i, value] of pixels.entries()) {
        expect(Math.abs(value - (expected[i] as number))).toBeLessThanOrEqual(1);
      }
      expect(notes).toHaveLength(channels - 4);
    }
  });

  it("of CMYK are left out like those of RGB", async () => {
    const samples = samplesOf(5);
    const inks = Uint8Array.from({ length: 4 * HEIGHT * WIDTH }, (_, i) => {
      return samples[Math.floor(i / 4) * 5 + (i % 4)] as number;
    });
    const plain = await read(tiffFile(inks, { ...size, channels: 4, photometric: 5 }));
    const { pixels, notes } = await read(
      tiffFile(samples, { ...size, channels: 5, photometric: 5, extra: [0] }),
    );
    expect(pixels).toEqual(plain.pixels);
    expect([plain.notes.length, notes.length]).toEqual([0, 1]);
  });

  it("that a damaged directory claims are not read", () => {
    const file = tiffFile(samplesOf(5), { ...size, channels: 5, photometric: 2, extra: [0, 2, 0, 0, 0] });
    expect(tiffSamples(file)).toEqual({ colours: 3, extra: [0, 2] });
    for (let length = 0; length < file.length; length++) tiffSamples(file.subarray(0, length));
    for (let at = 0; at < file.length; at++) {
      const torn = Buffer.from(file);
      torn[at] = (torn[at] as number) ^ 0xff;
      const { extra = [] } = tiffSamples(torn) ?? {};
      expect(extra.length).toBeLessThanOrEqual(4096);
    }
  });
});

/** sRGB (IEC 61966-2-1) of linear light 0..1, as a byte that is not rounded. */
const srgb = (light: number): number =>
  255 * (light <= 0.0031308 ? 12.92 * light : 1.055 * light ** (1 / 2.4) - 0.055);

describe("a colour profile on 16 bits", () => {
  // From a quarter on: nearer to black, LittleCMS itself is up to 7 steps off for grey of linear light.
  const ramp = Uint16Array.from({ length: 64 }, (_, i) => 16_500 + 700 * i);
  const shape = { height: 1, width: 64 };

  it.each([1, 1.8, 2.2])("of grey counts, gamma %f", async (gamma) => {
    const file = tiffFile(ramp, {
      ...shape,
      channels: 1,
      photometric: 1,
      profile: iccProfile("GRAY", gamma),
    });
    const { pixels } = await read(file);
    for (const [i, sample] of ramp.entries()) {
      const expected = srgb((sample / 65_535) ** gamma);
      for (const value of pixels.slice(3 * i, 3 * i + 3))
        expect(Math.abs(value - expected)).toBeLessThan(1.5);
    }
  });

  it("of grey with alpha counts for the grey and not for the alpha", async () => {
    const samples = Uint16Array.from([...ramp].flatMap((v, i) => [v, i % 2 === 0 ? 65_535 : 16_384]));
    const profile = iccProfile("GRAY", 1);
    const file = tiffFile(samples, { ...shape, channels: 2, photometric: 1, extra: [2], profile });
    const { pixels } = await read(file);
    for (const [i, sample] of ramp.entries()) {
      const alpha = i % 2 === 0 ? 1 : 0.25;
      const expected = alpha * srgb(sample / 65_535) + (1 - alpha) * 255;
      expect(Math.abs((pixels[3 * i] as number) - expected)).toBeLessThan(1.5);
    }
  });

  it("of another colour model, or a damaged one, changes nothing", async () => {
    const shown = [...ramp].flatMap((v) => Array(3).fill(v >> 8));
    for (const profile of [
      iccProfile("RGB ", 1),
      iccProfile("GRAY", 1).subarray(0, 150),
      Buffer.from("none"),
    ]) {
      const { pixels } = await read(tiffFile(ramp, { ...shape, channels: 1, photometric: 1, profile }));
      for (const [i, value] of pixels.entries()) expect(Math.abs(value - shown[i])).toBeLessThanOrEqual(1);
    }
  });

  it("of RGB in linear light keeps the shadows apart", async () => {
    // The first 30 of these are the bytes 0 and 1: sRGB's 0 to 13.
    const dark = Uint16Array.from({ length: 120 }, (_, i) => 17 * i);
    const samples = Uint16Array.from([...dark].flatMap((v) => [v, v, v]));
    const shadows = { height: 1, width: 120, channels: 3, photometric: 2, profile: iccProfile("RGB ", 1) };
    const { pixels } = await read(tiffFile(samples, shadows));
    for (const [i, sample] of dark.entries()) {
      expect(Math.abs((pixels[3 * i] as number) - srgb(sample / 65_535))).toBeLessThan(1.5);
    }
  });

  it("of RGB that cannot be applied changes nothing", async () => {
    const samples = samplesOf(3, 16);
    const profile = iccProfile("RGB ", 1).subarray(0, 140);
    const { pixels } = await read(tiffFile(samples, { ...size, channels: 3, photometric: 2, profile }));
    expect(pixels).toEqual(colours(samples, 3, 3));
  });
});

describe("the first frame of a GIF", () => {
  const canvas = { height: 6, width: 8 };

  it.each([
    { name: "in the middle", frame: { top: 2, left: 3, height: 3, width: 2 } },
    { name: "at the top left", frame: { top: 0, left: 0, height: 5, width: 8 } },
    { name: "at the bottom right", frame: { top: 1, left: 5, height: 5, width: 3 }, comment: "hello" },
    { name: "with transparency of its own", frame: { top: 1, left: 2, height: 2, width: 3 }, transparent: 2 },
  ])("has white around it: $name", async ({ frame, ...options }) => {
    const indices = Array.from({ length: frame.height * frame.width }, (_, i) => (i * 3 + 1) % 4);
    const { pixels } = await read(gifFile(indices, { canvas, frame, ...options }));
    const expected = Array.from({ length: canvas.height * canvas.width }, (_, i) => {
      const [row, column] = [Math.floor(i / canvas.width) - frame.top, (i % canvas.width) - frame.left];
      const inside = row >= 0 && row < frame.height && column >= 0 && column < frame.width;
      const index = indices[row * frame.width + column] as number;
      return inside && index !== options.transparent
        ? [...(GIF_COLOURS[index] as readonly number[])]
        : [255, 255, 255];
    });
    expect(pixels).toEqual(expected.flat());
  });

  it("is white around it when it is resized, too", async () => {
    const frame = { top: 3, left: 4, height: 3, width: 4 };
    const { pixels } = await read(gifFile(Array(12).fill(0), { canvas, frame }), { resize: 60 });
    expect(pixels.slice(0, 3)).toEqual([255, 255, 255]);
    expect(pixels.slice(-3)).toEqual([...GIF_COLOURS[0]]);
  });

  it("is not looked for behind the end of the file", () => {
    const frame = { top: 2, left: 3, height: 3, width: 2 };
    const file = gifFile(Array(6).fill(1), { canvas, frame, comment: "hello" });
    expect(gifFrame(file)).toEqual({ canvas, frame });
    const start = file.indexOf(0x2c, 25);
    for (let length = 0; length < start + 9; length++)
      expect(gifFrame(file.subarray(0, length))).toBeUndefined();
  });
});

describe("an AVIF sequence", () => {
  it("is read as its first picture", async () => {
    const image = noise(3, { height: 24, width: 40 }).image;
    const avif = await image.avif({ quality: 90, chromaSubsampling: "4:4:4" }).toBuffer();
    const still = await read(avif);
    const sequence = Buffer.from(avif);
    expect(sequence.toString("latin1", 4, 12)).toBe("ftypavif");
    sequence.write("avis", 8, "latin1");
    expect(await read(sequence)).toEqual(still);
    expect(sequence.toString("latin1", 8, 12)).toBe("avis"); // the caller's bytes are left alone
  });
});

describe("a JPEG without its end marker", () => {
  const NOTE = "the end marker is missing, and nothing else";
  const jpeg = (
    options: { progressive?: boolean; quality?: number; grey?: boolean } = {},
  ): Promise<Buffer> => {
    const { grey = false, ...rest } = options;
    const image = noise(4, { height: 45, width: 70 }).image;
    return (grey ? image.greyscale() : image).jpeg({ quality: 80, ...rest }).toBuffer();
  };

  it.each([
    { name: "baseline", options: {} },
    { name: "progressive", options: { progressive: true } },
    { name: "grey", options: { grey: true, quality: 95 } },
  ])("is read as the whole one, with a note: $name", async ({ options }) => {
    const whole = await jpeg(options);
    const { pixels, notes } = await read(whole);
    expect(notes).toEqual([]);
    for (const lost of [1, 2]) {
      expect(await read(whole.subarray(0, -lost))).toEqual({ pixels, notes: [NOTE] });
    }
  });

  it("is refused when more is missing", async () => {
    for (const progressive of [false, true]) {
      const whole = await jpeg({ progressive });
      for (const lost of [6, 40, 400]) {
        await expect(read(whole.subarray(0, whole.length - lost))).rejects.toMatchObject({
          reason: "VipsJpeg: premature end of JPEG image",
        });
      }
    }
  });

  it("is refused when it ends between two scans", async () => {
    const whole = await jpeg({ progressive: true });
    const scans: number[] = [];
    for (let at = whole.indexOf(Buffer.from([0xff, 0xda])); at >= 0; ) {
      scans.push(at);
      at = whole.indexOf(Buffer.from([0xff, 0xda]), at + 2);
    }
    expect(scans.length).toBeGreaterThan(4);
    let refused = 0;
    for (const at of scans.slice(1)) {
      // Up to the last byte before the tables of the next scan, which another marker begins.
      const table = whole.lastIndexOf(Buffer.from([0xff, 0xc4]), at);
      const end = table > (scans[scans.indexOf(at) - 1] as number) ? table : at;
      expect(withEndMarker(whole.subarray(0, end))).toBeUndefined();
      refused++;
    }
    expect(refused).toBe(scans.length - 1);
    expect(withEndMarker(whole.subarray(0, -2))?.length).toBe(whole.length);
  });

  it("is no other file: not one with its marker, not one cut in its head, none of another format", async () => {
    const whole = await jpeg();
    expect(withEndMarker(whole)).toBeUndefined();
    const scan = whole.indexOf(Buffer.from([0xff, 0xda]));
    for (const length of [0, 2, 20, scan, scan + 5]) {
      expect(withEndMarker(whole.subarray(0, length))).toBeUndefined();
    }
    expect(withEndMarker(await sharp(whole).png().toBuffer())).toBeUndefined();
  });
});
