import { backend_util, util } from "../../tf/index.js";
import type { Kernel } from "../recording.js";
import { rearrangement } from "./shape.js";

/** Kernels that cut tensors into blocks and put them together in another order. */

type Borders = [number, number][];

interface Blocks {
  readonly block: readonly number[];
  readonly borders: Borders;
}

const spaceToBatch = rearrangement<Blocks>(
  "SpaceToBatchND",
  (x, attrs) => {
    const block = attrs.blockShape as number[];
    const borders = attrs.paddings as [number, number][];
    const product = util.sizeFromShape(block);
    const shape = backend_util.getReshapedPermuted(padded(x.shape, borders), block, product, false);
    return { attrs: { block, borders }, shape };
  },
  (g, x, { block, borders }, spec) => {
    const bordered = padded(x.shape, borders);
    const before = x.shape.map((_, axis) => borders[axis - 1]?.[0] ?? 0);
    const after = x.shape.map((_, axis) => borders[axis - 1]?.[1] ?? 0);
    const source = g.op("Pad", [g.plain(x), g.int64([...before, ...after]), g.scalar(0, x.dtype)], {
      mode: "constant",
    });
    const cut = backend_util.getReshaped(bordered, [...block], util.sizeFromShape([...block]), false);
    const order = backend_util.getPermuted(cut.length, block.length, false);
    return g.reshapeName(g.transposeName(g.reshapeName(source, cut), order), spec.shape);
  },
);

function padded(shape: readonly number[], borders: Borders): number[] {
  return shape.map((size, axis) => size + (borders[axis - 1]?.[0] ?? 0) + (borders[axis - 1]?.[1] ?? 0));
}

const batchToSpace = rearrangement<Blocks>(
  "BatchToSpaceND",
  (x, attrs) => {
    const block = attrs.blockShape as number[];
    const borders = attrs.crops as [number, number][];
    const whole = backend_util.getReshapedPermuted(x.shape, block, util.sizeFromShape(block));
    const cropped = backend_util.getSliceSize(whole, borders, block.length);
    return { attrs: { block, borders }, shape: [...cropped, ...whole.slice(cropped.length)] };
  },
  (g, x, { block, borders }, spec) => {
    const product = util.sizeFromShape([...block]);
    const apart = backend_util.getReshaped([...x.shape], [...block], product);
    const order = backend_util.getPermuted(apart.length, block.length);
    const whole = backend_util.getReshapedPermuted([...x.shape], [...block], product);
    const together = g.reshapeName(g.transposeName(g.reshapeName(g.plain(x), apart), order), whole);
    const begin = backend_util.getSliceBeginCoords(borders, block.length);
    const end = begin.map((start, axis) => start + (spec.shape[axis] as number));
    return g.op("Slice", [together, g.int64(begin), g.int64(end), g.int64(begin.map((_, axis) => axis))]);
  },
);

interface Depth {
  readonly block: number;
  readonly channelsFirst: boolean;
}

/** The block's rows and columns are the slowest axes of the channels, as in ONNX's mode "DCR". */
const depthToSpace = rearrangement<Depth>(
  "DepthToSpace",
  (x, attrs) => {
    const block = attrs.blockSize as number;
    const channelsFirst = attrs.dataFormat === "NCHW";
    const [n, a, b, c] = x.shape as [number, number, number, number];
    const shape = channelsFirst
      ? [n, a / block ** 2, b * block, c * block]
      : [n, a * block, b * block, c / block ** 2];
    return { attrs: { block, channelsFirst }, shape };
  },
  (g, x, { block, channelsFirst }, { shape, dtype }) => {
    const attributes = { blocksize: block, mode: "DCR" };
    if (channelsFirst) return g.op("DepthToSpace", [g.plain(x)], attributes);
    return g.fromChannelsFirst(g.op("DepthToSpace", [g.channelsFirst(x)], attributes), shape, dtype);
  },
);

const flipLeftRight = rearrangement<undefined>(
  "FlipLeftRight",
  (x) => ({ attrs: undefined, shape: x.shape }),
  (g, x) =>
    g.op("Slice", [
      g.plain(x),
      g.int64([-1]),
      g.int64([Number.MIN_SAFE_INTEGER]),
      g.int64([2]),
      g.int64([-1]),
    ]),
);

/** x on the diagonal of a tensor of twice the rank. */
const diag = rearrangement<undefined>(
  "Diag",
  (x) => ({ attrs: undefined, shape: [...x.shape, ...x.shape] }),
  (g, x, _, spec) => {
    const size = util.sizeFromShape([...x.shape]);
    const places = Int32Array.from({ length: size }, (_, i) => i);
    const onDiagonal = g.op("Equal", [g.constant(places, [size, 1]), g.constant(places, [1, size])]);
    const row = g.plain(g.reshape(x, [1, size]));
    // ONNX Runtime has no Where of bools.
    const placed =
      x.dtype === "bool"
        ? g.op("And", [onDiagonal, row])
        : g.op("Where", [onDiagonal, row, g.scalar(0, x.dtype)]);
    return g.reshapeName(placed, spec.shape);
  },
);

export const rearrangementKernels: readonly Kernel[] = [
  spaceToBatch,
  batchToSpace,
  depthToSpace,
  flipLeftRight,
  diag,
] as Kernel[];
