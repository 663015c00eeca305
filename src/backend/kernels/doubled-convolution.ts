import type { GraphBuilder } from "../onnx/graph-builder.js";
import { Value } from "../onnx/value.js";
import { patchProduct } from "./filter-gradient.js";
import { turnedTapsLast } from "./filter-layout.js";
import { patches } from "./patches.js";
import { convolvePlaced } from "./placed-convolution.js";

/**
 * A 3×3 convolution (zero padding 1) of an image whose pixels were doubled, computed on the small image.
 *
 * Of the nine pixels under the filter only four differ, so each of the four output parities (row and column even or
 * odd) is a 2×2 convolution of the small image with summed weights: 4/9 of the arithmetic. All four are one
 * convolution to 4·O channels over the (H+1)×(W+1) windows of the small image with a border of one. The even rows read
 * windows from 0 on and the odd rows from 1 on; with the odd parity in the first place of each 2×2 block, the output
 * is that block image without its border.
 */

/**
 * [16, 9]: row (place, tap) sums the filter taps that meet the same small pixel. Along one axis, place 0 is the odd
 * output (taps 0 and 1 on the near pixel, tap 2 on the far one) and place 1 the even output (tap 0, then taps 1 and 2).
 */
const summing = (() => {
  const axis = [
    [
      [1, 1, 0],
      [0, 0, 1],
    ],
    [
      [1, 0, 0],
      [0, 1, 1],
    ],
  ] as const;
  const rows: number[] = [];
  for (const vertical of axis)
    for (const horizontal of axis)
      for (const y of vertical)
        for (const x of horizontal) for (const ky of y) for (const kx of x) rows.push(ky * kx);
  return Float32Array.from(rows);
})();

/** filter [3, 3, I, O] → [4 places, 2, 2, I, O] */
function placedFilters(g: GraphBuilder, filter: Value): string {
  const [, , inputs, outputs] = filter.shape as [number, number, number, number];
  const taps = g.reshapeName(g.plain(filter), [9, inputs * outputs]);
  const sums = g.op("Gemm", [g.constant(summing, [16, 9]), taps], { transA: 0, transB: 0 });
  return g.reshapeName(sums, [4, 2, 2, inputs, outputs]);
}

/** Forward: x [N, H, W, I] small, filter [3, 3, I, O] → [N, 2H, 2W, O]. */
export function convolveDoubled(
  g: GraphBuilder,
  [x, filter]: readonly [Value, Value],
  shape: readonly number[],
): Value {
  const [inputs, outputs] = filter.shape.slice(2) as [number, number];
  const byOutput = g.transposeName(placedFilters(g, filter), [0, 4, 1, 2, 3]); // [places, O, 2, 2, I]
  const weights = g.reshapeName(byOutput, [4 * outputs, 4 * inputs]);
  const placed = { step: 2, taps: [2, 2], weights, pads: [1, 1] } as const;
  return new Value(convolvePlaced(g, x, placed, shape), shape, "float32");
}

/** dy [N, 2H, 2W, O] as the gradient of the windows, [N, 4*O, H+1, W+1]. */
function windowGradient(g: GraphBuilder, dy: Value): string {
  const bordered = g.op("Pad", [g.channelsFirst(dy), g.int64([0, 0, 1, 1, 0, 0, 1, 1])], {
    mode: "constant",
  });
  if (!g.forWebGpu) return g.op("SpaceToDepth", [bordered], { blocksize: 2 });
  // The provider has no SpaceToDepth, and each way to the CPU and back waits for all that is under way.
  const [n, height, width, channels] = dy.shape as [number, number, number, number];
  const [rows, columns] = [height / 2 + 1, width / 2 + 1];
  const blocks = g.reshapeName(bordered, [n, channels, rows, 2, columns, 2]);
  return g.reshapeName(g.transposeName(blocks, [0, 3, 5, 1, 2, 4]), [n, 4 * channels, rows, columns]);
}

/** The gradient to the small image: dy [N, 2H, 2W, O], filter [3, 3, I, O] → [N, H, W, I]. */
export function inputGradientDoubled(
  g: GraphBuilder,
  [dy, filter]: readonly [Value, Value],
  shape: readonly number[],
): Value {
  const [inputs, outputs] = filter.shape.slice(2) as [number, number];
  const byTap = g.transposeName(
    g.reshapeName(placedFilters(g, filter), [4, 4, inputs, outputs]),
    [1, 2, 0, 3],
  ); // [taps, I, 4, O]
  const turned = turnedTapsLast(g, byTap, [4, inputs * 4 * outputs]); // [I*4*O, taps]
  const weights = g.reshapeName(turned, [inputs, 4 * outputs, 2, 2]);
  const attributes = { kernel_shape: [2, 2], strides: [1, 1], dilations: [1, 1], pads: [0, 0, 0, 0] };
  return g.fromChannelsFirst(g.op("Conv", [windowGradient(g, dy), weights], attributes), shape, "float32");
}

/** The gradient to the filter: x [N, H, W, I] small, dy [N, 2H, 2W, O] → [3, 3, I, O]. */
export function filterGradientDoubled(
  g: GraphBuilder,
  [x, dy]: readonly [Value, Value],
  shape: readonly number[],
): Value {
  const [inputs, outputs] = shape.slice(2) as [number, number];
  const [n, height, width] = x.shape as [number, number, number];
  const window = { size: [height + 1, width + 1], kernel: [2, 2], stride: [2, 2], step: [1, 1] } as const;
  const windows = new Value(
    g.reshapeName(patches(g, dy, { ...window, origin: [-1, -1] }), [n, height + 1, width + 1, 4 * outputs]),
    [n, height + 1, width + 1, 4 * outputs],
    "float32",
  );
  const geometry = { kernel: [2, 2], stride: [1, 1], dilation: [1, 1], pads: [1, 1, 1, 1] } as const;
  const placed = patchProduct(g, [x, windows], geometry, [2, 2, inputs, 4 * outputs]); // [2, 2, I, 4*O]
  const byPlace = g.transposeName(g.reshapeName(placed, [2, 2, inputs, 4, outputs]), [3, 0, 1, 2, 4]); // [4, 2, 2, I, O]
  const rows = g.reshapeName(byPlace, [16, inputs * outputs]);
  const taps = g.op("Gemm", [g.constant(summing, [16, 9]), rows], { transA: 1, transB: 0 });
  return new Value(g.reshapeName(taps, shape), shape, "float32");
}
