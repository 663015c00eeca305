import { messageOf, VqkitError } from "../core/errors.js";
import { Semaphore } from "../core/semaphore.js";
import { typeName } from "../core/typed-arrays.js";
import type { BrokenImage, ImageNote } from "./batch.js";
import { EXTENSION_LIST } from "./formats.js";
import type { ResizeRule } from "./geometry.js";
import { type ImageSource, loadItem, type SourceItem } from "./image-source.js";
import type { RgbImage } from "./images.js";
import { mapAhead } from "./prefetch.js";
import { byteImage } from "./raw-image.js";
import { withFile } from "./read-file.js";
import { type Decodable, MAX_SECONDS, type Rendered, type RenderOptions, render } from "./render.js";
import { withEndMarker } from "./structure/jpeg-end.js";
import { UnsuitableError } from "./structure/unsuitable.js";

/** Largest number of pixels that an image may have, before and after resizing, unless the caller says otherwise. */
export const DEFAULT_MAX_PIXELS = 64_000_000;

/** What is done to an image as it is decoded. */
export interface ImageTransform extends ResizeRule {
  /** Refuse images of more pixels than this, before or after resizing; default `DEFAULT_MAX_PIXELS`. */
  readonly maxPixels?: number;
}

export interface DecodeOptions extends ImageTransform {
  /** Names the image in errors; default its path, or "image". */
  readonly name?: string;
  /** Told what a person should know of how an image was read: of what was left out, or was missing. */
  readonly onNote?: (note: ImageNote) => void;
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
 * The EXIF orientation is applied; alpha is flattened over `ALPHA_BACKGROUND`, and samples that are neither colour nor
 * alpha are left out; grey becomes three equal channels; 16 bits become 8; CMYK and embedded colour profiles are
 * converted to sRGB; of an animation or a document the first frame is taken, on white where it does not cover the
 * canvas. Resizing (Lanczos 3) follows `resizedSize`. Bare RGB bytes that need no resizing are returned as they are, not
 * copied.
 *
 * @throws ImageError when the image cannot be read, is truncated or damaged, is larger than `maxPixels`, takes more than
 * a minute (twice), or is of another format or sample type; VqkitError("data") for bare pixels that are not what they
 * are said to be, and for what is no image source at all
 */
export async function decodeImage(source: ImageSource, options: DecodeOptions = {}): Promise<RgbImage> {
  const name = options.name ?? (typeof source === "string" ? source : "image");
  const { image, notes } = await readImage(source, name, options);
  for (const note of notes) options.onNote?.({ file: name, note });
  return image;
}

async function readImage(source: ImageSource, name: string, transform: ImageTransform): Promise<Rendered> {
  const inMemory = typeof source === "string" ? undefined : decodable(source, name);
  try {
    // Files are read here, not by libvips: it keeps decoded images by path, and returns the old pixels of some files
    // (WebP, interlaced PNG) that have been rewritten.
    if (typeof source === "string") return await withFile(source, (content) => decode(content, transform));
    return await decode(inMemory as Decodable, transform);
  } catch (error) {
    throw new ImageError(name, reasonOf(error), { cause: error });
  }
}

/** What can be decoded of an image in memory. @throws VqkitError("data") */
export function decodable(source: Exclude<ImageSource, string>, name: string): Decodable {
  if (source instanceof Uint8Array) return source;
  if (typeof source === "object" && source !== null && "pixels" in source) return byteImage(source, name);
  throw new VqkitError(
    "data",
    `${name}: expected a path, the bytes of a file (a Uint8Array) or { pixels, height, width, channels }, got ${typeName(source)}.`,
  );
}

/** One image's outcome. */
export interface DecodedFile {
  /** Its path, or what its item is called. */
  readonly file: string;
  readonly image: RgbImage;
  /** As `DecodeOptions.onNote` is told; mostly none. */
  readonly notes: readonly string[];
}

export interface DecodeAllOptions {
  /** What is done to each image; default nothing. */
  readonly transform?: ImageTransform;
  /** Files being decoded, or decoded and not yet taken; >= 1, default 8. */
  readonly concurrency?: number;
}

/**
 * Decodes images one after the other in their order, `concurrency` of them ahead of the consumer. One that cannot be
 * decoded yields a `BrokenImage` (it has a `reason`) in its place.
 *
 * @param items paths, or items of a source
 */
export function decodeAll(
  items: Iterable<string | SourceItem> | AsyncIterable<string | SourceItem>,
  options: DecodeAllOptions = {},
): AsyncGenerator<DecodedFile | BrokenImage, void, undefined> {
  const { transform = {}, concurrency = 8 } = options;
  return mapAhead(items, (item) => decodeItem(item, transform), { ahead: concurrency - 1 });
}

/** Decodes one image; what is wrong with it is returned, not thrown. */
export async function decodeItem(
  item: string | SourceItem,
  transform: ImageTransform,
): Promise<DecodedFile | BrokenImage> {
  const file = typeof item === "string" ? item : (item.where ?? item.name);
  try {
    const source = typeof item === "string" ? item : (await loadItem(item)).source;
    return { file, ...(await readImage(source, file, transform)) };
  } catch (error) {
    if (error instanceof ImageError) return { file, reason: error.reason };
    throw error;
  }
}

/** Where no cause is told: others empty the text only now and then. */
const MOST_RETRIES = 4;

/**
 * libvips keeps one text for all errors of the process: of two images that fail at a time, one is told the other's cause
 * and one none, and whoever else ends a task meanwhile (a report's picture) empties it. So what failed there is tried
 * again with no other decode beside it, and some more times where no cause is told. That is also the second chance of an
 * image whose time ran out because the process was stopped for a while (Ctrl-Z).
 */
async function decode(source: Decodable, transform: ImageTransform): Promise<Rendered> {
  const options = { ...transform, maxPixels: transform.maxPixels ?? DEFAULT_MAX_PIXELS };
  const tryAlone = (): Promise<Rendered> =>
    decoding.run(DECODING_BYTES, () => render(source, alone, options));
  try {
    return await render(source, decoding, options);
  } catch (error) {
    if (error instanceof UnsuitableError) throw error;
  }
  const mended = await decodeWithEnd(source, options);
  if (mended !== undefined) return mended;
  for (let retries = 0; retries < MOST_RETRIES; retries++) {
    try {
      return await tryAlone();
    } catch (error) {
      if (messageOf(error) !== "Unknown error") throw error;
    }
  }
  return tryAlone();
}

/** A JPEG whose end marker alone is missing; undefined for all others. A scan that breaks off is a warning to libjpeg. */
async function decodeWithEnd(source: Decodable, options: RenderOptions): Promise<Rendered | undefined> {
  const whole = source instanceof Uint8Array ? withEndMarker(source) : undefined;
  if (whole === undefined) return undefined;
  try {
    const { image, notes } = await render(whole, decoding, { ...options, failOn: "warning" });
    return { image, notes: [...notes, "the end marker is missing, and nothing else"] };
  } catch {
    return undefined; // as it stands, it fails once more, and that is told
  }
}

/** What sharp puts before the first line of libvips's; it tells nothing that the rest does not. */
const SHARPS_PREFIX = /^Input (?:buffer|file) has corrupt header: /;

/**
 * libvips reports a trail of lines; the last one is what ended the decode. Where others have emptied the trail meanwhile
 * the last one is the first, too.
 */
function reasonOf(error: unknown): string {
  const lines = messageOf(error).trim().split("\n");
  if (lines[0]?.startsWith("timeout")) return `no end of decoding within ${MAX_SECONDS} s, twice`;
  return (lines.at(-1) ?? "").trim().replace(SHARPS_PREFIX, "").replace(/\.$/, "");
}
