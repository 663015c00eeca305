import { type BackendValues, backend_util, type DataType, util } from "../tf/index.js";
import { BackendError } from "./errors.js";
import { sizeOf } from "./onnx/graph-builder.js";
import { Tensor as OrtTensor } from "./onnxruntime.js";
import type { DataRecord } from "./recording.js";

/** Values of a tensor that ONNX Runtime can hold. */
export type Plain = Float32Array | Int32Array | Uint8Array;

/** A complex tensor's values, as tfjs has them. */
export function interleaved(real: BackendValues, imag: BackendValues): Float32Array {
  return backend_util.mergeRealAndImagArrays(real as Float32Array, imag as Float32Array);
}

/** What a tensor counts for in tfjs's memory. */
export function bytesOf(record: DataRecord): number {
  // Text is not counted, and a complex tensor's parts are.
  return record.dtype === "string" || record.dtype === "complex64"
    ? 0
    : sizeOf(record.shape) * util.bytesPerElement(record.dtype);
}

/** The values of a tensor of no elements. */
export function emptyValues(dtype: DataType): Plain {
  return dtype === "float32"
    ? new Float32Array(0)
    : dtype === "int32"
      ? new Int32Array(0)
      : new Uint8Array(0);
}

/** @throws BackendError `unsupported` for a type that ONNX Runtime does not compute with here */
export function toOrt(values: Plain, shape: readonly number[], dtype: DataType): OrtTensor {
  if (dtype === "float32")
    return new OrtTensor(
      "float32",
      values instanceof Float32Array ? values : Float32Array.from(values),
      shape,
    );
  if (dtype === "int32")
    return new OrtTensor("int32", values instanceof Int32Array ? values : Int32Array.from(values), shape);
  if (dtype === "bool")
    return new OrtTensor("bool", values instanceof Uint8Array ? values : Uint8Array.from(values), shape);
  throw new BackendError(
    "unsupported",
    `Tensors of type ${dtype} cannot be held here; only float32, int32, bool and string can.`,
  );
}
