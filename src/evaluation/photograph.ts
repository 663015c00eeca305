import type { RgbImage } from "../data/index.js";

/** A whole image, its codes and what a model makes of them. No tensor is in it. */
export interface CodedPhotograph {
  /** The file's name, without folders. */
  readonly name: string;
  readonly original: RgbImage;
  /** A pixel a code, of the first codebook: `codeMosaic`. */
  readonly mosaic: RgbImage;
  /** Q. */
  readonly numCodebooks: number;
  readonly reconstruction: RgbImage;
  /** Of this image, as the metric card has it; null where both are equal. */
  readonly psnr: number | null;
}
