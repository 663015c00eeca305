import type { NamedAttrMap, TensorInfo } from "../../tf/index.js";
import type { GraphBuilder } from "../onnx/graph-builder.js";
import { Value } from "../onnx/value.js";
import type { Kernel, TensorSpec } from "../recording.js";
import { castTo } from "./arithmetic.js";
import { inputGradientDoubled } from "./doubled-convolution.js";

interface Resizing {
  readonly from: readonly [number, number];
  readonly to: readonly [number, number];
  readonly alignCorners: boolean;
  readonly halfPixelCenters: boolean;
}

function resizing(from: readonly number[], to: readonly number[], attrs: NamedAttrMap): Resizing {
  return {
    from: from.slice(1, 3) as unknown as [number, number],
    to: to.slice(1, 3) as unknown as [number, number],
    alignCorners: Boolean(attrs.alignCorners),
    halfPixelCenters: Boolean(attrs.halfPixelCenters),
  };
}

/** The whole factors by which each pixel becomes a block, if that is what the resizing is. */
function blocks({ from, to, alignCorners }: Resizing): readonly [number, number] | undefined {
  const scale = [to[0] / from[0], to[1] / from[1]] as const;
  return !alignCorners && scale.every(Number.isInteger) ? scale : undefined;
}

/** Where along one axis each new pixel lies, in old pixels. */
function positions(r: Resizing, axis: 0 | 1): number[] {
  const [from, to] = [r.from[axis], r.to[axis]];
  const aligned = r.alignCorners && to > 1;
  const scale = aligned ? (from - 1) / (to - 1) : from / to;
  return Array.from({ length: to }, (_, i) => (r.halfPixelCenters ? (i + 0.5) * scale : i * scale));
}

function nearest(r: Resizing, axis: 0 | 1): number[] {
  const round = r.alignCorners ? Math.round : Math.floor;
  return positions(r, axis).map((at) => Math.min(r.from[axis] - 1, Math.max(0, round(at))));
}

/** The weights of old pixels in new ones along one axis, [to, from]; resizing is linear and separable. */
type Weights = (r: Resizing, axis: 0 | 1) => Float32Array;

const nearestWeights: Weights = (r, axis) => {
  const weights = new Float32Array(r.to[axis] * r.from[axis]);
  for (const [i, source] of nearest(r, axis).entries()) weights[i * r.from[axis] + source] = 1;
  return weights;
};

const linearWeights: Weights = (r, axis) => {
  const size = r.from[axis];
  const weights = new Float32Array(r.to[axis] * size);
  for (const [i, position] of positions(r, axis).entries()) {
    const at = Math.min(size - 1, Math.max(0, r.halfPixelCenters ? position - 0.5 : position));
    const low = Math.floor(at);
    const high = Math.min(size - 1, low + 1);
    weights[i * size + low] = (weights[i * size + low] as number) + 1 - (at - low);
    weights[i * size + high] = (weights[i * size + high] as number) + at - low;
  }
  return weights;
};

/** dy [N, C, H', W'] carried back to [N, C, H, W] by the transposes of the weights. */
function carriedBack(g: GraphBuilder, dy: string, r: Resizing, weights: Weights): string {
  const columns = g.constant(weights(r, 1), [r.to[1], r.from[1]]);
  const rows = g.transposeName(g.constant(weights(r, 0), [r.to[0], r.from[0]]), [1, 0]);
  return g.op("MatMul", [rows, g.op("MatMul", [dy, columns])]);
}

function resize(
  name: string,
  lower: (g: GraphBuilder, images: Value, r: Resizing, spec: TensorSpec) => Value,
): Kernel<Resizing> {
  return {
    name,
    record(inputs, attrs) {
      const images = inputs.images as TensorInfo;
      const [n, , , c] = images.shape as [number, number, number, number];
      const shape = [n, ...(attrs.size as [number, number]), c];
      const dtype = name === "ResizeBilinear" ? "float32" : images.dtype;
      return { inputs: [images], attrs: resizing(images.shape, shape, attrs), outputs: [{ shape, dtype }] };
    },
    lower(g, [images], { attrs, outputs }) {
      return lower(g, images as Value, attrs, outputs[0] as TensorSpec);
    },
  };
}

