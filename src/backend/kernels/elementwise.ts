import type { DataType, NamedTensorInfoMap, TensorInfo } from "@tensorflow/tfjs";
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
  if (!channelsFirst)
    return new Value(
      emit(
        g,
        operands.map((v) => g.plain(v)),
        dtypes,
      ),
      shape,
      dtype,
    );
  const names = operands.map((v) => {
    if (sizeOf(v.shape) === 1) return g.plain(g.reshape(v, []));
    const padded = [...Array<number>(4 - v.shape.length).fill(1), ...v.shape];
    return g.channelsFirst(g.reshape(v, padded));
  });
  return g.fromChannelsFirst(emit(g, names, dtypes), shape, dtype);
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
