import sharp, { type Metadata, type Sharp } from "sharp";
import { messageOf, VqkitError } from "../core/errors.js";
import { Semaphore } from "../core/semaphore.js";
import type { BrokenImage } from "./batch.js";
import { EXTENSION_LIST, IMAGE_FORMATS } from "./formats.js";
import { type ResizeRule, resizedSize, type Size } from "./geometry.js";
import { checkRawImage, type RawImage, type RgbImage } from "./images.js";
import { mapAhead } from "./prefetch.js";
import { withFile } from "./read-file.js";

/** What transparent pixels are laid over: white, as on paper and on most pages. */
export const ALPHA_BACKGROUND = { r: 255, g: 255, b: 255 } as const;

/** Largest number of pixels that an image may have, before and after resizing, unless the caller says otherwise. */
export const DEFAULT_MAX_PIXELS = 64_000_000;

/** A decode that takes longer than this is given up; the largest photographs take a few seconds. */
const MAX_SECONDS = 60;

/** An image in a file (path), an image file in memory (Buffer), or bare pixels. */
export type ImageSource = string | Uint8Array | RawImage;

/** What is done to an image as it is decoded. */
export interface ImageTransform extends ResizeRule {
  /** Refuse images of more pixels than this, before or after resizing; default `DEFAULT_MAX_PIXELS`. */
  readonly maxPixels?: number;
}

export interface DecodeOptions extends ImageTransform {
  /** Names the image in errors; default its path, or "image". */
  readonly name?: string;
}

/** An image that could not be decoded; the message is `file: expected …, got …` in one line. Its code is "data". */
export class ImageError extends VqkitError implements BrokenImage {
  readonly file: string;
  readonly reason: string;

  constructor(file: string, reason: string, options?: ErrorOptions) {
    super("data", `${file}: expected a readable image (${EXTENSION_LIST}), got ${reason}.`, options);
    this.file = file;
    this.reason = reason;
  }
}

/**
 * Bytes of pixels being decoded at once in the whole process, so that a folder of large photographs costs no more
 * memory than one of small ones, however many decodes are asked for.
 */
const DECODING_BYTES = 256 * 2 ** 20;
const decoding = new Semaphore(DECODING_BYTES);

/** What libvips does when nothing else runs there. */
const alone: Pick<Semaphore, "run"> = { run: (_, job) => job() };

/**
 * Decodes an image to 8-bit sRGB on sharp's own threads.
 *
 * The EXIF orientation is applied; alpha is flattened over `ALPHA_BACKGROUND`; grey becomes three equal channels; 16
 * bits become 8; CMYK and embedded colour profiles are converted to sRGB; of an animation or a document the first
 * frame is taken. Resizing (Lanczos 3) follows `resizedSize`. Bare RGB pixels that need no resizing are returned as
 * they are, not copied.
 *
 * @throws ImageError when the image cannot be read, is truncated or damaged, is larger than `maxPixels`, takes more than
 * a minute (twice), or is of another format or sample type.
 */
export async function decodeImage(source: ImageSource, options: DecodeOptions = {}): Promise<RgbImage> {
  const name = options.name ?? (typeof source === "string" ? source : "image");
  if (isRaw(source)) checkRawImage(source, name);
  try {
    // Files are read here, not by libvips: it keeps decoded images by path, and returns the old pixels of some files
    // (WebP, interlaced PNG) that have been rewritten.
    if (typeof source === "string") return await withFile(source, (content) => decode(content, options));
    return await decode(source, options);
  } catch (error) {
    throw new ImageError(name, reasonOf(error), { cause: error });
  }
}

/** One file's outcome. */
export interface DecodedFile {
  readonly file: string;
  readonly image: RgbImage;
}

export interface DecodeAllOptions {
  /** What is done to each image; default nothing. */
  readonly transform?: ImageTransform;
  /** Files being decoded, or decoded and not yet taken; >= 1, default 8. */
  readonly concurrency?: number;
}

/**
 * Decodes files one after the other in their order, `concurrency` of them ahead of the consumer. A file that cannot be
 * decoded yields a `BrokenImage` (it has a `reason`) in its place.
 */
export function decodeAll(
  files: Iterable<string>,
  options: DecodeAllOptions = {},
): AsyncGenerator<DecodedFile | BrokenImage, void, undefined> {
  const { transform = {}, concurrency = 8 } = options;
  return mapAhead(files, (file) => decodeFile(file, transform), { ahead: concurrency - 1 });
}

/** Decodes one file; what is wrong with it is returned, not thrown. */
export async function decodeFile(
  file: string,
  transform: ImageTransform,
): Promise<DecodedFile | BrokenImage> {
  try {
    return { file, image: await decodeImage(file, { ...transform, name: file }) };
  } catch (error) {
    if (error instanceof ImageError) return { file, reason: error.reason };
    throw error;
  }
}

