import type { Sharp } from "sharp";
import type { Rect } from "../geometry.js";
import type { RgbImage } from "../images.js";
import { neutralCurve } from "./profile-curve.js";

/**
 * Reads a picture with samples beside its colours, and lays it over white where one of them is its alpha.
 *
 * @param input a pipeline that ends in sRGB
 * @param alpha which of the samples behind the colours, from 0; undefined leaves out all of them
 */
export async function readSamples(input: Sharp, alpha: number | undefined): Promise<RgbImage> {
  const { data, info } = await input.raw({ depth: "uchar" }).toBuffer({ resolveWithObject: true });
  const { height, width, channels } = info;
  const pixels = new Uint8Array(3 * height * width);
  for (let from = 0, to = 0; from < data.length; from += channels, to += 3) {
    const opacity = alpha === undefined ? 1 : (data[from + 3 + alpha] as number) / 255;
    for (let c = 0; c < 3; c++) pixels[to + c] = overWhite(data[from + c] as number, opacity);
  }
  return { pixels, height, width };
}

/**
 * Reads grey of 16 bits with its colour profile, which sharp leaves out of account: the profile's curve is taken at 256
 * places and is linear between them, so that the lower byte counts.
 */
export async function readGrey16(input: Sharp, profile: Uint8Array): Promise<RgbImage> {
  const curve = await neutralCurve(profile, 1); // [256, 3]
  const { data, info } = await input
    .toColourspace("grey16")
    .raw({ depth: "ushort" })
    .toBuffer({ resolveWithObject: true });
  const { height, width, channels } = info;
  const samples = new Uint16Array(data.buffer, data.byteOffset, data.length / 2);
  const pixels = new Uint8Array(3 * height * width);
  for (let i = 0; i < height * width; i++) {
    const place = (samples[i * channels] as number) / 257; // 0..255
    const alpha = channels === 1 ? 1 : (samples[i * channels + 1] as number) / 65_535;
    const below = Math.min(254, Math.floor(place));
    for (let c = 0; c < 3; c++) {
      const [from = 0, to = 0] = [curve[3 * below + c], curve[3 * below + 3 + c]];
      pixels[3 * i + c] = overWhite(from + (place - below) * (to - from), alpha);
    }
  }
  return { pixels, height, width };
}

/** @param alpha 0..1 */
function overWhite(value: number, alpha: number): number {
  return Math.round(alpha * value + (1 - alpha) * 255);
}

/** Makes all white that lies outside a rectangle, in place. */
export function paintAround(image: RgbImage, { top, left, height, width }: Rect): RgbImage {
  const { pixels } = image;
  const rowBytes = 3 * image.width;
  pixels.fill(255, 0, top * rowBytes);
  for (let row = top; row < top + height; row++) {
    const start = row * rowBytes;
    pixels.fill(255, start, start + 3 * left);
    pixels.fill(255, start + 3 * (left + width), start + rowBytes);
  }
  pixels.fill(255, (top + height) * rowBytes);
  return image;
}
