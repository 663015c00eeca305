import type { DataType, NamedTensorInfoMap, TensorInfo } from "../../tf/index.js";
import { type GraphBuilder, sameShape, sizeOf } from "../onnx/graph-builder.js";
import { Value } from "../onnx/value.js";

/** Emits ONNX nodes on names that already stand in one common layout. */
export type Emit = (g: GraphBuilder, names: readonly string[], dtypes: readonly DataType[]) => string;

/**
 * Applies `emit` elementwise with broadcasting, in the layout that saves transposes: the result of image tensors is
 * made as [N, C, H, W] if fewer of them have to be brought into that layout than into the plain one.
 */
export function elementwise(
  g: GraphBuilder,
  operands: readonly Value[],
  spec: { shape: readonly number[]; dtype: DataType },
  emit: Emit,
): Value {
  const { shape, dtype } = spec;
  const dtypes = operands.map((operand) => operand.dtype);
  const full = operands.filter((operand) => sameShape(operand.shape, shape));
  const notPlain = full.filter((operand) => !operand.isPlain).length;
  const channelsFirst = shape.length === 4 && full.filter((v) => !v.isChannelsFirst).length < notPlain;
  if (!channelsFirst) {
    const names = inLongRows(g, operands, shape);
    if (names !== undefined) return new Value(g.reshapeName(emit(g, names, dtypes), shape), shape, dtype);
    const plain = operands.map((operand) => g.plain(operand));
    return new Value(emit(g, plain, dtypes), shape, dtype);
  }
  const names = operands.map((v) => {
    if (sizeOf(v.shape) === 1) return g.plain(g.reshape(v, []));
    const padded = [...Array<number>(4 - v.shape.length).fill(1), ...v.shape];
    return g.channelsFirst(g.reshape(v, padded));
  });
  return g.fromChannelsFirst(emit(g, names, dtypes), shape, dtype);
}

/** ONNX Runtime broadcasts row by row, which is slow for rows shorter than this; several then make one. */
const shortRow = 32;

/**
 * The operands of an operation on many short rows, with rows joined and the vectors among the operands repeated to
 * match; undefined where rows are long or few, or an operand is neither whole, nor a vector [C], nor a scalar. Beside
 * scalars alone only rows of one number are slow.
 */
function inLongRows(
  g: GraphBuilder,
  operands: readonly Value[],
  shape: readonly number[],
): string[] | undefined {
  const channels = shape.at(-1) ?? 1;
  const rows = sizeOf(shape) / channels;
  const isScalar = (v: Value) => sizeOf(v.shape) === 1;
  const isVector = (v: Value) =>
    channels === 1 ? isScalar(v) : v.shape.at(-1) === channels && sizeOf(v.shape) === channels;
  const isKnown = (v: Value) => sameShape(v.shape, shape) || isVector(v) || isScalar(v);
  if (channels < 1 || channels >= shortRow || rows < 64) return undefined;
  if (!operands.some(isVector) || !operands.every(isKnown)) return undefined;
  if (channels === 1) return operands.map((v) => g.plain(g.reshape(v, isScalar(v) ? [] : [rows])));
  const joined = [64, 32, 16, 8, 4].find((count) => rows % count === 0);
  if (joined === undefined) return undefined;
  const row = joined * channels;
  return operands.map((operand) => {
    if (sameShape(operand.shape, shape)) return g.plain(g.reshape(operand, [rows / joined, row]));
    if (!isVector(operand)) return g.plain(g.reshape(operand, []));
    const repeated = g.expand(g.plain(g.reshape(operand, [1, channels])), [joined, channels]);
    return g.reshapeName(repeated, [row]);
  });
}

export function input(inputs: NamedTensorInfoMap, name: string): TensorInfo {
  return inputs[name] as TensorInfo;
}

export const same = (dtype: DataType): DataType => dtype;
export const toFloat = (): DataType => "float32";
export const toBool = (): DataType => "bool";

export function asFloat(g: GraphBuilder, x: string, dtype: DataType): string {
  return dtype === "float32" ? x : g.cast(x, "float32");
}
