import {
  backend_util,
  type NamedAttrMap,
  type NamedTensorInfoMap,
  type TensorInfo,
  util,
} from "../../tf/index.js";
import type { GraphBuilder } from "../onnx/graph-builder.js";
import { sameShape, sizeOf } from "../onnx/graph-builder.js";
import type { Value } from "../onnx/value.js";
import type { Kernel, KernelCall, TensorSpec } from "../recording.js";
import { arithmetic, castTo } from "./arithmetic.js";
import {
  channelsSecond,
  convAttributes,
  fromChannelsSecond,
  poolAttributes,
  shapeChannelsSecond,
  type Windows,
  windowsOf,
} from "./spatial.js";

type Info = backend_util.Conv2DInfo | backend_util.Conv3DInfo;

function poolInfo(shape: readonly number[], attrs: NamedAttrMap): Info {
  const filterSize = attrs.filterSize as number;
  const strides = attrs.strides as number;
  const pad = attrs.pad as number;
  const rounding = attrs.dimRoundingMode as unknown as "floor";
  return shape.length === 4
    ? backend_util.computePool2DInfo(
        shape as [number, number, number, number],
        filterSize,
        strides,
        1,
        pad,
        rounding,
      )
    : backend_util.computePool3DInfo(
        shape as [number, number, number, number, number],
        filterSize,
        strides,
        1,
        pad,
        rounding,
        attrs.dataFormat as unknown as "NDHWC",
      );
}

/** ONNX Runtime wants padding smaller than the window; wider padding is written into the tensor first. */
function withinKernel(
  g: GraphBuilder,
  name: string,
  windows: Windows,
  filler: number,
): { readonly name: string; readonly windows: Windows; readonly padded: boolean } {
  const axes = windows.kernel.length;
  if (windows.pads.every((pad, i) => pad < (windows.kernel[i % axes] as number)))
    return { name, windows, padded: false };
  const all = [0, 0, ...windows.pads.slice(0, axes), 0, 0, ...windows.pads.slice(axes)];
  const padded = g.op("Pad", [name, g.int64(all), g.scalar(filler)], { mode: "constant" });
  return { name: padded, windows: { ...windows, pads: windows.pads.map(() => 0) }, padded: true };
}

/** How many elements inside the tensor each window covers, [1, 1, ...output]. */
function coverage({ kernel, stride, pads }: Windows, input: readonly number[], output: readonly number[]) {
  const perAxis = output.map((count, axis) =>
    Array.from({ length: count }, (_, i) => {
      const start = i * (stride[axis] as number) - (pads[axis] as number);
      const end = Math.min(start + (kernel[axis] as number), input[axis] as number);
      return Math.max(0, end - Math.max(start, 0));
    }),
  );
  const counts = perAxis.reduce<number[]>(
    (all, axis) => all.flatMap((count) => axis.map((own) => count * own)),
    [1],
  );
  return { counts, shape: [1, 1, ...output] };
}

const space = (shape: readonly number[]) => shape.slice(1, -1);

function pool(
  name: string,
  lower: (g: GraphBuilder, x: string, windows: Windows, shapes: readonly [Value, TensorSpec]) => string,
): Kernel<Windows> {
  return {
    name,
    record(inputs, attrs) {
      const x = inputs.x as TensorInfo;
      const info = poolInfo(x.shape, attrs);
      return { inputs: [x], attrs: windowsOf(info), outputs: [{ shape: info.outShape, dtype: x.dtype }] };
    },
    lower(g, [x], { attrs, outputs }) {
      const value = x as Value;
      const spec = outputs[0] as TensorSpec;
      // tfjs does not look at the padding when there is nothing to pool.
      if (windowsAreElements(attrs) && sameShape(value.shape, spec.shape)) return value;
      const source = castTo(g, channelsSecond(g, value), value.dtype, "float32");
      const made = lower(g, source, attrs, [value, spec]);
      return fromChannelsSecond(g, castTo(g, made, "float32", spec.dtype), spec.shape, spec.dtype);
    },
  };
}

function windowsAreElements({ kernel }: Windows): boolean {
  return kernel.every((size) => size === 1);
}

function emitMax(g: GraphBuilder, x: string, windows: Windows): string {
  const within = withinKernel(g, x, windows, Number.NEGATIVE_INFINITY);
  return g.op("MaxPool", [within.name], poolAttributes(within.windows));
}

function emitAverage(
  g: GraphBuilder,
  x: string,
  windows: Windows,
  [value, spec]: readonly [Value, TensorSpec],
): string {
  const axes = windows.kernel.length;
  if (windows.pads.every((pad, i) => pad < (windows.kernel[i % axes] as number)))
    return g.op("AveragePool", [x], poolAttributes(windows));
  // Sums by a convolution with ones, which takes any padding, one channel at a time.
  const [n, c, ...input] = shapeChannelsSecond(value.shape) as [number, number, ...number[]];
  const output = space(spec.shape);
  const sums = g.op(
    "Conv",
    [g.reshapeName(x, [n * c, 1, ...input]), ones(g, windows)],
    convAttributes(windows),
  );
  const { counts, shape } = coverage(windows, input, output);
  const share = Float32Array.from(counts, (count) => 1 / Math.max(1, count)); // nothing covered, nothing summed
  return g.op("Mul", [g.reshapeName(sums, [n, c, ...output]), g.constant(share, shape)]);
}

/** A filter that sums a window of one channel. */
function ones(g: GraphBuilder, { kernel }: Windows): string {
  return g.constant(new Float32Array(sizeOf(kernel)).fill(1), [1, 1, ...kernel]);
}

