import type { Metadata, Sharp } from "sharp";
import type { Semaphore } from "../core/semaphore.js";
import { sharp } from "../core/sharp.js";
import { IMAGE_FORMATS } from "./formats.js";
import { type ResizeRule, resizedSize, type Size } from "./geometry.js";
import type { RgbImage } from "./images.js";
import type { ByteImage } from "./raw-image.js";
import { type FileReading, readingOf } from "./structure/file-reading.js";
import { paintAround, readGrey16, readSamples } from "./structure/own-conversions.js";
import { needsMoreThanBytes } from "./structure/profile-curve.js";
import { UnsuitableError } from "./structure/unsuitable.js";

/** What transparent pixels are laid over: white, as on paper and on most pages. */
export const ALPHA_BACKGROUND = { r: 255, g: 255, b: 255 } as const;

/** A decode that takes longer than this is given up; the largest photographs take a few seconds. */
export const MAX_SECONDS = 60;

/** Samples a pixel at most; those that are not of the picture are left out. */
const MAX_SAMPLES = 16;

/** A file's content, or bare pixels. */
export type Decodable = Uint8Array | ByteImage;

/** An image, and what a person should know of how it was read. */
export interface Rendered {
  readonly image: RgbImage;
  readonly notes: readonly string[];
}

export interface RenderOptions extends ResizeRule {
  /** Pixels at most, before and after resizing. */
  readonly maxPixels: number;
  /** What a file's pixels may be short of; default "error": nothing. "warning" is stricter yet. */
  readonly failOn?: "error" | "warning";
}

/**
 * Decodes and resizes as `decodeImage` says, each stage when `limits` lets it.
 *
 * @throws UnsuitableError for what we refuse ourselves; whatever sharp throws
 */
export async function render(
  source: Decodable,
  limits: Pick<Semaphore, "run">,
  options: RenderOptions,
): Promise<Rendered> {
  if (!(source instanceof Uint8Array)) return { image: await renderRaw(source, limits, options), notes: [] };
  if (source.length === 0) throw new UnsuitableError("an empty file");
  const reading = readingOf(source);
  const { failOn = "error" } = options;
  const open = (): Sharp => openContent(reading.content, failOn);
  const header = await limits.run(1, () => open().metadata());
  checkHeader(header);
  const from: Size = header.autoOrient;
  const to = targetSize(from, options);
  const own = ownConversion(open, header, reading);
  const samples = own === undefined ? 3 : 3 + header.channels * (header.depth === "ushort" ? 2 : 1);
  const image = await limits.run(Math.max(samples * areaOf(from), 3 * areaOf(to)), async () => {
    if (own === undefined) return toRgb(resized(flat(await inSrgb(begin(open()), header)), from, to));
    const converted = await own();
    return sameSize(converted, to) ? converted : toRgb(resized(openRaw(converted, 3), converted, to));
  });
  return { image, notes: reading.notes };
}

/** The size of an image as it is shown, by its head alone. @throws as `render` */
export async function sizeOf(source: Decodable): Promise<Size> {
  if (!(source instanceof Uint8Array)) return { height: source.height, width: source.width };
  if (source.length === 0) throw new UnsuitableError("an empty file");
  const header = await openContent(readingOf(source).content, "error").metadata();
  checkHeader(header);
  return { height: header.autoOrient.height, width: header.autoOrient.width };
}

async function renderRaw(
  source: ByteImage,
  limits: Pick<Semaphore, "run">,
  options: RenderOptions,
): Promise<RgbImage> {
  const from: Size = { height: source.height, width: source.width };
  const to = targetSize(from, options);
  if (source.channels === 3 && sameSize(from, to)) return { pixels: source.pixels, ...to };
  return limits.run(3 * Math.max(areaOf(from), areaOf(to)), () =>
    toRgb(resized(flat(openRaw(source, source.channels).toColourspace("srgb")), from, to)),
  );
}

/** How a file is read that sharp alone would make something else of, at its own size; undefined for all other files. */
function ownConversion(
  open: () => Sharp,
  header: Metadata,
  { leavesOut, alpha, frame }: FileReading,
): (() => Promise<RgbImage>) | undefined {
  if (leavesOut) return async () => readSamples(await inSrgb(begin(open()), header), alpha);
  if (header.space === "grey16" && header.icc !== undefined) {
    const profile = header.icc;
    return () => readGrey16(begin(open()), profile);
  }
  if (frame === undefined) return undefined;
  return async () => paintAround(await toRgb(flat(await inSrgb(begin(open()), header))), frame);
}

function checkHeader(header: Metadata): void {
  if (!IMAGE_FORMATS.has(header.format)) throw new UnsuitableError(`a file of format "${header.format}"`);
  if (header.depth !== "uchar" && header.depth !== "ushort") {
    // Nothing says which range floating-point samples span.
    throw new UnsuitableError(`samples of type ${header.depth} instead of 8 or 16 bits`);
  }
}

function targetSize(from: Size, options: RenderOptions): Size {
  checkPixels(from, options.maxPixels, "");
  const to = resizedSize(from, options);
  checkPixels(to, options.maxPixels, " after resizing");
  return to;
}

function checkPixels(size: Size, limit: number, when: string): void {
  if (areaOf(size) <= limit) return;
  throw new UnsuitableError(
    `${size.width}×${size.height} pixels${when}, over the limit of ${limit} (maxPixels)`,
  );
}

function openContent(content: Uint8Array, failOn: "error" | "warning"): Sharp {
  // The header's size is checked against `maxPixels` instead. "error" implies "truncated".
  return sharp(content, { failOn, limitInputPixels: false, limitInputChannels: MAX_SAMPLES });
}

function openRaw({ pixels, height, width }: RgbImage, channels: 1 | 3 | 4): Sharp {
  return begin(sharp(pixels, { limitInputPixels: false, raw: { height, width, channels } }));
}

function begin(input: Sharp): Sharp {
  return input.timeout({ seconds: MAX_SECONDS }).autoOrient();
}

/**
 * Left to itself, sharp takes 16-bit RGB with a colour profile to Display P3 and then calls the result sRGB. So these
 * become 8 bits first; but with a profile for which 8 bits are too few, sharp is told to convert its Display P3 once more.
 */
async function inSrgb(input: Sharp, { space, icc }: Metadata): Promise<Sharp> {
  if (space === "rgb16") {
    if (icc !== undefined && (await needsMoreThanBytes(icc))) input.withIccProfile("srgb");
    else input.pipelineColourspace("srgb");
  }
  return input.toColourspace("srgb");
}

function flat(input: Sharp): Sharp {
  return input.flatten({ background: ALPHA_BACKGROUND });
}

function resized(input: Sharp, from: Size, to: Size): Sharp {
  if (sameSize(from, to)) return input;
  // Without fast shrink-on-load, at least a factor of two is left to the Lanczos kernel.
  return input.resize({ ...to, fit: "fill", kernel: "lanczos3", fastShrinkOnLoad: false });
}

async function toRgb(input: Sharp): Promise<RgbImage> {
  const { data, info } = await input.raw({ depth: "uchar" }).toBuffer({ resolveWithObject: true });
  if (info.channels !== 3) throw new UnsuitableError(`${info.channels} channels after conversion to RGB`);
  const pixels = new Uint8Array(data.buffer, data.byteOffset, data.length);
  return { pixels, height: info.height, width: info.width };
}

function areaOf({ height, width }: Size): number {
  return height * width;
}

function sameSize(a: Size, b: Size): boolean {
  return a.height === b.height && a.width === b.width;
}
