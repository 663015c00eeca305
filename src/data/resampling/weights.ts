/** How an axis of an image is resampled: each output is a weighted sum of neighbouring inputs. */
export interface AxisWeights {
  /** Samples of the input. */
  readonly from: number;
  /** Samples of the output. */
  readonly to: number;
  /** First input of each output. */
  readonly starts: Int32Array;
  /** Weights of the inputs from there on; each sums to 1. */
  readonly weights: readonly Float64Array[];
}

/** Kernels of Pillow: how far they reach on either side, in samples, and their value there. */
const kernels = {
  box: { support: 0.5, at: (x: number) => (x > -0.5 && x <= 0.5 ? 1 : 0) },
  bilinear: { support: 1, at: (x: number) => Math.max(0, 1 - Math.abs(x)) },
  bicubic: { support: 2, at: bicubic },
} as const;

export type ResamplingKernel = keyof typeof kernels;

/** Keys' cubic with a = −1/2 (1981, IEEE ASSP 29). */
function bicubic(x: number): number {
  const [a, t] = [-0.5, Math.abs(x)];
  if (t < 1) return ((a + 2) * t - (a + 3)) * t * t + 1;
  return t < 2 ? (((t - 5) * t + 8) * t - 4) * a : 0;
}

/**
 * Weights of Pillow's `Image.resize`: the kernel is as wide as an output sample where the image becomes smaller, so that
 * nothing is aliased. What reaches over the edge is left out, and the rest weighs more.
 */
export function smoothWeights(from: number, to: number, kernel: ResamplingKernel): AxisWeights {
  const { support, at } = kernels[kernel];
  const scale = from / to;
  const width = Math.max(1, scale);
  const starts = new Int32Array(to);
  const weights = Array.from({ length: to }, (_, i) => {
    const centre = (i + 0.5) * scale;
    const first = Math.max(0, Math.trunc(centre - support * width + 0.5));
    const behind = Math.min(from, Math.trunc(centre + support * width + 0.5));
    starts[i] = first;
    const values = Float64Array.from({ length: behind - first }, (_, j) =>
      at((j + first - centre + 0.5) * (1 / width)),
    );
    let sum = 0;
    for (const value of values) sum += value;
    return sum === 0 ? values : values.map((value) => value / sum);
  });
  return { from, to, starts, weights };
}

/** Where an output sample is taken, in samples of the input. */
const places = {
  /** Centres of pixels upon centres: PyTorch with align_corners=False, OpenCV. */
  centres: (i: number, scale: number) => Math.max(0, (i + 0.5) * scale - 0.5),
  /** Corners upon corners, without half a pixel: `ResizeBilinear` of TensorFlow 1. */
  corners: (i: number, scale: number) => i * scale,
} as const;

export type SamplingPlaces = keyof typeof places;

/** Weights of the two nearest inputs, linearly; an image that becomes smaller is aliased. */
export function linearWeights(from: number, to: number, place: SamplingPlaces): AxisWeights {
  const scale = from / to;
  const starts = new Int32Array(to);
  const weights = Array.from({ length: to }, (_, i) => {
    const at = places[place](i, scale);
    const first = Math.min(Math.floor(at), from - 1);
    starts[i] = first;
    const share = at - first;
    return first + 1 < from ? Float64Array.of(1 - share, share) : Float64Array.of(1);
  });
  return { from, to, starts, weights };
}
