import type { Sharp } from "sharp";
import { sharp } from "../core/sharp.js";
import { checkBytes } from "../core/typed-arrays.js";
import type { ImageBatch } from "./batch.js";
import type { Rect } from "./geometry.js";

/** One image in memory: 8-bit sRGB, row by row, shape [height, width, 3]. */
export interface RgbImage {
  readonly pixels: Uint8Array;
  readonly height: number;
  readonly width: number;
}

/** Where and how `copyCrop` writes. */
export interface CopyCropOptions {
  /** Receives height·width·3 bytes of the rectangle. */
  readonly into: Uint8Array;
  /** First byte written; default 0. */
  readonly offset?: number;
  /** Mirror left to right; default false. */
  readonly flipped?: boolean;
}

/** Copies a rectangle, which must lie inside the image, row by row. */
export function copyCrop(image: RgbImage, rect: Rect, options: CopyCropOptions): void {
  const { into, offset = 0, flipped = false } = options;
  const rowBytes = rect.width * 3;
  for (let row = 0; row < rect.height; row++) {
    const from = ((rect.top + row) * image.width + rect.left) * 3;
    const to = offset + row * rowBytes;
    into.set(image.pixels.subarray(from, from + rowBytes), to);
    if (flipped) mirrorRow(into, to, rect.width);
  }
}

function mirrorRow(pixels: Uint8Array, start: number, width: number): void {
  let left = start;
  let right = start + (width - 1) * 3;
  for (; left < right; left += 3, right -= 3) {
    for (let channel = 0; channel < 3; channel++) {
      const kept = pixels[left + channel] as number;
      pixels[left + channel] = pixels[right + channel] as number;
      pixels[right + channel] = kept;
    }
  }
}

/** The image mirrored left to right. */
export function mirrored(image: RgbImage): RgbImage {
  const { height, width } = image;
  const pixels = new Uint8Array(height * width * 3);
  copyCrop(image, { top: 0, left: 0, height, width }, { into: pixels, flipped: true });
  return { pixels, height, width };
}

/** The rectangle as an image of its own. */
export function cropImage(image: RgbImage, rect: Rect): RgbImage {
  const pixels = new Uint8Array(rect.height * rect.width * 3);
  copyCrop(image, rect, { into: pixels });
  return { pixels, height: rect.height, width: rect.width };
}

/**
 * Image `index` (0..count-1) of a batch; its pixels are a view, not a copy.
 *
 * @throws RangeError when there is no such image.
 */
export function imageOfBatch(batch: ImageBatch, index: number): RgbImage {
  if (!Number.isInteger(index) || index < 0 || index >= batch.count) {
    throw new RangeError(`batch image: expected an index in 0..${batch.count - 1}, got ${index}.`);
  }
  const { height, width } = batch;
  const bytes = height * width * 3;
  return { pixels: batch.pixels.subarray(index * bytes, (index + 1) * bytes), height, width };
}

/**
 * The image as a sharp pipeline, to be saved or processed on: `await toSharp(image).toFile("cat.png")`.
 *
 * @throws VqkitError "data" when its pixels are not bytes
 */
export function toSharp(image: RgbImage): Sharp {
  const { pixels, height, width } = image;
  checkBytes(pixels, "image.pixels");
  return sharp(pixels, { raw: { height, width, channels: 3 } });
}