/**
 * libvips keeps one text for all errors of the process: of two images that fail at a time, one is told the other's cause
 * and one none, and whoever else ends a task meanwhile (a report's picture) empties it. So what failed there is tried
 * again with no other decode beside it, and once more where no cause is told. That is also the second chance of an image
 * whose time ran out because the process was stopped for a while (Ctrl-Z).
 */
async function decode(source: Exclude<ImageSource, string>, transform: ImageTransform): Promise<RgbImage> {
  const tryAlone = (): Promise<RgbImage> =>
    decoding.run(DECODING_BYTES, () => decodeWithin(alone, source, transform));
  try {
    return await decodeWithin(decoding, source, transform);
  } catch (error) {
    if (error instanceof UnsuitableError) throw error;
  }
  try {
    return await tryAlone();
  } catch (error) {
    if (messageOf(error) !== "Unknown error") throw error;
  }
  return tryAlone();
}

async function decodeWithin(
  limits: Pick<Semaphore, "run">,
  source: Exclude<ImageSource, string>,
  transform: ImageTransform,
): Promise<RgbImage> {
  const limit = transform.maxPixels ?? DEFAULT_MAX_PIXELS;
  const input = openSource(source);
  const header = await limits.run(1, () => input.metadata());
  if (!isRaw(source)) checkHeader(header);
  const from: Size = header.autoOrient;
  checkPixels(from, limit, "");
  const to = resizedSize(from, transform);
  checkPixels(to, limit, " after resizing");
  if (isRaw(source) && source.channels === 3 && sameSize(from, to)) {
    return { pixels: viewOf(source.pixels), ...to };
  }
  const bytes = 3 * Math.max(from.height * from.width, to.height * to.width);
  return limits.run(bytes, () => render(input, header, to));
}

/** What we refuse ourselves, for a reason that is known. */
class UnsuitableError extends Error {}

function openSource(source: Exclude<ImageSource, string>): Sharp {
  if (isRaw(source)) {
    const { pixels, height, width, channels } = source;
    return sharp(viewOf(pixels), { limitInputPixels: false, raw: { height, width, channels } });
  }
  if (source.length === 0) throw new UnsuitableError("an empty file");
  // The header's size is checked against `maxPixels` instead. "error" implies "truncated".
  return sharp(source, { failOn: "error", limitInputPixels: false });
}

function checkHeader(header: Metadata): void {
  if (!IMAGE_FORMATS.has(header.format)) throw new UnsuitableError(`a file of format "${header.format}"`);
  if (header.depth !== "uchar" && header.depth !== "ushort") {
    // Nothing says which range floating-point samples span.
    throw new UnsuitableError(`samples of type ${header.depth} instead of 8 or 16 bits`);
  }
}

function checkPixels(size: Size, limit: number, when: string): void {
  if (size.height * size.width <= limit) return;
  throw new UnsuitableError(
    `${size.width}×${size.height} pixels${when}, over the limit of ${limit} (maxPixels)`,
  );
}

async function render(input: Sharp, header: Metadata, to: Size): Promise<RgbImage> {
  // Left to itself, sharp takes 16-bit RGB with a colour profile to Display P3 and then calls the result sRGB.
  if (header.space === "rgb16") input.pipelineColourspace("srgb");
  input
    .timeout({ seconds: MAX_SECONDS })
    .autoOrient()
    .flatten({ background: ALPHA_BACKGROUND })
    .toColourspace("srgb");
  if (!sameSize(header.autoOrient, to)) {
    // Without fast shrink-on-load, at least a factor of two is left to the Lanczos kernel.
    input.resize({ ...to, fit: "fill", kernel: "lanczos3", fastShrinkOnLoad: false });
  }
  const { data, info } = await input.raw({ depth: "uchar" }).toBuffer({ resolveWithObject: true });
  if (info.channels !== 3) throw new UnsuitableError(`${info.channels} channels after conversion to RGB`);
  return { pixels: viewOf(data), height: info.height, width: info.width };
}

function isRaw(source: ImageSource): source is RawImage {
  return typeof source !== "string" && !(source instanceof Uint8Array);
}

function sameSize(a: Size, b: Size): boolean {
  return a.height === b.height && a.width === b.width;
}

/** The same bytes as a plain Uint8Array. */
function viewOf(bytes: Uint8Array | Uint8ClampedArray): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** libvips reports a trail of lines; the last one is what ended the decode. */
function reasonOf(error: unknown): string {
  const lines = messageOf(error).trim().split("\n");
  if (lines[0]?.startsWith("timeout")) return `no end of decoding within ${MAX_SECONDS} s, twice`;
  return (lines.at(-1) ?? "").trim().replace(/\.$/, "");
}
