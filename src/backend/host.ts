import {
  engine,
  getKernel,
  type NamedAttrMap,
  type NamedTensorInfoMap,
  type TensorInfo,
} from "../tf/index.js";
import { BackendError } from "./errors.js";
import type { OnnxBackend } from "./onnx-backend.js";

/**
 * Kernels whose result has a shape that depends on values, or that work on text. ONNX Runtime is no help there: they
 * run at once in tfjs's cpu backend, on values that must be known already.
 */
export const hostKernels: readonly string[] = [
  "BroadcastArgs",
  "NonMaxSuppressionV3",
  "NonMaxSuppressionV4",
  "NonMaxSuppressionV5",
  "RaggedGather",
  "RaggedRange",
  "RaggedTensorToTensor",
  "SparseFillEmptyRows",
  "SparseReshape",
  "SparseSegmentMean",
  "SparseSegmentSum",
  "StaticRegexReplace",
  "StringNGrams",
  "StringSplit",
  "StringToHashBucketFast",
  "Unique",
];

/**
 * Runs one kernel in tfjs's cpu backend.
 *
 * @throws BackendError `synchronous-read` when an input has not been computed yet
 */
export function onHost(
  kernelName: string,
  backend: OnnxBackend,
  inputs: NamedTensorInfoMap,
  attrs: NamedAttrMap,
): TensorInfo | TensorInfo[] {
  // First, because it may register its kernels when it is made.
  const cpu = engine().findBackend("cpu");
  const kernel = getKernel(kernelName, "cpu");
  if (kernel === undefined || cpu === null || cpu === undefined) {
    throw new BackendError(
      "unsupported",
      `${kernelName} of these tensors needs tfjs's cpu backend, which is not there.`,
    );
  }
  const there = (info: TensorInfo): TensorInfo => ({
    ...info,
    dataId: cpu.write(backend.readSync(info.dataId), info.shape, info.dtype),
  });
  const here = (info: TensorInfo): TensorInfo => ({
    ...info,
    dataId: backend.write(cpu.readSync(info.dataId), info.shape, info.dtype),
  });
  const moved = mapInputs(inputs, there);
  const results = kernel.kernelFunc({ inputs: moved, backend: cpu, attrs });
  const list = Array.isArray(results) ? results : [results];
  const made = list.map(here);
  for (const info of [...list, ...Object.values(moved).flat()])
    if (info != null) cpu.disposeData(info.dataId);
  return Array.isArray(results) ? made : (made[0] as TensorInfo);
}

/**
 * Inputs with each tensor changed. They are a record or, for kernels that take any number of tensors, a list; a record
 * may hold lists.
 */
export function mapInputs(
  inputs: NamedTensorInfoMap,
  change: (info: TensorInfo) => TensorInfo,
): NamedTensorInfoMap {
  type Input = TensorInfo | readonly TensorInfo[] | null | undefined;
  const changed = (input: Input): Input =>
    input == null ? input : Array.isArray(input) ? input.map(change) : change(input as TensorInfo);
  if (Array.isArray(inputs)) return inputs.map(changed) as unknown as NamedTensorInfoMap;
  return Object.fromEntries(
    Object.entries(inputs).map(([name, input]) => [name, changed(input)]),
  ) as NamedTensorInfoMap;
}
