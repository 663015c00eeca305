import { backend_util, type DataType, type TensorInfo, util } from "../../tf/index.js";
import type { GraphBuilder } from "../onnx/graph-builder.js";
import { sizeOf } from "../onnx/graph-builder.js";
import { Value } from "../onnx/value.js";
import type { Kernel, TensorSpec } from "../recording.js";
import { arithmetic, castTo } from "./arithmetic.js";

/** Adds rows [rows, width] up by segment; ids outside 0..segments-1 are ignored. */
export interface SegmentSum {
  readonly updates: string;
  /** int32 [rows, 1] */
  readonly ids: string;
  readonly rows: number;
  readonly width: number;
  readonly segments: number;
  /** A scalar zero of the updates' type. */
  readonly zero: string;
}

/** On a GPU, rows that may meet in one sum, and elements that the sums may take together (64 MiB of float32). */
const mostRowsMeeting = 64;
const mostSums = 2 ** 24;

/**
 * ScatterElements with `add` is right and repeatable with repeated ids and any number of threads; ScatterND with `add`
 * loses updates when more than one thread runs.
 *
 * On a GPU additions to one place wait for each other: 8,192 rows to one segment took 98 ms on an H200. There blocks of
 * rows are added up apart, and then their sums.
 */
export function segmentSum(g: GraphBuilder, s: SegmentSum): string {
  const places = s.segments + 1;
  const affordable = Math.floor(mostSums / (places * s.width));
  const parts = g.forWebGpu ? Math.max(1, Math.min(affordable, Math.ceil(s.rows / mostRowsMeeting))) : 1;
  const zeros = g.expand(s.zero, [parts * places, s.width]);
  // Ids outside go to one row too many, which is cut off.
  const inside = g.op("And", [
    g.op("GreaterOrEqual", [s.ids, g.scalar(0, "int32")]),
    g.op("Less", [s.ids, g.scalar(s.segments, "int32")]),
  ]);
  const safe = g.op("Where", [inside, s.ids, g.scalar(s.segments, "int32")]);
  const rows = g.expand(parts === 1 ? safe : inParts(g, safe, { ...s, parts }), [s.rows, s.width]);
  const scattered = g.op("ScatterElements", [zeros, rows, s.updates], { axis: 0, reduction: "add" });
  const summed = parts === 1 ? scattered : sumOfParts(g, scattered, { ...s, parts });
  return g.op("Slice", [summed, g.int64([0]), g.int64([s.segments]), g.int64([0])]);
}

/** Ids [rows, 1] in a list of `parts` times all segments, row after row another part. */
function inParts(
  g: GraphBuilder,
  ids: string,
  { rows, segments, parts }: SegmentSum & { parts: number },
): string {
  const starts = Int32Array.from({ length: rows }, (_, row) => (row % parts) * (segments + 1));
  return g.op("Add", [ids, g.constant(starts, [rows, 1])]);
}

/** [parts*(segments + 1), width] → [segments + 1, width] */
function sumOfParts(
  g: GraphBuilder,
  sums: string,
  { segments, width, parts }: SegmentSum & { parts: number },
): string {
  const apart = g.reshapeName(sums, [parts, segments + 1, width]);
  return g.op("ReduceSum", [apart, g.int64([0])], { keepdims: 0 });
}

interface Slices {
  readonly shape: readonly number[];
  readonly rank: number;
  readonly updates: number;
  readonly width: number;
  readonly strides: readonly number[];
  readonly rows: number;
}

function slicesOf(updates: TensorInfo, indices: TensorInfo, shape: number[]): Slices {
  const { sliceRank, numUpdates, sliceSize, strides, outputSize } = backend_util.calculateShapes(
    updates as never,
    indices as never,
    shape,
  );
  return {
    shape,
    rank: sliceRank,
    updates: numUpdates,
    width: sliceSize,
    strides,
    rows: outputSize / sliceSize,
  };
}

/** int32 [updates, 1]: which row of the flattened output each update goes to. */
function rowNumbers(g: GraphBuilder, indices: Value, { rank, updates, strides }: Slices): string {
  const columns = g.plain(g.reshape(indices, [updates, rank]));
  const places = castTo(g, columns, indices.dtype, "int32");
  const scale = g.constant(
    Int32Array.from({ length: rank }, (_, i) => strides[i] as number),
    [1, rank],
  );
  return g.op("ReduceSum", [g.op("Mul", [places, scale]), g.int64([1])], { keepdims: 1 });
}

/** Updates that meet add up. */
const scatterNd: Kernel<Slices> = {
  name: "ScatterNd",
  record(inputs, attrs) {
    const indices = inputs.indices as TensorInfo;
    const updates = inputs.updates as TensorInfo;
    const shape = attrs.shape as number[];
    return {
      inputs: [indices, updates],
      attrs: slicesOf(updates, indices, shape),
      outputs: [{ shape, dtype: updates.dtype }],
    };
  },
  lower(g, [indices, updates], { attrs, outputs }) {
    const { shape, dtype } = outputs[0] as TensorSpec;
    const summed = segmentSum(g, {
      updates: g.plain(g.reshape(updates as Value, [attrs.updates, attrs.width])),
      ids: rowNumbers(g, indices as Value, attrs),
      rows: attrs.updates,
      width: attrs.width,
      segments: attrs.rows,
      zero: g.scalar(0, dtype),
    });
    return new Value(g.reshapeName(summed, shape), shape, dtype);
  },
};

