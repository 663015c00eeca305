import type { GraphBuilder } from "../onnx/graph-builder.js";
import type { Value } from "../onnx/value.js";

/** Patches are gathered for as many images at once as keep them under this many elements (64 MiB of float32). */
export const largestPatchMatrix = 2 ** 24;

/** Which source pixel each (position, tap) reads: origin + position·stride + tap·step, zero outside the image. */
export interface Window {
  readonly size: readonly [number, number];
  readonly kernel: readonly [number, number];
  readonly stride: readonly [number, number];
  readonly step: readonly [number, number];
  readonly origin: readonly [number, number];
}

/** Patches of images as rows (im2col), by one Gather with a constant table: [n, H, W, C] → [n*positions, kh*kw*C] */
export function patches(g: GraphBuilder, source: Value, w: Window): string {
  const [n, height, width, channels] = source.shape as [number, number, number, number];
  const taps = w.kernel[0] * w.kernel[1];
  const pixels = g.reshapeName(g.plain(source), [n, height * width, channels]);
  const gathered = isIdentity(w, [height, width])
    ? pixels
    : gather(g, pixels, { window: w, image: [height, width], shape: [n, channels] }); // [n, positions*taps, C]
  return g.reshapeName(gathered, [n * w.size[0] * w.size[1], taps * channels]);
}

/** Whether the one tap of each position is the pixel at that position. */
function isIdentity(w: Window, image: readonly [number, number]): boolean {
  return [0, 1].every(
    (axis) =>
      w.kernel[axis] === 1 && w.stride[axis] === 1 && w.origin[axis] === 0 && w.size[axis] === image[axis],
  );
}

/**
 * The pixels [n, H*W, C] that each (position, tap) reads. What lies outside the image is one more pixel, of zeros: that
 * copies the image in one piece, which a Pad does row by row.
 */
function gather(
  g: GraphBuilder,
  pixels: string,
  read: {
    readonly window: Window;
    readonly image: readonly [number, number];
    readonly shape: readonly [number, number];
  },
): string {
  const { window: w, image, shape } = read;
  const [n, channels] = shape;
  const table = tableOf(w, image);
  const outside = image[0] * image[1];
  const name = g.constantOnce(`patches ${JSON.stringify([w, image])}`, () => ({
    data: table,
    dims: [table.length],
  }));
  if (!table.includes(outside)) return g.op("Gather", [pixels, name], { axis: 1 });
  const zeros = g.constantOnce(`zeros ${n}x1x${channels}`, () => ({
    data: new Float32Array(n * channels),
    dims: [n, 1, channels],
  }));
  return g.op("Gather", [g.op("Concat", [pixels, zeros], { axis: 1 }), name], { axis: 1 });
}

/** The pixel that each (position, tap) reads, by its number in the image; H*W where that is outside. */
function tableOf(w: Window, [height, width]: readonly [number, number]): Int32Array {
  const table = new Int32Array(w.size[0] * w.size[1] * w.kernel[0] * w.kernel[1]);
  let at = 0;
  for (let y = 0; y < w.size[0]; y++) {
    for (let x = 0; x < w.size[1]; x++) {
      for (let ky = 0; ky < w.kernel[0]; ky++) {
        for (let kx = 0; kx < w.kernel[1]; kx++) {
          const row = w.origin[0] + y * w.stride[0] + ky * w.step[0];
          const column = w.origin[1] + x * w.stride[1] + kx * w.step[1];
          const isInside = row >= 0 && row < height && column >= 0 && column < width;
          table[at++] = isInside ? row * width + column : height * width;
        }
      }
    }
  }
  return table;
}
