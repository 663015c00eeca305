/**
 * Structural similarity (Wang, Bovik, Sheikh, Simoncelli 2004, "Image quality assessment: from error visibility to
 * structural similarity"), equation 13, with the paper's window and constants.
 */

/** Side of the Gaussian window. */
export const WINDOW = 11;
const SIGMA = 1.5;
const RANGE = 255;
const C1 = (0.01 * RANGE) ** 2;
const C2 = (0.03 * RANGE) ** 2;

/** The window is separable: the 11×11 Gaussian of unit sum is the outer product of this with itself. */
const TAPS = gaussian();

/** One channel of two images of one size: values 0..255, row by row. */
export interface PlanePair {
  /** [height, width], flat. */
  readonly a: Float64Array;
  readonly b: Float64Array;
  readonly height: number;
  readonly width: number;
}

/** Means over all windows that lie wholly inside. */
export interface Similarity {
  /** Luminance, contrast and structure: SSIM itself. */
  readonly ssim: number;
  /** Contrast and structure alone, as the finer scales of MS-SSIM take them. */
  readonly contrastStructure: number;
}

/** Similarity of two planes whose sides are at least `WINDOW`. */
export function similarityOfPlanes({ a, b, height, width }: PlanePair): Similarity {
  const size = [height, width] as const;
  const meanA = blur(a, size);
  const meanB = blur(b, size);
  // σa² and σb² enter only as their sum: one blur serves both.
  const squares = blur(
    a.map((value, i) => value * value + (b[i] as number) ** 2),
    size,
  );
  const products = blur(
    a.map((value, i) => value * (b[i] as number)),
    size,
  );
  let ssim = 0;
  let contrastStructure = 0;
  for (let i = 0; i < meanA.length; i++) {
    const x = meanA[i] as number;
    const y = meanB[i] as number;
    const energy = x * x + y * y;
    const variances = (squares[i] as number) - energy;
    const covariance = (products[i] as number) - x * y;
    ssim += ((2 * x * y + C1) * (2 * covariance + C2)) / ((energy + C1) * (variances + C2));
    contrastStructure += (2 * covariance + C2) / (variances + C2);
  }
  return { ssim: ssim / meanA.length, contrastStructure: contrastStructure / meanA.length };
}

/** Gaussian average over each whole window: [H, W] → [H-10, W-10]. */
function blur(plane: Float64Array, [height, width]: readonly [number, number]): Float64Array {
  const outWidth = width - WINDOW + 1;
  const outHeight = height - WINDOW + 1;
  const rows = new Float64Array(height * outWidth);
  for (let y = 0; y < height; y++) {
    for (let t = 0; t < WINDOW; t++) {
      const tap = TAPS[t] as number;
      const from = y * width + t;
      const to = y * outWidth;
      for (let x = 0; x < outWidth; x++)
        rows[to + x] = (rows[to + x] as number) + tap * (plane[from + x] as number);
    }
  }
  const out = new Float64Array(outHeight * outWidth);
  for (let t = 0; t < WINDOW; t++) {
    const tap = TAPS[t] as number;
    const from = t * outWidth;
    for (let i = 0; i < out.length; i++) out[i] = (out[i] as number) + tap * (rows[from + i] as number);
  }
  return out;
}

function gaussian(): Float64Array {
  const centre = (WINDOW - 1) / 2;
  const weights = Float64Array.from({ length: WINDOW }, (_, i) =>
    Math.exp(-((i - centre) ** 2) / (2 * SIGMA ** 2)),
  );
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / total);
}