/** Writes rows of `updates` over rows of `base` [rows, width]. */
function overwrite(
  g: GraphBuilder,
  base: string,
  [indices, updates]: readonly [Value, string],
  s: Slices,
): string {
  const places = g.expand(rowNumbers(g, indices, s), [s.updates, s.width]);
  return g.op("ScatterElements", [base, places, updates], { axis: 0 });
}

const tensorScatterUpdate: Kernel<Slices> = {
  name: "TensorScatterUpdate",
  record(inputs) {
    const tensor = inputs.tensor as TensorInfo;
    const indices = inputs.indices as TensorInfo;
    const updates = inputs.updates as TensorInfo;
    return {
      inputs: [tensor, indices, updates],
      attrs: slicesOf(updates, indices, tensor.shape),
      outputs: [{ shape: tensor.shape, dtype: tensor.dtype }],
    };
  },
  lower(g, [tensor, indices, updates], { attrs, outputs }) {
    const { shape, dtype } = outputs[0] as TensorSpec;
    const base = g.plain(g.reshape(tensor as Value, [attrs.rows, attrs.width]));
    const rows = g.plain(g.reshape(updates as Value, [attrs.updates, attrs.width]));
    return new Value(g.reshapeName(overwrite(g, base, [indices as Value, rows], attrs), shape), shape, dtype);
  },
};

const sparseToDense: Kernel<Slices> = {
  name: "SparseToDense",
  record(inputs, attrs) {
    const indices = inputs.sparseIndices as TensorInfo;
    const values = inputs.sparseValues as TensorInfo;
    const shape = attrs.outputShape as number[];
    return {
      inputs: [indices, values, inputs.defaultValue as TensorInfo],
      attrs: slicesOf(values, indices, shape),
      outputs: [{ shape, dtype: values.dtype }],
    };
  },
  lower(g, [indices, values, filler], { attrs, outputs }) {
    const { shape, dtype } = outputs[0] as TensorSpec;
    const base = g.expand(g.plain(g.reshape(filler as Value, [])), [attrs.rows, attrs.width]);
    const whole = [attrs.updates, attrs.width];
    // One value may stand for all.
    const given = sizeOf((values as Value).shape) === 1 ? [1, 1] : whole;
    const rows = g.expand(g.plain(g.reshape(values as Value, given)), whole);
    return new Value(g.reshapeName(overwrite(g, base, [indices as Value, rows], attrs), shape), shape, dtype);
  },
};

interface Histogram {
  /** The type of the weights, which may be none. */
  readonly dtype: DataType;
  /** x is [rows, columns]; each row has a histogram of its own. */
  readonly rows: number;
  readonly columns: number;
  readonly size: number;
  readonly weighted: boolean;
  readonly binary: boolean;
}

/** Counts, or sums of weights, of the values 0..size-1; other values are ignored. */
function histogram(name: string): Kernel<Histogram> {
  return {
    name,
    record(inputs, attrs) {
      const x = inputs.x as TensorInfo;
      const weights = inputs.weights as TensorInfo;
      const size = attrs.size as number;
      const weighted = util.sizeFromShape(weights.shape) > 0;
      const perRow = name === "DenseBincount" && x.shape.length === 2;
      const [rows, columns] = perRow ? x.shape : [1, util.sizeFromShape(x.shape)];
      return {
        inputs: weighted ? [x, weights] : [x],
        attrs: {
          dtype: weights.dtype,
          rows: rows as number,
          columns: columns as number,
          size,
          weighted,
          binary: Boolean(attrs.binaryOutput),
        },
        outputs: [{ shape: perRow ? [rows as number, size] : [size], dtype: weights.dtype }],
      };
    },
    lower(g, [x, weights], { attrs, outputs }) {
      const { shape, dtype } = outputs[0] as TensorSpec;
      const { rows, columns, size, weighted, binary } = attrs;
      const a = arithmetic(g, "int32");
      const values = castTo(g, g.plain(g.reshape(x as Value, [rows, columns])), (x as Value).dtype, "int32");
      const starts = g.constant(
        Int32Array.from({ length: rows }, (_, i) => i * size),
        [rows, 1],
      );
      const inside = a.and(a.greaterOrEqual(values, 0), a.less(values, size));
      const bins = a.where(inside, a.add(values, starts), rows * size);
      const count = rows * columns;
      const each =
        weighted && !binary
          ? g.plain(g.reshape(weights as Value, [count, 1]))
          : g.expand(g.scalar(1, dtype), [count, 1]);
      const sums = segmentSum(g, {
        updates: each,
        ids: g.reshapeName(bins, [count, 1]),
        rows: count,
        width: 1,
        segments: rows * size,
        zero: g.scalar(0, dtype),
      });
      const made = binary ? arithmetic(g, dtype).min(sums, 1) : sums;
      return new Value(g.reshapeName(made, shape), shape, dtype);
    },
  };
}

export const scatterKernels: readonly Kernel[] = [
  scatterNd,
  tensorScatterUpdate,
  sparseToDense,
  histogram("Bincount"),
  histogram("DenseBincount"),
] as Kernel[];