function gradientCall(inputs: NamedTensorInfoMap, attrs: NamedAttrMap): KernelCall<Windows> {
  const x = inputs.input as TensorInfo;
  return {
    inputs: [inputs.dy as TensorInfo, x],
    attrs: windowsOf(poolInfo(x.shape, attrs)),
    outputs: [{ shape: x.shape, dtype: "float32" }],
  };
}

/**
 * dy divided by each window's count and spread over the window: a transposed convolution with ones, one channel at a
 * time. tfjs's own backends divide by the whole window's size at the border too, which is not the forward's gradient.
 */
function averageGradient(name: string): Kernel<Windows> {
  return {
    name,
    record: gradientCall,
    lower(g, [dy], { attrs: windows, outputs }) {
      const { shape } = outputs[0] as TensorSpec;
      const gradient = dy as Value;
      const [n, c, ...output] = shapeChannelsSecond(gradient.shape) as [number, number, ...number[]];
      const { counts, shape: countShape } = coverage(windows, space(shape), output);
      const share = Float32Array.from(counts, (count) => 1 / Math.max(1, count));
      const each = g.op("Mul", [channelsSecond(g, gradient), g.constant(share, countShape)]);
      const planes = g.reshapeName(each, [n * c, 1, ...output]);
      const spread = g.op("ConvTranspose", [planes, ones(g, windows)], {
        ...convAttributes(windows),
        output_padding: windows.rest,
      });
      return fromChannelsSecond(g, g.reshapeName(spread, shapeChannelsSecond(shape)), shape, "float32");
    },
  };
}

/** dy goes to the first greatest element of its window; windows that share it add up. */
function maxGradient(name: string): Kernel<Windows> {
  return {
    name,
    record: gradientCall,
    lower(g, [dy, x], { attrs: windows, outputs }) {
      const { shape } = outputs[0] as TensorSpec;
      const source = castTo(g, channelsSecond(g, x as Value), (x as Value).dtype, "float32");
      const within = withinKernel(g, source, windows, Number.NEGATIVE_INFINITY);
      const [, places] = g.ops("MaxPool", [within.name], poolAttributes(within.windows), 2);
      const target = shapeChannelsSecond(shape).map((size, i) =>
        within.padded && i > 1
          ? size + (windows.pads[i - 2] as number) + (windows.pads[i - 2 + windows.kernel.length] as number)
          : size,
      );
      const zeros = g.expand(g.scalar(0), [sizeOf(target)]);
      const flat = [-1];
      const scattered = g.op(
        "ScatterElements",
        [zeros, g.reshapeName(places as string, flat), g.reshapeName(channelsSecond(g, dy as Value), flat)],
        { axis: 0, reduction: "add" },
      );
      const whole = g.reshapeName(scattered, target);
      const axes = windows.kernel.map((_, i) => i + 2);
      const starts = windows.kernel.map((_, i) => windows.pads[i] as number);
      const ends = starts.map((start, i) => start + (space(shape)[i] as number));
      const inner = within.padded
        ? g.op("Slice", [whole, g.int64(starts), g.int64(ends), g.int64(axes)])
        : whole;
      return fromChannelsSecond(g, inner, shape, "float32");
    },
  };
}

/** The second output counts [H, W, C] positions of each image, or of the whole batch. NaN is less than anything. */
const maxPoolWithArgmax: Kernel<Windows & { readonly includeBatch: boolean }> = {
  name: "MaxPoolWithArgmax",
  record(inputs, attrs) {
    const x = inputs.x as TensorInfo;
    util.assert(x.shape.length === 4, () => `MaxPoolWithArgmax: x must be of rank 4, got ${x.shape.length}.`);
    const info = poolInfo(x.shape, attrs);
    const { outShape: shape } = info;
    return {
      inputs: [x],
      attrs: { ...windowsOf(info), includeBatch: Boolean(attrs.includeBatchInIndex) },
      outputs: [
        { shape, dtype: x.dtype },
        { shape, dtype: "int32" },
      ],
    };
  },
  lower(g, [x], { attrs, outputs }) {
    const value = x as Value;
    const [pooled, positions] = outputs as [TensorSpec, TensorSpec];
    const [n, h, w, c] = value.shape as [number, number, number, number];
    const pixels = castTo(g, g.channelsFirst(value), value.dtype, "float32");
    const source = g.op("Where", [g.op("IsNaN", [pixels]), g.scalar(Number.NEGATIVE_INFINITY), pixels]);
    const [values, places] = g.ops("MaxPool", [source], poolAttributes(attrs), 2);
    // ONNX counts [N, C, H, W]; the place inside a plane, then, is the remainder.
    const a = arithmetic(g, "int32");
    const flat = g.cast(places as string, "int32");
    const inPlane = a.sub(flat, a.mul(a.div(flat, h * w), h * w));
    const channel = g.constant(
      Int32Array.from({ length: c }, (_, i) => i),
      [1, c, 1, 1],
    );
    const image = g.constant(
      Int32Array.from({ length: n }, (_, i) => (attrs.includeBatch ? i * h * w * c : 0)),
      [n, 1, 1, 1],
    );
    const index = a.add(a.add(a.mul(inPlane, c), channel), image);
    return [
      g.fromChannelsFirst(castTo(g, values as string, "float32", pooled.dtype), pooled.shape, pooled.dtype),
      g.fromChannelsFirst(index, positions.shape, "int32"),
    ];
  },
};

export const poolingKernels: readonly Kernel[] = [
  pool("MaxPool", emitMax),
  pool("MaxPool3D", emitMax),
  pool("AvgPool", emitAverage),
  pool("AvgPool3D", emitAverage),
  maxGradient("MaxPoolGrad"),
  maxGradient("MaxPool3DGrad"),
  averageGradient("AvgPoolGrad"),
  averageGradient("AvgPool3DGrad"),
  maxPoolWithArgmax,
] as Kernel[];
