import {
  centerCrop,
  cropImage,
  decodeImage,
  ImageError,
  type ImageNote,
  type ImageTransform,
  loadItem,
  mirrored,
  type RgbImage,
  type Size,
  type SourceItem,
} from "../data/index.js";
import type { CodedImage } from "./codes.js";
import type { EncodeSettings, ImageViews, PixelSize } from "./encode-options.js";
import { type Tile, tileLayout, tilesOf } from "./tiles.js";

/** A part of an image as the model takes it: the whole, a tile, or one of its views. */
export interface PreparedPart extends Tile {
  /** What `rect` is cut from. */
  readonly image: RgbImage;
}

/** An image as the model takes it, as a whole, in tiles, or in several views. */
export interface PreparedImage {
  /** The first part's. Padded: both sides are multiples of the downsampling factor. */
  readonly image: RgbImage;
  /** Of each part: the image's own, or that of its tiles. */
  readonly size: Size;
  /** At least one, in order. */
  readonly parts: readonly PreparedPart[];
  /** What a person should know of how it was read. */
  readonly notes: readonly ImageNote[];
}

/** The model that images are prepared for. */
export interface ImageTaker {
  /** Its downsampling factor. */
  readonly factor: number;
  /** Why it does not take an image (or tile) of a size; undefined where it does. Default: it takes all. */
  readonly refuse?: (size: Size) => string | undefined;
}

/**
 * Decodes an image, gives it the size asked for, and pads it.
 *
 * @throws ImageError when it cannot be decoded, or is not taken
 */
export async function prepareImage(
  item: SourceItem,
  settings: EncodeSettings,
  { factor, refuse }: ImageTaker,
): Promise<PreparedImage> {
  const { source, where } = await loadItem(item);
  const { maxPixels } = settings;
  const notes: ImageNote[] = [];
  const onNote = (note: ImageNote): void => {
    notes.push(note);
  };
  const decoded = await decodeImage(source, { name: where, maxPixels, onNote, ...transformOf(settings) });
  const image = prepared(item.name, decoded, settings, factor);
  const reason = refuse?.(image.size);
  if (reason !== undefined) throw new ImageError(where, reason);
  return { ...image, notes };
}

function prepared(
  name: string,
  decoded: RgbImage,
  settings: EncodeSettings,
  factor: number,
): Omit<PreparedImage, "notes"> {
  const { views } = settings;
  switch (settings.policy) {
    case "native":
      return whole(name, decoded, { size: paddedSize(decoded, factor), views });
    case "resize":
    case "pad":
      return whole(name, decoded, { size: settings.size, views });
    case "crop": {
      const content = cropImage(decoded, centerCrop(decoded, croppedSize(settings)));
      return views === "ten-crop"
        ? tenCrops(name, content, settings.size)
        : whole(name, content, { size: settings.size, views });
    }
    case "tile": {
      const { size: tile, overlap } = settings;
      const layout = tileLayout(decoded, { tile, overlap, factor });
      const image = padEdges(decoded, paddedSize(decoded, factor));
      const size = { height: layout.rows.tile, width: layout.columns.tile };
      return { image, size, parts: tilesOf(name, layout).map((part) => ({ ...part, image })) };
    }
  }
}

/** Cuts the padding off again: the top left `size` of an image. */
export function withoutPadding(image: RgbImage, size: Size): RgbImage {
  const { height, width } = size;
  return height === image.height && width === image.width
    ? image
    : cropImage(image, { top: 0, left: 0, height, width });
}

/** How the image is resized as it is decoded. */
export function transformOf(settings: PixelSize & { readonly cropRange: number }): ImageTransform {
  switch (settings.policy) {
    case "resize":
      return { exactly: settings.size };
    case "crop":
      // A shorter side of one pixel asks for nothing, so that the scale is the smallest that covers `size`.
      return { resize: 1, cover: croppedSize(settings) };
    case "pad":
      return { inside: settings.size };
    default:
      return {};
  }
}

/** What is cut from the middle of an image: `size`, or what ten crops are cut from. */
function croppedSize({
  size: { height, width },
  cropRange,
}: {
  readonly size: Size;
  readonly cropRange: number;
}): Size {
  return { height: Math.floor(height * cropRange), width: Math.floor(width * cropRange) };
}

/** An image as it is, or beside its mirror image. */
function whole(
  name: string,
  content: RgbImage,
  { size, views }: { readonly size: Size; readonly views: ImageViews },
): Omit<PreparedImage, "notes"> {
  const { width, height } = content;
  const coded: CodedImage = { name, width, height };
  const rect = { top: 0, left: 0, ...size };
  const image = padEdges(content, size);
  if (views === "one") return { image, size, parts: [{ image, rect, coded }] };
  const mirror = padEdges(mirrored(content), size);
  const parts = [image, mirror].map((each, view) => ({ image: each, rect, coded: { ...coded, view } }));
  return { image, size, parts };
}

/** The crops of an image and of its mirror image. */
function tenCrops(name: string, image: RgbImage, size: Size): Omit<PreparedImage, "notes"> {
  const [bottom, right] = [image.height - size.height, image.width - size.width];
  const corners = [
    [0, 0],
    [0, right],
    [bottom, 0],
    [bottom, right],
    [halfToEven(bottom), halfToEven(right)],
  ] as const;
  const parts = [image, mirrored(image)].flatMap((each, side) =>
    corners.map(([top, left], corner) => ({
      image: each,
      rect: { top, left, ...size },
      coded: { name, width: size.width, height: size.height, view: side * corners.length + corner },
    })),
  );
  return { image, size, parts };
}

/** Half of an integer, rounded as Python does, which torchvision's crop in the middle begins at. */
function halfToEven(length: number): number {
  const half = Math.floor(length / 2);
  return length % 2 === 1 && half % 2 === 1 ? half + 1 : half;
}

function paddedSize({ height, width }: Size, factor: number): Size {
  return { height: Math.ceil(height / factor) * factor, width: Math.ceil(width / factor) * factor };
}

/** Repeats the last column to the right and the last row below. */
function padEdges(image: RgbImage, to: Size): RgbImage {
  if (to.height === image.height && to.width === image.width) return image;
  const pixels = new Uint8Array(to.height * to.width * 3);
  const from = image.width * 3;
  const rowBytes = to.width * 3;
  for (let row = 0; row < to.height; row++) {
    const at = row * rowBytes;
    if (row >= image.height) {
      pixels.copyWithin(at, at - rowBytes, at);
      continue;
    }
    pixels.set(image.pixels.subarray(row * from, (row + 1) * from), at);
    for (let end = at + from; end < at + rowBytes; end += 3) pixels.copyWithin(end, end - 3, end);
  }
  return { pixels, height: to.height, width: to.width };
}
