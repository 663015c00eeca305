import { type GraphBuilder, sizeOf } from "../onnx/graph-builder.js";
import { Value } from "../onnx/value.js";
import type { TensorSpec } from "../recording.js";
import type { ConvGeometry } from "./conv-geometry.js";
import { emitBiasless } from "./folding.js";

/** Patches are gathered for as many images at once as keep them under this many elements (64 MiB of float32). */
const largestPatchMatrix = 2 ** 24;

/**
 * The gradient to a convolution's filter, as a product of two matrices:
 * dW[ky, kx, i, o] = Σ over positions p of x[p·stride + (ky, kx)·dilation − pad, i] · dy[p, o].
 *
 * The patches of one side are gathered (im2col) by one Gather with a constant table of rows; of `x`, or, when dy has
 * fewer channels and the stride is 1, of dy with the offsets turned round.
 */
export function filterGradient(
  g: GraphBuilder,
  operands: readonly [Value, Value],
  geometry: ConvGeometry,
  spec: TensorSpec,
): Value {
  return new Value(patchProduct(g, operands, geometry, spec.shape), spec.shape, "float32");
}

/** The name of dW [kh, kw, I, O]. */
export function patchProduct(
  g: GraphBuilder,
  [x, dy]: readonly [Value, Value],
  geometry: ConvGeometry,
  shape: readonly number[],
): string {
  const [kh, kw, inputs, outputs] = shape as [number, number, number, number];
  const ofDy = outputs < inputs && geometry.stride[0] === 1 && geometry.stride[1] === 1 && kh * kw > 1;
  const batch = x.shape[0] as number;
  const perImage = positions(ofDy ? x : dy) * kh * kw * (ofDy ? outputs : inputs);
  const chunk = Math.max(1, Math.min(batch, Math.floor(largestPatchMatrix / perImage)));
  let sum: string | undefined;
  for (let start = 0; start < batch; start += chunk) {
    const part = [start, Math.min(batch, start + chunk)] as const;
    const [left, right] = ofDy
      ? [rows(g, x, part), patches(g, take(g, dy, part), turnedWindow(x, geometry))]
      : [patches(g, take(g, x, part), window(dy.shape, geometry)), rows(g, dy, part)];
    const operands = sum === undefined ? [left, right] : [left, right, sum];
    sum = g.op("Gemm", operands, { transA: 1, transB: 0 });
  }
  if (!ofDy) return g.reshapeName(sum as string, shape);
  return g.transposeName(g.reshapeName(sum as string, [inputs, kh, kw, outputs]), [1, 2, 0, 3]);
}

/**
 * Whether the patches of x that the filter's gradient needs can serve the convolution itself: they are all there at once,
 * and of x.
 */
export function sharesPatches(
  x: Value,
  { stride, kernel }: ConvGeometry,
  filter: readonly number[],
  output: readonly number[],
): boolean {
  const [inputs, outputs] = filter.slice(2) as [number, number];
  const isStrided = stride[0] > 1 || stride[1] > 1;
  const count = sizeOf(output.slice(0, 3)) * kernel[0] * kernel[1] * inputs;
  return x.feedsFilterGradient && (isStrided || outputs >= inputs) && count <= largestPatchMatrix;
}

/** A convolution as a product of the patches of x and the filter, [N, H', W', O]. */
export function convolvePatches(
  g: GraphBuilder,
  [x, filter]: readonly [Value, Value],
  geometry: ConvGeometry,
  shape: readonly number[],
): Value {
  const [kh, kw, inputs, outputs] = filter.shape as [number, number, number, number];
  const rows = patches(g, x, window(shape, geometry));
  const weights = g.plain(g.reshape(filter, [kh * kw * inputs, outputs]));
  const product = emitBiasless(
    g,
    { opType: "Gemm", inputs: [rows, weights], attributes: { transA: 0, transB: 0 } },
    [sizeOf(shape.slice(0, 3)), outputs],
  );
  return g.reshape(product, shape);
}

function positions(value: Value): number {
  return (value.shape[1] as number) * (value.shape[2] as number);
}

/** Images `from` to `to` of a batch. */
function take(g: GraphBuilder, value: Value, [from, to]: readonly [number, number]): Value {
  if (from === 0 && to === value.shape[0]) return value;
  const name = g.op("Slice", [g.plain(value), g.int64([from]), g.int64([to]), g.int64([0])]);
  return new Value(name, [to - from, ...value.shape.slice(1)], value.dtype);
}

/** [n, H, W, C] → [n*H*W, C] */
function rows(g: GraphBuilder, value: Value, part: readonly [number, number]): string {
  const taken = take(g, value, part);
  return g.plain(g.reshape(taken, [(taken.shape[0] as number) * positions(taken), taken.shape[3] as number]));
}

/** Which source pixel each (position, tap) reads: origin + position·stride + tap·step, zero outside the image. */
interface Window {
  readonly size: readonly [number, number];
  readonly kernel: readonly [number, number];
  readonly stride: readonly [number, number];
  readonly step: readonly [number, number];
  readonly origin: readonly [number, number];
}

function window(output: readonly number[], { kernel, stride, dilation, pads }: ConvGeometry): Window {
  return {
    size: [output[1] as number, output[2] as number],
    kernel,
    stride,
    step: dilation,
    origin: [-pads[0], -pads[1]],
  };
}

/** Seen from x: the tap (ky, kx) of pixel q meets dy at q + pad − (ky, kx)·dilation. */
function turnedWindow(x: Value, { kernel, dilation, pads }: ConvGeometry): Window {
  return {
    size: [x.shape[1] as number, x.shape[2] as number],
    kernel,
    stride: [1, 1],
    step: [-dilation[0], -dilation[1]],
    origin: [pads[0], pads[1]],
  };
}

/** [n, H, W, C] → [n*positions, kh*kw*C] */
function patches(g: GraphBuilder, source: Value, w: Window): string {
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
