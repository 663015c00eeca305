import { ShapeError, VqkitError } from "../core/errors.js";
import { checkBytes } from "../core/typed-arrays.js";
import { MS_SSIM_MIN_SIDE, msSsimOfPlanes } from "./ms-ssim.js";
import { type PlanePair, similarityOfPlanes, WINDOW } from "./ssim.js";

/** 8-bit RGB images of one size, row by row: [count, height, width, 3]. A batch of the data layer is one. */
export interface EightBitImages {
  readonly pixels: Uint8Array;
  readonly count: number;
  readonly height: number;
  readonly width: number;
}

/** How near one reconstruction is to its original. JSON-safe. */
export interface ImageFigures {
  /** Mean squared error over all channels, in squared 8-bit steps: 0..65025. */
  readonly mse: number;
  /** 10·log10(255² / mse), in dB. null when the images are identical: it is infinite then. */
  readonly psnr: number | null;
  /** Structural similarity, -1..1, 1 when identical. null when a side is under 11 pixels: no window fits. */
  readonly ssim: number | null;
  /** Multi-scale structural similarity, 0..1, 1 when identical. null when a side is under 161 pixels. */
  readonly msSsim: number | null;
}

/** Figures of a set of images: each the mean over images. JSON-safe. */
export interface MeanImageFigures {
  readonly images: number;
  readonly mse: number;
  /** Mean over the images that differ from their originals; null when none does. */
  readonly psnr: number | null;
  readonly ssim: number | null;
  readonly msSsim: number | null;
  /** Images equal to their originals in every byte: left out of the mean PSNR, which would be infinite. */
  readonly identical: number;
}

const CHANNELS = 3;

/**
 * MSE, PSNR, SSIM and MS-SSIM of each image against its reconstruction.
 *
 * PSNR: 8-bit values, all channels together, range 255, per image. SSIM (Wang et al. 2004): 11×11 Gaussian window of
 * σ = 1.5, K1 = 0.01, K2 = 0.03, range 255, the mean over windows wholly inside the image, per channel, then the mean
 * over channels. MS-SSIM (Wang et al. 2003): five scales, each the mean of 2×2 pixels of the one before, otherwise as
 * SSIM.
 *
 * @throws ShapeError when sizes differ or a buffer does not hold count·height·width·3 bytes; VqkitError("data") when it
 * is none of bytes
 */
export function compareImages(originals: EightBitImages, reconstructions: EightBitImages): ImageFigures[] {
  checkImages(originals, "originals");
  checkImages(reconstructions, "reconstructions");
  const { count, height, width } = originals;
  if (
    reconstructions.count !== count ||
    reconstructions.height !== height ||
    reconstructions.width !== width
  ) {
    const got = [reconstructions.count, reconstructions.height, reconstructions.width, CHANNELS];
    throw new ShapeError("reconstructions", `[${count},${height},${width},${CHANNELS}]`, got);
  }
  const size = height * width * CHANNELS;
  return Array.from({ length: count }, (_, i) => {
    const a = originals.pixels.subarray(i * size, (i + 1) * size);
    const b = reconstructions.pixels.subarray(i * size, (i + 1) * size);
    const mse = meanSquaredError(a, b);
    return { mse, psnr: psnrOf(mse), ...similarity(a, b, [height, width]) };
  });
}

/**
 * The means over images, as published tables have them.
 *
 * @throws VqkitError("numerics") for no images
 */
export function meanImageFigures(perImage: readonly ImageFigures[]): MeanImageFigures {
  if (perImage.length === 0) throw new VqkitError("numerics", "images: expected at least one, got none.");
  return {
    images: perImage.length,
    mse: perImage.reduce((sum, { mse }) => sum + mse, 0) / perImage.length,
    psnr: meanOfKnown(perImage.map(({ psnr }) => psnr)),
    ssim: meanOfKnown(perImage.map(({ ssim }) => ssim)),
    msSsim: meanOfKnown(perImage.map(({ msSsim }) => msSsim)),
    identical: perImage.filter(({ psnr }) => psnr === null).length,
  };
}

/**
 * The baseline that every reconstruction must beat: each image painted in its own mean colour (rounded to 8 bits).
 *
 * @returns [count, height, width, 3]
 * @throws ShapeError when the buffer does not hold count·height·width·3 bytes; VqkitError("data") when it is none of bytes
 */
export function meanColourImages(images: EightBitImages): EightBitImages {
  checkImages(images, "images");
  const { count, height, width } = images;
  const area = height * width;
  const pixels = new Uint8Array(images.pixels.length);
  for (let n = 0; n < count; n++) {
    const from = n * area * CHANNELS;
    const to = from + area * CHANNELS;
    for (let c = 0; c < CHANNELS; c++) {
      let sum = 0;
      for (let i = from + c; i < to; i += CHANNELS) sum += images.pixels[i] as number;
      const colour = Math.round(sum / area);
      for (let i = from + c; i < to; i += CHANNELS) pixels[i] = colour;
    }
  }
  return { pixels, count, height, width };
}

function meanSquaredError(a: Uint8Array, b: Uint8Array): number {
  let sum = 0; // exact: an integer far under 2^53
  for (let i = 0; i < a.length; i++) {
    const difference = (a[i] as number) - (b[i] as number);
    sum += difference * difference;
  }
  return sum / a.length;
}

function psnrOf(mse: number): number | null {
  return mse === 0 ? null : 10 * Math.log10((255 * 255) / mse);
}

/** SSIM and MS-SSIM, each the mean over channels; null where no window fits. */
function similarity(
  a: Uint8Array,
  b: Uint8Array,
  [height, width]: readonly [number, number],
): Pick<ImageFigures, "ssim" | "msSsim"> {
  const side = Math.min(height, width);
  if (side < WINDOW) return { ssim: null, msSsim: null };
  let ssim = 0;
  let msSsim = 0;
  for (let c = 0; c < CHANNELS; c++) {
    const pair: PlanePair = { a: plane(a, c), b: plane(b, c), height, width };
    const finest = similarityOfPlanes(pair);
    ssim += finest.ssim;
    if (side >= MS_SSIM_MIN_SIDE) msSsim += msSsimOfPlanes(pair, finest);
  }
  return { ssim: ssim / CHANNELS, msSsim: side < MS_SSIM_MIN_SIDE ? null : msSsim / CHANNELS };
}

/** One channel of an interleaved image: [height*width, 3] → [height*width]. */
function plane(pixels: Uint8Array, channel: number): Float64Array {
  const values = new Float64Array(pixels.length / CHANNELS);
  for (let i = 0; i < values.length; i++) values[i] = pixels[i * CHANNELS + channel] as number;
  return values;
}

function meanOfKnown(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : known.reduce((sum, value) => sum + value, 0) / known.length;
}

/**
 * @param where names the images in messages
 * @throws ShapeError; VqkitError("data") when the pixels are not bytes
 */
export function checkImages({ pixels, count, height, width }: EightBitImages, where: string): void {
  checkBytes(pixels, `${where}.pixels`);
  const whole = [count, height, width].every((side) => Number.isSafeInteger(side) && side >= 0);
  if (!whole || height < 1 || width < 1 || pixels.length !== count * height * width * CHANNELS) {
    throw new ShapeError(where, `[${count},${height},${width},${CHANNELS}] with sides >= 1`, [pixels.length]);
  }
}
