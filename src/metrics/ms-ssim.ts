import { type PlanePair, type Similarity, similarityOfPlanes, WINDOW } from "./ssim.js";

/**
 * Multi-scale structural similarity (Wang, Simoncelli, Bovik 2003, "Multiscale structural similarity for image quality
 * assessment"), equation 7: contrast and structure at five scales, luminance at the coarsest alone.
 *
 * The paper says "low-pass filter, then every second pixel"; here, as in the widely used programs, that is the mean of
 * 2×2 pixels. Where a side is odd, its last row or column counts twice.
 */

/** β = γ of each scale, the finest first; the last is α too. From the paper's experiments. */
const WEIGHTS = [0.0448, 0.2856, 0.3001, 0.2363, 0.1333] as const;

/** The shortest side that leaves room for a window at the coarsest scale: 161 halved four times is 11. */
export const MS_SSIM_MIN_SIDE = (WINDOW - 1) * 2 ** (WEIGHTS.length - 1) + 1;

/**
 * MS-SSIM of two planes, 0..1, 1 when they are equal. A scale whose mean is negative counts as 0: its power would not
 * be real.
 *
 * @param pair sides of at least `MS_SSIM_MIN_SIDE`
 * @param finest the similarity at the first scale, when it is known already
 */
export function msSsimOfPlanes(pair: PlanePair, finest: Similarity = similarityOfPlanes(pair)): number {
  let result = 1;
  let scaled = pair;
  for (const [scale, weight] of WEIGHTS.entries()) {
    if (scale > 0) scaled = halved(scaled);
    const { ssim, contrastStructure } = scale === 0 ? finest : similarityOfPlanes(scaled);
    const value = scale === WEIGHTS.length - 1 ? ssim : contrastStructure;
    result *= Math.max(0, value) ** weight;
  }
  return result;
}

function halved({ a, b, height, width }: PlanePair): PlanePair {
  return {
    a: halfSize(a, [height, width]),
    b: halfSize(b, [height, width]),
    height: Math.ceil(height / 2),
    width: Math.ceil(width / 2),
  };
}

/** Means of 2×2 values: [H, W] → [⌈H/2⌉, ⌈W/2⌉]. */
function halfSize(plane: Float64Array, [height, width]: readonly [number, number]): Float64Array {
  const outHeight = Math.ceil(height / 2);
  const outWidth = Math.ceil(width / 2);
  const out = new Float64Array(outHeight * outWidth);
  for (let y = 0; y < outHeight; y++) {
    const upper = 2 * y * width;
    const lower = Math.min(2 * y + 1, height - 1) * width;
    for (let x = 0; x < outWidth; x++) {
      const left = 2 * x;
      const right = Math.min(left + 1, width - 1);
      const sum =
        (plane[upper + left] as number) +
        (plane[upper + right] as number) +
        (plane[lower + left] as number) +
        (plane[lower + right] as number);
      out[y * outWidth + x] = sum / 4;
    }
  }
  return out;
}
