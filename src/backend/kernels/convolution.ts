import { backend_util, type TensorInfo } from "../../tf/index.js";
import type { GraphBuilder } from "../onnx/graph-builder.js";
import { Value } from "../onnx/value.js";
import type { Kernel, TensorSpec } from "../recording.js";
import type { ConvGeometry } from "./conv-geometry.js";
import { convolveDoubled, filterGradientDoubled } from "./doubled-convolution.js";
import { convolvePatches, filterGradient, sharesPatches } from "./filter-gradient.js";
import { outputsFirst, turnedTapsLast } from "./filter-layout.js";
import { emitBiasless } from "./folding.js";
import { matrixProduct } from "./matrix.js";
import { inputGradientStrided, suitsPlaces } from "./strided-convolution.js";
import {
  convolveTiled,
  filterGradientTiled,
  inputGradientTiled,
  suitsTiles,
  suitsTilesAlone,
} from "./tiled-convolution.js";

function geometryOf(info: backend_util.Conv2DInfo): ConvGeometry {
  return {
    kernel: [info.filterHeight, info.filterWidth],
    stride: [info.strideHeight, info.strideWidth],
    dilation: [info.dilationHeight, info.dilationWidth],
    pads: [info.padInfo.top, info.padInfo.left, info.padInfo.bottom, info.padInfo.right],
  };
}

type Shape4D = [number, number, number, number];

function convInfo(
  xShape: number[],
  filterShape: number[],
  attrs: Record<string, unknown>,
): backend_util.Conv2DInfo {
  return backend_util.computeConv2DInfo(
    xShape as Shape4D,
    filterShape as Shape4D,
    attrs.strides as number,
    (attrs.dilations ?? 1) as number,
    attrs.pad as number,
    attrs.dimRoundingMode as "floor",
    false,
    backend_util.convertConv2DDataFormat(attrs.dataFormat as "NHWC"),
  );
}

function isPointwise({ kernel, stride, pads }: ConvGeometry): boolean {
  return (
    kernel[0] === 1 && kernel[1] === 1 && stride[0] === 1 && stride[1] === 1 && pads.every((pad) => pad === 0)
  );
}

function isSame3x3({ kernel, stride, dilation, pads }: ConvGeometry): boolean {
  return kernel.every((size) => size === 3) && [...stride, ...dilation, ...pads].every((size) => size === 1);
}

/** x [N, H, W, I] by filter [kh, kw, I, O]. */
export function convolve(
  g: GraphBuilder,
  [x, filter]: readonly [Value, Value],
  geometry: ConvGeometry,
  spec: TensorSpec,
): Value {
  const doubled = isSame3x3(geometry) ? x.deferred?.doubled : undefined;
  if (doubled !== undefined) return convolveDoubled(g, [doubled, filter], spec.shape);
  const [inputs, outputs] = filter.shape.slice(2) as [number, number];
  // A GPU has convolutions of its own that are faster, unless the transformed image serves twice.
  const isTiled = x.feedsFilterGradient
    ? suitsTiles(x.shape, inputs, outputs)
    : g.onCpu && suitsTilesAlone(x.shape, inputs, outputs);
  if (isSame3x3(geometry) && isTiled) {
    return convolveTiled(g, [x, filter], spec.shape);
  }
  if (isPointwise(geometry) && !x.isChannelsFirst) {
    // A 1×1 convolution of rows that stand in order is one matrix product.
    const positions = x.shape.slice(0, 3).reduce((product, size) => product * size, 1);
    const rows = g.reshape(x, [positions, inputs]); // [N*H*W, I]
    const product = matrixProduct(
      g,
      [rows, g.reshape(filter, [inputs, outputs])],
      { transposeA: false, transposeB: false },
      [positions, outputs],
    );
    return g.reshape(product, spec.shape);
  }
  if (!isPointwise(geometry) && sharesPatches(x, geometry, filter.shape, spec.shape)) {
    return convolvePatches(g, [x, filter], geometry, spec.shape);
  }
  return conv(g, [g.channelsFirst(x), onnxFilter(g, filter)], geometry, spec.shape);
}

function conv(
  g: GraphBuilder,
  inputs: readonly [string, string],
  { kernel, stride, dilation, pads }: ConvGeometry,
  shape: readonly number[],
): Value {
  const attributes = { kernel_shape: kernel, strides: stride, dilations: dilation, pads };
  return emitBiasless(g, { opType: "Conv", inputs, attributes }, shape);
}

