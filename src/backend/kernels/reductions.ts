import { backend_util, type DataType, type TensorInfo, util } from "../../tf/index.js";
import { type GraphBuilder, sizeOf } from "../onnx/graph-builder.js";
import { Value } from "../onnx/value.js";
import type { Kernel, TensorSpec } from "../recording.js";
import { extremumOfRows, suitsGroups } from "./row-extrema.js";

interface Axes {
  readonly axes: readonly number[];
  readonly keepDims: boolean;
}

/** Where the axes of [N, H, W, C] stand in [N, C, H, W]. */
const axisInChannelsFirst = [0, 2, 3, 1];

/** Emits a reduction over `axes`, reading the layout that exists when the result does not depend on it. */
function reduce(
  g: GraphBuilder,
  x: Value,
  { axes, keepDims }: Axes,
  emit: (name: string, axes: readonly number[]) => string,
): string {
  const kept = [0, 1, 2, 3].filter((axis) => !axes.includes(axis));
  const inOrder = kept.every(
    (axis, i) =>
      i === 0 ||
      (axisInChannelsFirst[axis] as number) > (axisInChannelsFirst[kept[i - 1] as number] as number),
  );
  if (x.shape.length === 4 && x.plain === undefined && !keepDims && inOrder) {
    return emit(
      g.channelsFirst(x),
      axes.map((axis) => axisInChannelsFirst[axis] as number),
    );
  }
  return emit(g.plain(x), axes);
}

/** ONNX Runtime's own sum over rows takes longer than a product from so many on; and ones for more are too large a constant. */
const [fewestRows, mostRows] = [16, 2 ** 20];

/**
 * Σ over the first axes, as a product of ones with a matrix [rows, columns], which ONNX Runtime computes 3 to 25 times as
 * fast; undefined where that is not what is asked, or the tensor does not stand in that layout.
 */
function sumOfRows(g: GraphBuilder, x: Value, axes: readonly number[]): Rows | undefined {
  const leads = [...axes].sort((a, b) => a - b).every((axis, i) => axis === i);
  const count = sizeOf(x.shape.slice(0, axes.length));
  const columns = sizeOf(x.shape.slice(axes.length));
  if (x.dtype !== "float32" || !g.onCpu || !x.isPlain || !leads) return undefined;
  if (columns < 2 || count < fewestRows || count > mostRows) return undefined;
  const ones = g.constantOnce(`ones ${count}`, () => ({
    data: new Float32Array(count).fill(1),
    dims: [1, count],
  }));
  return { sum: g.op("MatMul", [ones, g.plain(g.reshape(x, [count, columns]))]), count };
}

interface Rows {
  /** [1, columns]. */
  readonly sum: string;
  readonly count: number;
}

function reduction(
  name: string,
  dtypeOf: (x: DataType) => DataType,
  emit: (g: GraphBuilder, x: string, axes: string, keepDims: number, dtype: DataType) => string,
  fromRows?: (g: GraphBuilder, rows: Rows) => string,
): Kernel<Axes> {
  return {
    name,
    record(inputs, attrs) {
      const x = inputs.x as TensorInfo;
      const axes = util.parseAxisParam((attrs.axis ?? attrs.reductionIndices ?? null) as number[], x.shape);
      const keepDims = Boolean(attrs.keepDims);
      const [reduced] = backend_util.computeOutAndReduceShapes(x.shape, axes);
      const shape = keepDims ? backend_util.expandShapeToKeepDim(reduced, axes) : reduced;
      return { inputs: [x], attrs: { axes, keepDims }, outputs: [{ shape, dtype: dtypeOf(x.dtype) }] };
    },
    lower(g, [x], { attrs, outputs }) {
      const spec = outputs[0] as TensorSpec;
      const value = x as Value;
      if (attrs.axes.length === 0)
        return new Value(emitCast(g, g.plain(value), value.dtype, spec.dtype), spec.shape, spec.dtype);
      const rows = fromRows === undefined ? undefined : sumOfRows(g, value, attrs.axes);
      if (fromRows !== undefined && rows !== undefined)
        return new Value(g.reshapeName(fromRows(g, rows), spec.shape), spec.shape, spec.dtype);
      const result = reduce(g, value, attrs, (source, axes) =>
        emit(g, source, g.int64(axes), attrs.keepDims ? 1 : 0, value.dtype),
      );
      return new Value(result, spec.shape, spec.dtype);
    },
  };
}

