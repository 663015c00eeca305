import {
  type DataType,
  type NamedAttrMap,
  type NamedTensorInfoMap,
  registerBackend,
  registerKernel,
  type TensorInfo,
  util,
} from "@tensorflow/tfjs";
import { convolutionKernels } from "./kernels/convolution.js";
import { creationKernels, fill } from "./kernels/creation.js";
import { elementwiseKernels } from "./kernels/elementwise.js";
import { imageKernels } from "./kernels/image.js";
import { indexingKernels } from "./kernels/indexing.js";
import { matrixKernels } from "./kernels/matrix.js";
import { reductionKernels } from "./kernels/reductions.js";
import { shapeKernels } from "./kernels/shape.js";
import { OnnxBackend, type OnnxBackendOptions } from "./onnx-backend.js";
import type { Kernel } from "./recording.js";

/** The name under which tfjs knows the backend. */
export const backendName = "onnxruntime";

const recorded: readonly Kernel[] = [
  ...elementwiseKernels,
  ...reductionKernels,
  ...matrixKernels,
  ...convolutionKernels,
  ...imageKernels,
  ...shapeKernels,
  ...indexingKernels,
  ...creationKernels,
];

let registered = false;

/** Makes tfjs know the backend and its kernels. The backend itself is created when tfjs first needs it. */
export function registerOnnxBackend(options: OnnxBackendOptions = {}): void {
  registerBackend(backendName, () => new OnnxBackend(options), 3);
  if (registered) return;
  registered = true;
  for (const kernel of recorded) {
    // A cast to the type a tensor has, like a reshape, computes nothing.
    if (kernel.name === "Cast")
      registerComputed("Cast", (backend, inputs, attrs) => castOrAlias(kernel, backend, inputs, attrs));
    else registerComputed(kernel.name, (backend, inputs, attrs) => perform(kernel, backend, inputs, attrs));
  }
  registerComputed("Identity", (backend, { x }) => backend.alias(x as TensorInfo, (x as TensorInfo).shape));
  registerComputed("Reshape", (backend, { x }, { shape }) =>
    backend.alias(
      x as TensorInfo,
      util.inferFromImplicitShape(shape as number[], util.sizeFromShape((x as TensorInfo).shape)),
    ),
  );
  registerComputed("ExpandDims", (backend, { input }, { dim }) =>
    backend.alias(input as TensorInfo, expanded((input as TensorInfo).shape, dim as number)),
  );
  registerComputed("Fill", (backend, _, { value, shape, dtype }) => {
    const type = (dtype as unknown as DataType) ?? "float32";
    return perform(
      fill as Kernel,
      backend,
      { value: backend.constant(typed(value as number, type), [], type) },
      { shape: shape as number[] },
    );
  });
  registerComputed("Range", (backend, _, { start, stop, step, dtype }) =>
    made(
      backend,
      range(start as number, stop as number, step as number),
      (dtype as unknown as DataType) ?? "float32",
    ),
  );
  registerComputed("LinSpace", (backend, _, { start, stop, num }) =>
    made(backend, linspace(start as number, stop as number, num as number), "float32"),
  );
}

function registerComputed(
  kernelName: string,
  body: (backend: OnnxBackend, inputs: NamedTensorInfoMap, attrs: NamedAttrMap) => TensorInfo | TensorInfo[],
): void {
  registerKernel({
    kernelName,
    backendName,
    kernelFunc: ({ inputs, backend, attrs }) => body(backend as OnnxBackend, inputs, attrs ?? {}),
  });
}

function perform(
  kernel: Kernel,
  backend: OnnxBackend,
  inputs: NamedTensorInfoMap,
  attrs: NamedAttrMap,
): TensorInfo | TensorInfo[] {
  const results = backend.record(kernel, kernel.record(inputs, attrs));
  return results.length === 1 && kernel.name !== "SplitV" && kernel.name !== "Unpack"
    ? (results[0] as TensorInfo)
    : results;
}

function castOrAlias(
  kernel: Kernel,
  backend: OnnxBackend,
  inputs: NamedTensorInfoMap,
  attrs: NamedAttrMap,
): TensorInfo | TensorInfo[] {
  const x = inputs.x as TensorInfo;
  return x.dtype === (attrs.dtype as unknown)
    ? backend.alias(x, x.shape)
    : perform(kernel, backend, inputs, attrs);
}

function expanded(shape: readonly number[], dim: number): number[] {
  const at = dim < 0 ? shape.length + dim + 1 : dim;
  return [...shape.slice(0, at), 1, ...shape.slice(at)];
}

function made(backend: OnnxBackend, values: readonly number[], dtype: DataType): TensorInfo {
  const data = dtype === "int32" ? Int32Array.from(values) : Float32Array.from(values);
  return { dataId: backend.write(data, [values.length], dtype), shape: [values.length], dtype };
}

function typed(value: number, dtype: DataType): Float32Array | Int32Array | Uint8Array {
  return dtype === "int32"
    ? Int32Array.of(value)
    : dtype === "bool"
      ? Uint8Array.of(value)
      : Float32Array.of(value);
}

function range(start: number, stop: number, step: number): number[] {
  const count =
    start === stop || (start < stop && step < 0) || (stop < start && step > 1)
      ? 0
      : Math.max(0, Math.abs(Math.ceil((stop - start) / step)));
  const direction = stop < start && step === 1 ? -1 : step;
  return Array.from({ length: count }, (_, i) => start + i * direction);
}

function linspace(start: number, stop: number, count: number): number[] {
  return Array.from(
    { length: count },
    (_, i) => start + (count > 1 ? (i * (stop - start)) / (count - 1) : 0),
  );
}
