import { cropImage, type RgbImage } from "../images.js";
import { type ImageWeights, resampleBytes, resampleFloats } from "./resample.js";
import { linearWeights, type ResamplingKernel, smoothWeights } from "./weights.js";

/** A way in which published programs make a square of an image: the shorter side resized, the middle cut out. */
export interface ImagePreparation {
  /** For cards and documents. */
  readonly text: string;
  /**
   * @param side of the square, in pixels, at least 1; smaller images are enlarged
   * @returns [side, side, 3]
   */
  prepare(image: RgbImage, side: number): RgbImage;
}

/**
 * `center_crop_arr` of openai/guided-diffusion: halved with Pillow's box kernel while the shorter side is at least twice
 * too long, then Pillow's bicubic kernel.
 */
export const admPreparation: ImagePreparation = {
  text: "shorter side halved by Pillow's box kernel while it is at least twice too long, then by its bicubic kernel; centre crop (guided-diffusion's center_crop_arr)",
  prepare(image, side) {
    let at = image;
    while (shorter(at) >= 2 * side) {
      at = pillow(at, { height: Math.floor(at.height / 2), width: Math.floor(at.width / 2) }, "box");
    }
    const scale = side / shorter(at);
    const size = { height: roundEven(at.height * scale), width: roundEven(at.width * scale) };
    return square(pillow(at, size, "bicubic"), side, Math.floor);
  },
};

/** torchvision's `Resize(side, BICUBIC)` and `CenterCrop(side)` on Pillow images: the longer side is truncated. */
export const torchvisionPreparation: ImagePreparation = {
  text: "shorter side by Pillow's bicubic kernel, antialiased; centre crop (torchvision's Resize and CenterCrop)",
  prepare(image, side) {
    const { height, width } = image;
    const longer = (length: number) => Math.trunc((side * length) / shorter(image));
    const size =
      height <= width ? { height: side, width: longer(width) } : { height: longer(height), width: side };
    return square(pillow(image, size, "bicubic"), side, roundEven);
  },
};

/**
 * albumentations' `SmallestMaxSize(side)` and `CenterCrop(side)`: OpenCV's bilinear sampling, which does not smooth.
 * OpenCV 5.0 rounds otherwise: one 8-bit step at 13 % of the values.
 */
export const albumentationsPreparation: ImagePreparation = {
  text: "shorter side by bilinear sampling without antialiasing; centre crop (albumentations' SmallestMaxSize and CenterCrop on OpenCV)",
  prepare(image, side) {
    const scale = side / shorter(image);
    const size = { height: roundEven(image.height * scale), width: roundEven(image.width * scale) };
    if (scale === 1) return square(image, side, Math.floor);
    const values = resampleFloats(image, {
      rows: linearWeights(image.height, size.height, "centres"),
      columns: linearWeights(image.width, size.width, "centres"),
    });
    const pixels = Uint8Array.from(values, (value) => Math.floor(value + 0.5));
    return square({ pixels, ...size }, side, Math.floor);
  },
};

function shorter({ height, width }: RgbImage): number {
  return Math.min(height, width);
}

function pillow(
  image: RgbImage,
  { height, width }: { readonly height: number; readonly width: number },
  kernel: ResamplingKernel,
): RgbImage {
  return resampleBytes(image, smoothImageWeights(image, { height, width }, kernel));
}

/** Pillow's weights from one size to another. */
export function smoothImageWeights(
  from: { readonly height: number; readonly width: number },
  to: { readonly height: number; readonly width: number },
  kernel: ResamplingKernel,
): ImageWeights {
  return {
    rows: smoothWeights(from.height, to.height, kernel),
    columns: smoothWeights(from.width, to.width, kernel),
  };
}

function square(image: RgbImage, side: number, round: (margin: number) => number): RgbImage {
  const top = round((image.height - side) / 2);
  const left = round((image.width - side) / 2);
  return cropImage(image, { top, left, height: side, width: side });
}

/** Python's `round`: halves to the even neighbour. */
function roundEven(value: number): number {
  const below = Math.floor(value);
  const over = value - below;
  if (over !== 0.5) return Math.round(value);
  return below % 2 === 0 ? below : below + 1;
}