function emitCast(g: GraphBuilder, name: string, from: DataType, to: DataType): string {
  return from === to ? name : g.cast(name, to);
}

const sameButBool = (dtype: DataType): DataType => (dtype === "bool" ? "int32" : dtype);
const identity = (dtype: DataType): DataType => dtype;

const numeric =
  (opType: string) => (g: GraphBuilder, x: string, axes: string, keepdims: number, dtype: DataType) =>
    g.op(opType, [emitCast(g, x, dtype, sameButBool(dtype)), axes], { keepdims });

/** Max and Min. ONNX Runtime ignores NaN; the sum of magnitudes, which is NaN for nothing else, brings it back. */
const extremum =
  (opType: string) => (g: GraphBuilder, x: string, axes: string, keepdims: number, dtype: DataType) => {
    const found = numeric(opType)(g, x, axes, keepdims, dtype);
    if (dtype !== "float32") return emitCast(g, found, sameButBool(dtype), dtype);
    const magnitude = g.op("ReduceL1", [x, axes], { keepdims });
    return g.op("Where", [g.op("IsNaN", [magnitude]), magnitude, found]);
  };

/** All and Any through the least and greatest of the values as integers. */
const logical = (opType: string) => (g: GraphBuilder, x: string, axes: string, keepdims: number) =>
  g.cast(g.op(opType, [g.cast(x, "int32"), axes], { keepdims }), "bool");

/** ArgMax and ArgMin; ties go to the lowest index; ONNX answers in int64, tfjs wants int32. */
function argument(name: string, opType: "ArgMax" | "ArgMin"): Kernel<number> {
  return {
    name,
    record(inputs, attrs) {
      const x = inputs.x as TensorInfo;
      const axis = util.parseAxisParam((attrs.axis ?? null) as number[], x.shape)[0] as number;
      return {
        inputs: [x],
        attrs: axis,
        outputs: [{ shape: x.shape.filter((_, i) => i !== axis), dtype: "int32" }],
      };
    },
    lower(g, [x], { attrs: axis, outputs }) {
      const value = x as Value;
      const numbers = emitCast(g, g.plain(value), value.dtype, sameButBool(value.dtype));
      const { shape } = outputs[0] as TensorSpec;
      if (axis === value.shape.length - 1 && suitsGroups(value)) {
        const { place } = extremumOfRows(g, { opType, x: value });
        return g.reshape(place, shape);
      }
      const index = g.op(opType, [numbers], { axis, keepdims: 0, select_last_index: 0 });
      return new Value(g.cast(index, "int32"), shape, "int32");
    },
  };
}

export const reductionKernels: readonly Kernel[] = [
  reduction("Sum", sameButBool, numeric("ReduceSum"), (_, { sum }) => sum),
  reduction("Prod", sameButBool, numeric("ReduceProd")),
  reduction("Max", identity, extremum("ReduceMax")),
  reduction("Min", identity, extremum("ReduceMin")),
  reduction(
    "Mean",
    () => "float32",
    (g, x, axes, keepdims, dtype) =>
      g.op("ReduceMean", [emitCast(g, x, dtype, "float32"), axes], { keepdims }),
    (g, { sum, count }) => g.op("Div", [sum, g.scalar(count)]),
  ),
  reduction("All", () => "bool", logical("ReduceMin")),
  reduction("Any", () => "bool", logical("ReduceMax")),
  argument("ArgMax", "ArgMax"),
  argument("ArgMin", "ArgMin"),
] as Kernel[];
