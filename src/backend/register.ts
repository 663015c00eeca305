import {
  type DataType,
  type NamedAttrMap,
  type NamedTensorInfoMap,
  registerBackend,
  registerKernel,
  type TensorInfo,
  util,
} from "../tf/index.js";
import { complexOnlyKernels, onComplex } from "./complex.js";
import { hostKernels, onHost } from "./host.js";
import { binaryKernels } from "./kernels/binary.js";
import { convolutionKernels } from "./kernels/convolution.js";
import { convolution3dKernels } from "./kernels/convolution3d.js";
import { creationKernels, fill, linspace, range, uniforms } from "./kernels/creation.js";
import { depthwiseKernels } from "./kernels/depthwise.js";
import { dilationKernels } from "./kernels/dilation.js";
import { fusedKernels } from "./kernels/fused.js";
import { imageKernels } from "./kernels/image.js";
import { indexingKernels } from "./kernels/indexing.js";
import { matrixKernels } from "./kernels/matrix.js";
import { normalizationKernels } from "./kernels/normalization.js";
import { poolingKernels } from "./kernels/pooling.js";
import { rearrangementKernels } from "./kernels/rearrangement.js";
import { reductionKernels } from "./kernels/reductions.js";
import { samplingKernels } from "./kernels/sampling.js";
import { scatterKernels } from "./kernels/scatter.js";
import { multinomial, sequenceKernels } from "./kernels/sequence.js";
import { shapeKernels } from "./kernels/shape.js";
import { unaryKernels } from "./kernels/unary.js";
import { OnnxBackend, type OnnxBackendOptions } from "./onnx-backend.js";
import type { Kernel } from "./recording.js";

/** The name under which tfjs knows the backend. */
export const backendName = "onnxruntime";

const recorded: readonly Kernel[] = [
  ...unaryKernels,
  ...binaryKernels,
  ...reductionKernels,
  ...matrixKernels,
  ...convolutionKernels,
  ...convolution3dKernels,
  ...depthwiseKernels,
  ...dilationKernels,
  ...fusedKernels,
  ...imageKernels,
  ...indexingKernels,
  ...normalizationKernels,
  ...poolingKernels,
  ...rearrangementKernels,
  ...samplingKernels,
  ...scatterKernels,
  ...sequenceKernels,
  ...shapeKernels,
  ...creationKernels,
];

type Result = TensorInfo | TensorInfo[];
type Body = (backend: OnnxBackend, inputs: NamedTensorInfoMap, attrs: NamedAttrMap) => Result;

/** Kernels that compute nothing, or need more than their inputs to be recorded. */
const computed: Readonly<Record<string, Body>> = {
  Identity: (backend, { x }) => backend.alias(x as TensorInfo, (x as TensorInfo).shape),
  Reshape: (backend, { x }, { shape }) =>
    backend.alias(
      x as TensorInfo,
      util.inferFromImplicitShape(shape as number[], util.sizeFromShape((x as TensorInfo).shape)),
    ),
  ExpandDims: (backend, { input }, { dim }) =>
    backend.alias(input as TensorInfo, expanded((input as TensorInfo).shape, dim as number)),
  Fill: (backend, inputs, attrs) => {
    const { value, shape } = attrs;
    const type = (attrs.dtype as unknown as DataType) ?? util.inferDtype(value as number);
    if (type === "string") return onHost("Fill", backend, inputs, attrs);
    const scalar = backend.constant(typed(value as number, type), [], type);
    return perform(fill as Kernel, backend, { value: scalar }, { shape: shape as number[] });
  },
  Range: (backend, _, { start, stop, step, dtype }) =>
    made(
      backend,
      range(start as number, stop as number, step as number),
      (dtype as unknown as DataType) ?? "float32",
    ),
  LinSpace: (backend, _, { start, stop, num }) =>
    made(backend, linspace(start as number, stop as number, num as number), "float32"),
  Multinomial: (backend, { logits }, attrs) => {
    const shape = [(logits as TensorInfo).shape[0] as number, attrs.numSamples as number];
    const values = uniforms(attrs.seed as number, util.sizeFromShape(shape));
    const drawn = { logits: logits as TensorInfo, uniforms: backend.constant(values, shape, "float32") };
    return perform(multinomial as Kernel, backend, drawn, attrs);
  },
};

