import type { backend_util, DataType } from "../../tf/index.js";
import { BackendError } from "../errors.js";
import type { GraphBuilder } from "../onnx/graph-builder.js";
import { Value } from "../onnx/value.js";

/** How windows lie on an image or a volume, one number an axis of space. */
export interface Windows {
  readonly kernel: readonly number[];
  readonly stride: readonly number[];
  readonly dilation: readonly number[];
  /** Padding before each axis and, then, after each; none is negative. */
  readonly pads: readonly number[];
  /** Elements at the far end of each axis that no window reaches. */
  readonly rest: readonly number[];
}

/** What tfjs worked out, as ONNX wants it. Far padding is what the windows reach, so sizes rounded up come out right. */
export function windowsOf(info: backend_util.Conv2DInfo | backend_util.Conv3DInfo): Windows {
  if (info.dataFormat !== "channelsLast")
    throw new BackendError(
      "unsupported",
      "This kernel is implemented on ONNX Runtime for channels-last tensors.",
    );
  const { padInfo } = info;
  const plane = {
    kernel: [info.filterHeight, info.filterWidth],
    stride: [info.strideHeight, info.strideWidth],
    dilation: [info.dilationHeight, info.dilationWidth],
    input: [info.inHeight, info.inWidth],
    output: [info.outHeight, info.outWidth],
    before: [padInfo.top, padInfo.left],
  };
  if (!("inDepth" in info)) return fitted(plane);
  return fitted({
    kernel: [info.filterDepth, ...plane.kernel],
    stride: [info.strideDepth, ...plane.stride],
    dilation: [info.dilationDepth, ...plane.dilation],
    input: [info.inDepth, ...plane.input],
    output: [info.outDepth, ...plane.output],
    before: [info.padInfo.front, ...plane.before],
  });
}

function fitted(axes: {
  readonly kernel: number[];
  readonly stride: number[];
  readonly dilation: number[];
  readonly input: number[];
  readonly output: number[];
  readonly before: number[];
}): Windows {
  const { kernel, stride, dilation, before } = axes;
  const overhang = kernel.map((size, i) => {
    const reach =
      ((axes.output[i] as number) - 1) * (stride[i] as number) + (dilation[i] as number) * (size - 1) + 1;
    return reach - (before[i] as number) - (axes.input[i] as number);
  });
  const pads = [...before, ...overhang.map((size) => Math.max(0, size))];
  return { kernel, stride, dilation, pads, rest: overhang.map((size) => Math.max(0, -size)) };
}

export function poolAttributes({ kernel, stride, pads }: Windows) {
  return { kernel_shape: kernel, strides: stride, pads };
}

export function convAttributes({ kernel, stride, dilation, pads }: Windows) {
  return { kernel_shape: kernel, strides: stride, dilations: dilation, pads };
}

/** The name of an image [N, H, W, C] or a volume [N, D, H, W, C] with its channels second. */
export function channelsSecond(g: GraphBuilder, value: Value): string {
  return value.shape.length === 4 ? g.channelsFirst(value) : g.transposeName(g.plain(value), [0, 4, 1, 2, 3]);
}

/** The value whose channels-second form is `name`; `shape` is the one tfjs sees. */
export function fromChannelsSecond(
  g: GraphBuilder,
  name: string,
  shape: readonly number[],
  dtype: DataType,
): Value {
  if (shape.length === 4) return g.fromChannelsFirst(name, shape, dtype);
  return new Value(g.transposeName(name, [0, 2, 3, 4, 1]), shape, dtype);
}

/** [N, ..., C] → [N, C, ...] */
export function shapeChannelsSecond(shape: readonly number[]): number[] {
  return [shape[0] as number, shape.at(-1) as number, ...shape.slice(1, -1)];
}

/** Every tap of a window, row by row, as offsets in kernel units. */
export function taps(kernel: readonly number[]): number[][] {
  return kernel.reduce<number[][]>(
    (all, size) => all.flatMap((tap) => Array.from({ length: size }, (_, i) => [...tap, i])),
    [[]],
  );
}

/** Pads the axes of space of a channels-last tensor with `value`; the padded spatial sizes come with it. */
export function padSpace(
  g: GraphBuilder,
  name: string,
  pads: readonly number[],
  value: string | undefined = undefined,
): string {
  if (pads.every((pad) => pad === 0)) return name;
  const half = pads.length / 2;
  const all = [0, ...pads.slice(0, half), 0, 0, ...pads.slice(half), 0];
  return g.op("Pad", [name, g.int64(all), ...(value === undefined ? [] : [value])], { mode: "constant" });
}

/** What one tap of every window reads from a padded channels-last tensor: [N, ...output, C]. */
export function tapValues(
  g: GraphBuilder,
  padded: string,
  tap: readonly number[],
  windows: Windows,
  output: readonly number[],
): string {
  const starts = tap.map((offset, i) => offset * (windows.dilation[i] as number));
  const ends = starts.map(
    (start, i) => start + ((output[i] as number) - 1) * (windows.stride[i] as number) + 1,
  );
  return g.op("Slice", [
    padded,
    g.int64(starts),
    g.int64(ends),
    g.int64(starts.map((_, i) => i + 1)),
    g.int64([...windows.stride]),
  ]);
}
