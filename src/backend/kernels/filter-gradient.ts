import { type GraphBuilder, sizeOf } from "../onnx/graph-builder.js";
import { Value } from "../onnx/value.js";
import type { TensorSpec } from "../recording.js";
import type { ConvGeometry } from "./conv-geometry.js";
import { emitBiasless } from "./folding.js";
import { imagesOf } from "./image-parts.js";
import { largestPatchMatrix, patches, type Window } from "./patches.js";

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
      ? [rows(g, x, part), patches(g, imagesOf(g, dy, part), turnedWindow(x, geometry))]
      : [patches(g, imagesOf(g, x, part), window(dy.shape, geometry)), rows(g, dy, part)];
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

/** [n, H, W, C] → [n*H*W, C] */
function rows(g: GraphBuilder, value: Value, part: readonly [number, number]): string {
  const taken = imagesOf(g, value, part);
  return g.plain(g.reshape(taken, [(taken.shape[0] as number) * positions(taken), taken.shape[3] as number]));
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
