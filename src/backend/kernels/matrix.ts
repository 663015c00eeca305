import { backend_util, type TensorInfo, util } from "../../tf/index.js";
import type { GraphBuilder } from "../onnx/graph-builder.js";
import { Value } from "../onnx/value.js";
import type { Kernel, TensorSpec } from "../recording.js";
import { emitBiasless } from "./folding.js";

interface Flags {
  readonly transposeA: boolean;
  readonly transposeB: boolean;
}

/** [.., M, K] by [.., K, N]; a product of two plain matrices is one Gemm, which takes transposed operands as they are. */
export function matrixProduct(
  g: GraphBuilder,
  [a, b]: readonly [Value, Value],
  { transposeA, transposeB }: Flags,
  shape: readonly number[],
): Value {
  const batch = shape.slice(0, -2).reduce((product, size) => product * size, 1);
  // Gemm knows floats only.
  if (batch === 1 && a.dtype === "float32") {
    const rows = g.reshape(a, a.shape.slice(-2));
    const columns = g.reshape(b, b.shape.slice(-2));
    const inputs = [g.plain(rows), g.plain(columns)] as const;
    const attributes = { transA: Number(transposeA), transB: Number(transposeB) };
    return g.reshape(emitBiasless(g, { opType: "Gemm", inputs, attributes }, shape.slice(-2)), shape);
  }
  const flip = (value: Value, yes: boolean) =>
    yes ? g.transposeName(g.plain(value), swapLast(value.shape.length)) : g.plain(value);
  return new Value(g.op("MatMul", [flip(a, transposeA), flip(b, transposeB)]), shape, a.dtype);
}

function swapLast(rank: number): number[] {
  const axes = Array.from({ length: rank }, (_, i) => i);
  return [...axes.slice(0, -2), rank - 1, rank - 2];
}

const batchMatMul: Kernel<Flags> = {
  name: "BatchMatMul",
  record(inputs, attrs) {
    const a = inputs.a as TensorInfo;
    const b = inputs.b as TensorInfo;
    const flags = { transposeA: Boolean(attrs.transposeA), transposeB: Boolean(attrs.transposeB) };
    util.assert(
      a.shape.length >= 2 && b.shape.length >= 2,
      () => "BatchMatMul: both tensors need a rank of 2 or more.",
    );
    const [inner, other] = [a.shape.at(flags.transposeA ? -2 : -1), b.shape.at(flags.transposeB ? -1 : -2)];
    util.assert(
      inner === other,
      () => `BatchMatMul: inner sizes ${inner} and ${other} of [${a.shape}] and [${b.shape}] differ.`,
    );
    const m = a.shape.at(flags.transposeA ? -1 : -2) as number;
    const n = b.shape.at(flags.transposeB ? -2 : -1) as number;
    const batch = backend_util.assertAndGetBroadcastShape(a.shape.slice(0, -2), b.shape.slice(0, -2));
    const dtype = a.dtype === "float32" || b.dtype === "float32" ? "float32" : "int32";
    return { inputs: [a, b], attrs: flags, outputs: [{ shape: [...batch, m, n], dtype }] };
  },
  lower(g, [a, b], { attrs, outputs }) {
    const { shape, dtype } = outputs[0] as TensorSpec;
    const numbers = (value: Value) =>
      value.dtype === dtype ? value : new Value(g.cast(g.plain(value), dtype), value.shape, dtype);
    return matrixProduct(g, [numbers(a as Value), numbers(b as Value)], attrs, shape);
  },
};

export const matrixKernels: readonly Kernel[] = [batchMatMul] as Kernel[];
