import type { Sharp } from "sharp";
import { type RawImage, toSharp } from "../data/index.js";

/** An image that a model made: 8-bit RGB, row by row, [height, width, 3]. `encode` takes it as it is. */
export class DecodedImage implements RawImage {
  readonly name: string;
  readonly pixels: Uint8Array;
  readonly height: number;
  readonly width: number;
  readonly channels = 3;

  constructor(
    name: string,
    image: { readonly pixels: Uint8Array; readonly height: number; readonly width: number },
  ) {
    this.name = name;
    this.pixels = image.pixels;
    this.height = image.height;
    this.width = image.width;
  }

  /** A sharp pipeline to save or process the image: `await image.toSharp().toFile("cat.png")`. */
  toSharp(): Sharp {
    return toSharp(this);
  }
}
