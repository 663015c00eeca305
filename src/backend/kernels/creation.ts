import type { DataType, TensorInfo } from "@tensorflow/tfjs";
import { Value } from "../onnx/value.js";
import type { Kernel, TensorSpec } from "../recording.js";
import { spread } from "./shape.js";

/** `Fill` is recorded with its value as an input, so that a value that changes does not make another graph. */
export const fill: Kernel<{ shape: readonly number[] }> = {
  name: "Fill",
  record(inputs, attrs) {
    const value = inputs.value as TensorInfo;
    const shape = attrs.shape as number[];
    return { inputs: [value], attrs: { shape }, outputs: [{ shape, dtype: value.dtype }] };
  },
  lower(g, [value], { attrs, outputs }) {
    const { shape, dtype } = outputs[0] as TensorSpec;
    return new Value(spread(g, g.plain(value as Value), attrs.shape), shape, dtype);
  },
};

function like(name: string, value: number): Kernel<{ shape: readonly number[]; dtype: DataType }> {
  return {
    name,
    record(inputs) {
      const { shape, dtype } = inputs.x as TensorInfo;
      return { inputs: [], attrs: { shape, dtype }, outputs: [{ shape, dtype }] };
    },
    lower(g, _, { attrs: { shape, dtype } }) {
      return new Value(spread(g, g.scalar(value, dtype), shape), shape, dtype);
    },
  };
}

export const creationKernels: readonly Kernel[] = [like("ZerosLike", 0), like("OnesLike", 1)] as Kernel[];
