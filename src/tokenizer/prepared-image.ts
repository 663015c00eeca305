import {
  centerCrop,
  cropImage,
  decodeImage,
  type ImageSource,
  type RgbImage,
  type Size,
} from "../data/index.js";
import type { CodedImage } from "./codes.js";
import type { EncodeSettings } from "./encode-options.js";

/** An image to encode, and what it is called. */
export interface NamedSource {
  readonly name: string;
  readonly source: ImageSource;
}

/** An image as the model takes it: sides that are multiples of the downsampling factor. */
export interface PreparedImage {
  readonly coded: CodedImage;
  readonly padded: RgbImage;
}

/**
 * Decodes an image, gives it the size asked for, and pads it.
 *
 * @param factor the model's downsampling factor
 * @throws ImageError when it cannot be decoded
 */
export async function prepareImage(
  { source, name }: NamedSource,
  { size, maxPixels }: EncodeSettings,
  factor: number,
): Promise<PreparedImage> {
  // A name may be short; an error gives the path.
  const where = typeof source === "string" ? source : name;
  const image = await decodeAtSize(source, { name: where, size, maxPixels });
  const { height, width } = image;
  return { coded: { name, width, height }, padded: padEdges(image, paddedSize(image, factor)) };
}

/** Cuts the padding off again: the top left `size` of an image. */
export function withoutPadding(image: RgbImage, size: Size): RgbImage {
  const { height, width } = size;
  return height === image.height && width === image.width
    ? image
    : cropImage(image, { top: 0, left: 0, height, width });
}

async function decodeAtSize(
  source: ImageSource,
  { size, ...options }: { readonly name: string; readonly maxPixels: number; readonly size: Size | null },
): Promise<RgbImage> {
  if (size === null) return decodeImage(source, options);
  // A shorter side of one pixel asks for nothing, so that the scale is the smallest that covers `size`.
  const covering = await decodeImage(source, { ...options, resize: 1, cover: size });
  return cropImage(covering, centerCrop(covering, size));
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