/** The gradient to the input of a convolution: dy [N, H', W', O] to dx [N, H, W, I]. */
function inputGradient(
  g: GraphBuilder,
  [dy, filter]: readonly [Value, Value],
  geometry: ConvGeometry,
  spec: TensorSpec,
): Value {
  const { kernel, stride, dilation, pads } = geometry;
  const [inputs, outputs] = filter.shape.slice(2) as [number, number];
  if (isPointwise(geometry) && !dy.isChannelsFirst) {
    const positions = dy.shape.slice(0, 3).reduce((product, size) => product * size, 1);
    const rows = g.reshape(dy, [positions, outputs]); // [N*H*W, O]
    const product = matrixProduct(
      g,
      [rows, g.reshape(filter, [inputs, outputs])],
      { transposeA: false, transposeB: true },
      [positions, inputs],
    );
    return g.reshape(product, spec.shape);
  }
  const reach = [dilation[0] * (kernel[0] - 1), dilation[1] * (kernel[1] - 1)] as const;
  const size = [1, 2].map((axis) => [spec.shape[axis] as number, dy.shape[axis] as number] as const) as [
    readonly [number, number],
    readonly [number, number],
  ];
  if (stride[0] === 1 && stride[1] === 1) {
    // A convolution of dy with the filter turned by 180° and its channels swapped.
    const top = reach[0] - pads[0];
    const left = reach[1] - pads[1];
    const bottom = size[0][0] - size[0][1] - top + reach[0];
    const right = size[1][0] - size[1][1] - left + reach[1];
    if (Math.min(top, left, bottom, right) >= 0) {
      const turned = turnedTapsLast(g, g.plain(filter), [kernel[0] * kernel[1], inputs * outputs]);
      const weights = g.reshapeName(turned, [inputs, outputs, ...kernel]);
      const turnedGeometry = { kernel, stride, dilation, pads: [top, left, bottom, right] as const };
      return conv(g, [g.channelsFirst(dy), weights], turnedGeometry, spec.shape);
    }
  }
  if (suitsPlaces(geometry, spec.shape, dy.shape)) {
    return inputGradientStrided(g, [dy, filter], geometry, spec.shape);
  }
  // Rows and columns at the far border that no window reached come back as zeros.
  const rest = [0, 1].map(
    (i) =>
      (size[i] as readonly [number, number])[0] -
      (((size[i] as readonly [number, number])[1] - 1) * (stride[i] as number) +
        (reach[i] as number) +
        1 -
        (pads[i] as number) -
        (pads[i + 2] as number)),
  );
  const dx = g.op("ConvTranspose", [g.channelsFirst(dy), onnxFilter(g, filter)], {
    kernel_shape: kernel,
    strides: stride,
    dilations: dilation,
    pads,
    output_padding: rest,
  });
  return g.fromChannelsFirst(dx, spec.shape, "float32");
}

/** [kh, kw, I, O] → [O, I, kh, kw] */
function onnxFilter(g: GraphBuilder, filter: Value): string {
  const [kh, kw, inputs, outputs] = filter.shape as [number, number, number, number];
  return g.reshapeName(outputsFirst(g, g.plain(filter), [kh * kw, inputs, outputs]), [
    outputs,
    inputs,
    kh,
    kw,
  ]);
}

const conv2d: Kernel<ConvGeometry> = {
  name: "Conv2D",
  record(inputs, attrs) {
    const x = inputs.x as TensorInfo;
    const filter = inputs.filter as TensorInfo;
    const info = convInfo(x.shape, filter.shape, attrs);
    return {
      inputs: [x, filter],
      attrs: geometryOf(info),
      outputs: [{ shape: info.outShape, dtype: "float32" }],
    };
  },
  lower(g, [x, filter], { attrs, outputs }) {
    return convolve(g, [x as Value, filter as Value], attrs, outputs[0] as TensorSpec);
  },
};

interface InputGradient extends ConvGeometry {
  readonly inputShape: readonly number[];
  /** Rows and columns of the convolution's output; tfjs ignores what dy has beyond them. */
  readonly output: readonly [number, number];
}

