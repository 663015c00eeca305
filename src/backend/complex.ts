import type { NamedAttrMap, NamedTensorInfoMap, TensorInfo } from "../tf/index.js";
import { BackendError } from "./errors.js";
import { mapInputs } from "./host.js";
import { arithmetic } from "./kernels/arithmetic.js";
import { elementwise } from "./kernels/elementwise.js";
import { fourier } from "./kernels/sequence.js";
import type { OnnxBackend } from "./onnx-backend.js";
import type { Kernel, TensorSpec } from "./recording.js";

/** A complex tensor is a pair of float tensors; kernels on it are kernels on the pair. */

type Result = TensorInfo | TensorInfo[];
/** Performs a kernel that is registered under `name`. */
type Run = (name: string, inputs: NamedTensorInfoMap, attrs?: NamedAttrMap) => Result;

interface ComplexCall {
  readonly backend: OnnxBackend;
  readonly inputs: NamedTensorInfoMap;
  readonly attrs: NamedAttrMap;
  readonly run: Run;
}

/** Kernels that do the same to the real and to the imaginary parts. */
const partwise: ReadonlySet<string> = new Set([
  "Add",
  "AddN",
  "Concat",
  "GatherNd",
  "GatherV2",
  "Mean",
  "Neg",
  "Pack",
  "Reverse",
  "Select",
  "Slice",
  "SplitV",
  "StridedSlice",
  "Sub",
  "Sum",
  "Tile",
  "Transpose",
  "Unpack",
  "ZerosLike",
]);

/** Kernels that share a complex tensor's data as they share any other's. */
const sharing: ReadonlySet<string> = new Set(["Identity", "Reshape", "ExpandDims"]);

const own: Readonly<Record<string, (call: ComplexCall) => Result>> = {
  Complex: ({ backend, inputs }) =>
    backend.complex(shared(backend, inputs.real as TensorInfo), shared(backend, inputs.imag as TensorInfo)),
  Real: ({ backend, inputs }) => shared(backend, backend.partsOf(inputs.input as TensorInfo).real),
  Imag: ({ backend, inputs }) => shared(backend, backend.partsOf(inputs.input as TensorInfo).imag),
  ComplexAbs: ({ backend, inputs }) => onParts(backend, magnitude, inputs.x as TensorInfo)[0] as TensorInfo,
  OnesLike: ({ backend, inputs, run }) => {
    const { real, imag } = backend.partsOf(inputs.x as TensorInfo);
    return backend.complex(
      run("OnesLike", { x: real }) as TensorInfo,
      run("ZerosLike", { x: imag }) as TensorInfo,
    );
  },
  Multiply: ({ backend, inputs, run }) => {
    const [a, b] = [backend.partsOf(inputs.a as TensorInfo), backend.partsOf(inputs.b as TensorInfo)];
    const products = [
      [a.real, b.real],
      [a.imag, b.imag],
      [a.real, b.imag],
      [a.imag, b.real],
    ].map(([x, y]) => run("Multiply", { a: x, b: y } as NamedTensorInfoMap) as TensorInfo);
    const [rr, ii, ri, ir] = products as [TensorInfo, TensorInfo, TensorInfo, TensorInfo];
    const product = backend.complex(
      run("Sub", { a: rr, b: ii }) as TensorInfo,
      run("Add", { a: ri, b: ir }) as TensorInfo,
    );
    for (const { dataId } of products) backend.disposeData(dataId);
    return product;
  },
  Cast: ({ backend, inputs, attrs, run }) => {
    const x = inputs.x as TensorInfo;
    const wanted = attrs.dtype as unknown as string;
    if (x.dtype === "complex64")
      return wanted === "complex64" ? shared(backend, x) : run("Cast", { x: backend.partsOf(x).real }, attrs);
    const real = run("Cast", { x }, { dtype: "float32" }) as TensorInfo;
    return backend.complex(real, run("ZerosLike", { x: real }) as TensorInfo);
  },
  FFT: ({ backend, inputs }) => transformed(backend, fourier("FFT"), inputs.input as TensorInfo),
  IFFT: ({ backend, inputs }) => transformed(backend, fourier("IFFT"), inputs.input as TensorInfo),
};

/** Kernels that exist for complex tensors only. */
export const complexOnlyKernels: readonly string[] = ["Complex", "Real", "Imag", "ComplexAbs", "FFT", "IFFT"];

/** Performs the kernel `name` on complex tensors; undefined when it needs nothing special. */
export function onComplex(name: string, call: ComplexCall): Result | undefined {
  if (sharing.has(name)) return undefined;
  const body = own[name];
  if (body !== undefined) return body(call);
  if (!partwise.has(name)) {
    throw new BackendError("unsupported", `${name} of complex64 tensors is not implemented on ONNX Runtime.`);
  }
  const { backend, inputs, attrs, run } = call;
  const part = (which: "real" | "imag") =>
    run(
      name,
      mapInputs(inputs, (info) => (info.dtype === "complex64" ? backend.partsOf(info)[which] : info)),
      attrs,
    );
  const [real, imag] = [part("real"), part("imag")];
  if (!Array.isArray(real)) return backend.complex(real, imag as TensorInfo);
  return real.map((info, i) => backend.complex(info, (imag as TensorInfo[])[i] as TensorInfo));
}

function shared(backend: OnnxBackend, info: TensorInfo): TensorInfo {
  return backend.alias(info, info.shape);
}

function onParts(backend: OnnxBackend, kernel: Kernel, x: TensorInfo): TensorInfo[] {
  return backend.record(kernel, kernel.record({ ...backend.partsOf(x) }, {}));
}

function transformed(backend: OnnxBackend, kernel: Kernel, x: TensorInfo): TensorInfo {
  const [real, imag] = onParts(backend, kernel, x) as [TensorInfo, TensorInfo];
  return backend.complex(real, imag);
}

const magnitude: Kernel<undefined> = {
  name: "ComplexAbs",
  record(inputs) {
    const real = inputs.real as TensorInfo;
    return {
      inputs: [real, inputs.imag as TensorInfo],
      attrs: undefined,
      outputs: [{ shape: real.shape, dtype: "float32" }],
    };
  },
  lower(g, parts, { outputs }) {
    const a = arithmetic(g);
    return elementwise(g, parts, outputs[0] as TensorSpec, (_, names) => {
      const [real, imag] = names.map((name) => g.op("Abs", [name])) as [string, string];
      // Squares of the parts as they are would overflow, or vanish, long before the result does.
      const greater = a.max(real, imag);
      const ratio = a.div(a.min(real, imag), a.where(a.equal(greater, 0), 1, greater));
      return a.mul(greater, a.sqrt(a.add(a.mul(ratio, ratio), 1)));
    });
  },
};