let bodies: ReadonlyMap<string, Body> | undefined;

function allBodies(): ReadonlyMap<string, Body> {
  const all = new Map<string, Body>(Object.entries(computed));
  for (const kernel of recorded) {
    // A cast to the type a tensor has, like a reshape, computes nothing.
    const body: Body = (backend, inputs, attrs) => perform(kernel, backend, inputs, attrs);
    all.set(kernel.name, kernel.name === "Cast" ? aliasOr(body) : body);
  }
  for (const name of hostKernels)
    all.set(name, (backend, inputs, attrs) => onHost(name, backend, inputs, attrs));
  for (const name of complexOnlyKernels)
    all.set(name, (backend, inputs, attrs) => complex(name, backend, inputs, attrs) as Result);
  return all;
}

/** Makes tfjs know the backend and its kernels. The backend itself is created when tfjs first needs it. */
export function registerOnnxBackend(options: OnnxBackendOptions = {}): void {
  registerBackend(backendName, () => new OnnxBackend(options), 3);
  if (bodies !== undefined) return;
  bodies = allBodies();
  for (const [kernelName, body] of bodies) {
    const dispatch = forEveryType(kernelName, body);
    registerKernel({
      kernelName,
      backendName,
      kernelFunc: ({ inputs, backend, attrs }) => dispatch(backend as OnnxBackend, inputs, attrs ?? {}),
    });
  }
}

/** The kernel on whatever it is given: complex tensors as pairs of real ones, text on the host, the rest recorded. */
function forEveryType(name: string, body: Body): Body {
  return (backend, inputs, attrs) => {
    let isComplex = (attrs.dtype as unknown) === "complex64";
    let isText = false;
    for (const key in inputs) {
      const type = inputs[key]?.dtype;
      if (type === "complex64") isComplex = true;
      else if (type === "string") isText = true;
    }
    const special = isComplex ? complex(name, backend, inputs, attrs) : undefined;
    if (special !== undefined) return special;
    return isText && !(name in computed)
      ? onHost(name, backend, inputs, attrs)
      : body(backend, inputs, attrs);
  };
}

function complex(
  name: string,
  backend: OnnxBackend,
  inputs: NamedTensorInfoMap,
  attrs: NamedAttrMap,
): Result | undefined {
  const run = (other: string, others: NamedTensorInfoMap, options: NamedAttrMap = {}) =>
    forEveryType(other, bodies?.get(other) as Body)(backend, others, options);
  return onComplex(name, { backend, inputs, attrs, run });
}

function perform(
  kernel: Kernel,
  backend: OnnxBackend,
  inputs: NamedTensorInfoMap,
  attrs: NamedAttrMap,
): Result {
  const results = backend.record(kernel, kernel.record(inputs, attrs));
  return results.length === 1 && kernel.name !== "SplitV" && kernel.name !== "Unpack"
    ? (results[0] as TensorInfo)
    : results;
}

function aliasOr(body: Body): Body {
  return (backend, inputs, attrs) => {
    const x = inputs.x as TensorInfo;
    return x.dtype === (attrs.dtype as unknown) ? backend.alias(x, x.shape) : body(backend, inputs, attrs);
  };
}

function expanded(shape: readonly number[], dim: number): number[] {
  util.assert(
    dim >= -(shape.length + 1) && dim <= shape.length,
    () => `ExpandDims: axis ${dim} is not in [${-(shape.length + 1)}, ${shape.length}].`,
  );
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