const conv2dBackpropInput: Kernel<InputGradient> = {
  name: "Conv2DBackpropInput",
  record(inputs, attrs) {
    const dy = inputs.dy as TensorInfo;
    const filter = inputs.filter as TensorInfo;
    const inputShape = attrs.inputShape as number[];
    const info = convInfo(inputShape, filter.shape, attrs);
    return {
      inputs: [dy, filter],
      attrs: { ...geometryOf(info), inputShape, output: [info.outHeight, info.outWidth] },
      outputs: [{ shape: inputShape, dtype: "float32" }],
    };
  },
  lower(g, [dy, filter], { attrs, outputs }) {
    const spec = outputs[0] as TensorSpec;
    const operands = [within(g, dy as Value, attrs.output), filter as Value] as const;
    if (!isSame3x3(attrs)) return inputGradient(g, operands, attrs, spec);
    const [inputs, filters] = operands[1].shape.slice(2) as [number, number];
    const isTiled = suitsTiles(spec.shape, inputs, filters);
    return Value.deferred(
      {
        layout: isTiled ? "plain" : "channelsFirst",
        make: isTiled
          ? () => g.plain(inputGradientTiled(g, operands, spec.shape))
          : () => g.channelsFirst(inputGradient(g, operands, attrs, spec)),
        inputGradient: { dy: operands[0], filter: operands[1] },
      },
      spec.shape,
    );
  },
};

function within(g: GraphBuilder, dy: Value, [height, width]: readonly [number, number]): Value {
  const [n, rows, columns, channels] = dy.shape as Shape4D;
  if (rows <= height && columns <= width) return dy;
  const part = g.op("Slice", [g.plain(dy), g.int64([0, 0]), g.int64([height, width]), g.int64([1, 2])]);
  return new Value(part, [n, Math.min(rows, height), Math.min(columns, width), channels], dy.dtype);
}

const conv2dBackpropFilter: Kernel<ConvGeometry & { readonly filterShape: readonly number[] }> = {
  name: "Conv2DBackpropFilter",
  record(inputs, attrs) {
    const x = inputs.x as TensorInfo;
    const dy = inputs.dy as TensorInfo;
    const filterShape = attrs.filterShape as number[];
    const info = convInfo(x.shape, filterShape, attrs);
    return {
      inputs: [x, dy],
      attrs: { ...geometryOf(info), filterShape },
      outputs: [{ shape: filterShape, dtype: "float32" }],
    };
  },
  lower(g, [x, dy], { attrs, outputs }) {
    const [input, gradient] = [x as Value, dy as Value];
    const doubled = isSame3x3(attrs) ? input.deferred?.doubled : undefined;
    if (doubled !== undefined) return filterGradientDoubled(g, [doubled, gradient], attrs.filterShape);
    const [inputs, filters] = attrs.filterShape.slice(2) as [number, number];
    if (isSame3x3(attrs) && suitsTiles(input.shape, inputs, filters)) {
      return filterGradientTiled(g, [input, gradient], attrs.filterShape);
    }
    return filterGradient(g, [input, gradient], attrs, outputs[0] as TensorSpec);
  },
};

/** [N, C, H, W] as the [N, H, W, C] that the kernels are written for; no data move. */
function channelsLastShape([n, c, h, w]: readonly number[]): number[] {
  return [n, h, w, c] as number[];
}

/** The same kernel for tensors in NCHW order, which is the order ONNX computes in; filters keep theirs. */
function inEitherOrder<A extends object>(kernel: Kernel<A>): Kernel<A & { readonly nchw?: true }> {
  return {
    name: kernel.name,
    record(inputs, attrs) {
      const call = kernel.record(inputs, attrs);
      return attrs.dataFormat === "NCHW" ? { ...call, attrs: { ...call.attrs, nchw: true } } : call;
    },
    lower(g, operands, { attrs, outputs }) {
      if (attrs.nchw !== true) return kernel.lower(g, operands, { attrs, outputs });
      const spec = outputs[0] as TensorSpec;
      const makesFilter = kernel.name === "Conv2DBackpropFilter";
      const reordered = operands.map((v, i) =>
        i === 0 || makesFilter ? g.fromChannelsFirst(g.plain(v), channelsLastShape(v.shape), v.dtype) : v,
      );
      const shape = makesFilter ? spec.shape : channelsLastShape(spec.shape);
      const made = kernel.lower(g, reordered, { attrs, outputs: [{ ...spec, shape }] }) as Value;
      return makesFilter ? made : new Value(g.channelsFirst(made), spec.shape, spec.dtype);
    },
  };
}

export const convolutionKernels: readonly Kernel[] = [
  inEitherOrder(conv2d),
  inEitherOrder(conv2dBackpropInput),
  inEitherOrder(conv2dBackpropFilter),
] as Kernel[];
