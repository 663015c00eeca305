import type { GraphBuilder } from "../onnx/graph-builder.js";
import { Value } from "../onnx/value.js";
import type { ConvGeometry } from "./conv-geometry.js";
import { convolvePlaced } from "./placed-convolution.js";

/**
 * Whether `inputGradientStrided` knows the geometry: one stride s >= 2 both ways, a kernel of whole multiples of s, and
 * no pixels of dx [N, H, W, I] at the far border that no window of dy [N, H', W', O] reached.
 */
export function suitsPlaces(
  { kernel, stride, dilation, pads }: ConvGeometry,
  dx: readonly number[],
  dy: readonly number[],
): boolean {
  const [step] = stride;
  if (step < 2 || stride[1] !== step || dilation.some((size) => size !== 1)) return false;
  return [0, 1].every((axis) => {
    const size = kernel[axis] as number;
    const reached = ((dy[axis + 1] as number) - 1) * step + size - (pads[axis] as number);
    return size % step === 0 && reached >= (dx[axis + 1] as number);
  });
}

/**
 * The gradient to the input of a convolution of stride s, dy [N, H', W', O] to dx [N, H, W, I], as a convolution: pixels
 * at one place of an s×s block are met by the same taps, every s-th one, and by no others.
 */
export function inputGradientStrided(
  g: GraphBuilder,
  [dy, filter]: readonly [Value, Value],
  { kernel, stride, pads }: ConvGeometry,
  shape: readonly number[],
): Value {
  const [inputs, outputs] = filter.shape.slice(2) as [number, number];
  const [step] = stride;
  const taps = [kernel[0] / step, kernel[1] / step] as const;
  const byTap = g.reshapeName(g.plain(filter), [kernel[0] * kernel[1], inputs * outputs]);
  const ordered = g.op("Gather", [byTap, g.int64(tapsByPlace(kernel, step))], { axis: 0 });
  const places = g.reshapeName(ordered, [step * step, taps[0] * taps[1], inputs, outputs]);
  const size = [step * step * inputs, taps[0] * taps[1] * outputs];
  const weights = g.reshapeName(g.transposeName(places, [0, 2, 1, 3]), size);
  const placed = { step, taps, weights, pads: [pads[0], pads[1]] as const };
  return new Value(convolvePlaced(g, dy, placed, shape), shape, "float32");
}

/** The filter's taps for each place of a block, row by row; within a place the later ones first, as they meet dy. */
function tapsByPlace([height, width]: readonly [number, number], step: number): number[] {
  const order: number[] = [];
  for (let top = 0; top < step; top++)
    for (let left = 0; left < step; left++)
      for (let row = height - step; row >= 0; row -= step)
        for (let column = width - step; column >= 0; column -= step)
          order.push((row + top) * width + column + left);
  return order;
}