const resizeNearest = resize("ResizeNearestNeighbor", (g, source, r, { shape, dtype }) => {
  const scale = blocks(r);
  if (scale === undefined) {
    const rows = g.op("Gather", [g.channelsFirst(source), g.int64(nearest(r, 0))], { axis: 2 });
    return g.fromChannelsFirst(g.op("Gather", [rows, g.int64(nearest(r, 1))], { axis: 3 }), shape, dtype);
  }
  const scales = g.constant(Float32Array.of(1, 1, ...scale), [4]);
  const make = () =>
    g.op("Resize", [g.channelsFirst(source), "", scales], {
      mode: "nearest",
      coordinate_transformation_mode: "asymmetric",
      nearest_mode: "floor",
    });
  if (dtype !== "float32") return g.fromChannelsFirst(make(), shape, dtype);
  const isDoubled = scale[0] === 2 && scale[1] === 2;
  return Value.deferred({ layout: "channelsFirst", make, ...(isDoubled ? { doubled: source } : {}) }, shape);
});

const resizeBilinear = resize("ResizeBilinear", (g, source, r, { shape }) => {
  const pixels = castTo(g, g.channelsFirst(source), source.dtype, "float32");
  const sizes = g.int64([shape[0], shape[3], ...r.to] as number[]);
  const resized = g.op("Resize", [pixels, "", "", sizes], {
    mode: "linear",
    coordinate_transformation_mode: r.alignCorners
      ? "align_corners"
      : r.halfPixelCenters
        ? "half_pixel"
        : "asymmetric",
  });
  return g.fromChannelsFirst(resized, shape, "float32");
});

function resizeGradient(
  name: string,
  lower: (g: GraphBuilder, dy: Value, r: Resizing, spec: TensorSpec) => Value,
): Kernel<Resizing> {
  return {
    name,
    record(inputs, attrs) {
      const images = inputs.images as TensorInfo;
      const dy = inputs.dy as TensorInfo;
      return {
        inputs: [dy],
        attrs: resizing(images.shape, dy.shape, attrs),
        outputs: [{ shape: images.shape, dtype: "float32" }],
      };
    },
    lower(g, [dy], { attrs, outputs }) {
      return lower(g, dy as Value, attrs, outputs[0] as TensorSpec);
    },
  };
}

/** Each old pixel receives the sum of the new ones that copy it. */
const resizeNearestGrad = resizeGradient("ResizeNearestNeighborGrad", (g, dy, r, { shape }) => {
  const scale = blocks(r);
  if (scale === undefined)
    return g.fromChannelsFirst(carriedBack(g, g.channelsFirst(dy), r, nearestWeights), shape, "float32");
  const convolution = dy.deferred?.inputGradient;
  if (convolution !== undefined && scale[0] === 2 && scale[1] === 2) {
    return inputGradientDoubled(g, [convolution.dy, convolution.filter], shape);
  }
  const mean = g.op("AveragePool", [g.channelsFirst(dy)], { kernel_shape: scale, strides: scale });
  return g.fromChannelsFirst(g.op("Mul", [mean, g.scalar(scale[0] * scale[1])]), shape, "float32");
});

const resizeBilinearGrad = resizeGradient("ResizeBilinearGrad", (g, dy, r, { shape }) =>
  g.fromChannelsFirst(carriedBack(g, g.channelsFirst(dy), r, linearWeights), shape, "float32"),
);

export const imageKernels: readonly Kernel[] = [
  resizeNearest,
  resizeNearestGrad,
  resizeBilinear,
  resizeBilinearGrad,
] as Kernel[];
