import type { TensorInfo } from "@tensorflow/tfjs";
import { BackendError } from "../errors.js";
import { Value } from "../onnx/value.js";
import type { Kernel, TensorSpec } from "../recording.js";
import { inputGradientDoubled } from "./doubled-convolution.js";

interface Scale {
  readonly scale: readonly [number, number];
}

/** Nearest-neighbour enlargement by whole factors: each pixel becomes a block. */
function wholeScale(
  small: readonly number[],
  large: readonly number[],
  attrs: Record<string, unknown>,
): Scale {
  const scale = [1, 2].map((axis) => (large[axis] as number) / (small[axis] as number)) as [number, number];
  if (attrs.alignCorners || !scale.every(Number.isInteger)) {
    throw new BackendError(
      "unsupported",
      `ResizeNearestNeighbor is implemented on ONNX Runtime for enlarging by whole factors without alignCorners; got [${small.slice(1, 3)}] to [${large.slice(1, 3)}].`,
    );
  }
  return { scale };
}

const resizeNearest: Kernel<Scale> = {
  name: "ResizeNearestNeighbor",
  record(inputs, attrs) {
    const images = inputs.images as TensorInfo;
    const [n, , , c] = images.shape as [number, number, number, number];
    const [height, width] = attrs.size as [number, number];
    const shape = [n, height, width, c];
    return {
      inputs: [images],
      attrs: wholeScale(images.shape, shape, attrs),
      outputs: [{ shape, dtype: images.dtype }],
    };
  },
  lower(g, [images], { attrs: { scale }, outputs }) {
    const { shape, dtype } = outputs[0] as TensorSpec;
    const source = images as Value;
    const scales = g.constant(Float32Array.of(1, 1, ...scale), [4]);
    const make = () =>
      g.op("Resize", [g.channelsFirst(source), "", scales], {
        mode: "nearest",
        coordinate_transformation_mode: "asymmetric",
        nearest_mode: "floor",
      });
    if (dtype !== "float32") return g.fromChannelsFirst(make(), shape, dtype);
    const isDoubled = scale[0] === 2 && scale[1] === 2;
    return Value.deferred({ make, ...(isDoubled ? { doubled: source } : {}) }, shape);
  },
};

/** Each small pixel receives the sum of its block. */
const resizeNearestGrad: Kernel<Scale> = {
  name: "ResizeNearestNeighborGrad",
  record(inputs, attrs) {
    const images = inputs.images as TensorInfo;
    const dy = inputs.dy as TensorInfo;
    return {
      inputs: [dy],
      attrs: wholeScale(images.shape, dy.shape, attrs),
      outputs: [{ shape: images.shape, dtype: "float32" }],
    };
  },
  lower(g, [dy], { attrs: { scale }, outputs }) {
    const { shape, dtype } = outputs[0] as TensorSpec;
    const convolution = (dy as Value).deferred?.inputGradient;
    if (convolution !== undefined && scale[0] === 2 && scale[1] === 2) {
      return inputGradientDoubled(g, [convolution.dy, convolution.filter], shape);
    }
    const mean = g.op("AveragePool", [g.channelsFirst(dy as Value)], { kernel_shape: scale, strides: scale });
    return g.fromChannelsFirst(g.op("Mul", [mean, g.scalar(scale[0] * scale[1])]), shape, dtype);
  },
};

export const imageKernels: readonly Kernel[] = [resizeNearest, resizeNearestGrad] as Kernel[];
