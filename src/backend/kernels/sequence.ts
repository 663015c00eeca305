import { backend_util, type TensorInfo } from "../../tf/index.js";
import type { GraphBuilder } from "../onnx/graph-builder.js";
import { Value } from "../onnx/value.js";
import type { Kernel, TensorSpec } from "../recording.js";
import { arithmetic, castTo } from "./arithmetic.js";

/** Kernels along one axis, and sums of products over named axes. */

interface Running {
  readonly axis: number;
  readonly exclusive: boolean;
  readonly reverse: boolean;
}

/** ONNX has no cumulative product: each of log₂(n) steps multiplies by what stands 1, 2, 4, … places before. */
const cumprod: Kernel<Running> = {
  name: "Cumprod",
  record(inputs, attrs) {
    const x = inputs.x as TensorInfo;
    return {
      inputs: [x],
      attrs: {
        axis: attrs.axis as number,
        exclusive: Boolean(attrs.exclusive),
        reverse: Boolean(attrs.reverse),
      },
      outputs: [{ shape: x.shape, dtype: x.dtype === "bool" ? "int32" : x.dtype }],
    };
  },
  lower(g, [x], { attrs, outputs }) {
    const spec = outputs[0] as TensorSpec;
    const size = spec.shape[attrs.axis] as number;
    let products = castTo(g, g.plain(x as Value), (x as Value).dtype, spec.dtype);
    if (attrs.exclusive) products = shifted(g, products, { ...attrs, by: 1, spec });
    for (let by = 1; by < size; by *= 2)
      products = g.op("Mul", [products, shifted(g, products, { ...attrs, by, spec })]);
    return new Value(products, spec.shape, spec.dtype);
  },
};

/** The tensor moved `by` places along an axis, with ones where nothing came. */
function shifted(
  g: GraphBuilder,
  name: string,
  { axis, by, reverse, spec }: Running & { readonly by: number; readonly spec: TensorSpec },
): string {
  const size = spec.shape[axis] as number;
  const [start, end] = reverse ? [by, size] : [0, size - by];
  const kept = g.op("Slice", [name, g.int64([start]), g.int64([end]), g.int64([axis])]);
  const gap = spec.shape.map((length, i) => (i === axis ? by : length));
  const ones = g.expand(g.scalar(1, spec.dtype), gap);
  return g.op("Concat", reverse ? [kept, ones] : [ones, kept], { axis });
}

/** Where each value [B, N] would be put in its sorted row [B, M]: how many elements stand before it. */
const searchSorted: Kernel<{ right: boolean }> = {
  name: "SearchSorted",
  record(inputs, attrs) {
    const values = inputs.values as TensorInfo;
    return {
      inputs: [inputs.sortedSequence as TensorInfo, values],
      attrs: { right: attrs.side === "right" },
      outputs: [{ shape: values.shape, dtype: "int32" }],
    };
  },
  lower(g, [sorted, values], { attrs, outputs }) {
    const { shape } = outputs[0] as TensorSpec;
    const [batch, count] = shape as [number, number];
    const row = g.plain(g.reshape(sorted as Value, [batch, 1, (sorted as Value).shape[1] as number]));
    const column = g.plain(g.reshape(values as Value, [batch, count, 1]));
    const before = g.op(attrs.right ? "LessOrEqual" : "Less", [row, column]);
    return new Value(arithmetic(g, "int32").sum(g.cast(before, "int32"), [2]), shape, "int32");
  },
};

/**
 * Draws from each row of logits (or probabilities) [B, E] by its cumulative sums: `uniforms` [B, N] come from outside,
 * so that the graph is the same for every seed.
 */
export const multinomial: Kernel<{ normalized: boolean }> = {
  name: "Multinomial",
  record(inputs, attrs) {
    const uniforms = inputs.uniforms as TensorInfo;
    return {
      inputs: [inputs.logits as TensorInfo, uniforms],
      attrs: { normalized: Boolean(attrs.normalized) },
      outputs: [{ shape: uniforms.shape, dtype: "int32" }],
    };
  },
  lower(g, [logits, uniforms], { attrs, outputs }) {
    const { shape } = outputs[0] as TensorSpec;
    const [batch, count] = shape as [number, number];
    const events = (logits as Value).shape[1] as number;
    const scores = castTo(g, g.plain(logits as Value), (logits as Value).dtype, "float32");
    const probabilities = attrs.normalized ? scores : g.op("Softmax", [scores], { axis: 1 });
    const sums = g.op("CumSum", [probabilities, g.constant(BigInt64Array.of(1n), [])]);
    // The last event takes what is left, whatever the sums round to.
    const bounds = g.op("Slice", [sums, g.int64([0]), g.int64([events - 1]), g.int64([1])]);
    const passed = g.op("GreaterOrEqual", [
      g.plain(g.reshape(uniforms as Value, [batch, count, 1])),
      g.reshapeName(bounds, [batch, 1, events - 1]),
    ]);
    return new Value(arithmetic(g, "int32").sum(g.cast(passed, "int32"), [2]), shape, "int32");
  },
};

const einsum: Kernel<string> = {
  name: "Einsum",
  record(inputs, attrs) {
    const tensors = Object.values(inputs) as unknown as TensorInfo[];
    const equation = (attrs.equation as string).replace(/\s/g, "");
    const { allDims, idDims } = backend_util.decodeEinsumEquation(equation, tensors.length);
    backend_util.checkEinsumDimSizes(allDims.length, idDims, tensors as never);
    const [left, right] = equation.split("->") as [string, string];
    const sizes = new Map<string, number>();
    for (const [i, letters] of left.split(",").entries())
      for (const [axis, letter] of [...letters].entries())
        sizes.set(letter, (tensors[i] as TensorInfo).shape[axis] as number);
    const shape = [...right].map((letter) => sizes.get(letter) as number);
    return {
      inputs: tensors,
      attrs: equation,
      outputs: [{ shape, dtype: (tensors[0] as TensorInfo).dtype }],
    };
  },
  lower(g, operands, { attrs: equation, outputs }) {
    const { shape, dtype } = outputs[0] as TensorSpec;
    const names = operands.map((operand) => g.plain(operand));
    return new Value(g.op("Einsum", names, { equation }), shape, dtype);
  },
};

/** The discrete Fourier transform of the last axis: real and imaginary parts in, and out. */
export function fourier(name: "FFT" | "IFFT"): Kernel<undefined> {
  return {
    name,
    record(inputs) {
      const real = inputs.real as TensorInfo;
      const spec = { shape: real.shape, dtype: "float32" } as const;
      return { inputs: [real, inputs.imag as TensorInfo], attrs: undefined, outputs: [spec, spec] };
    },
    lower(g, parts, { outputs }) {
      const { shape } = outputs[0] as TensorSpec;
      const length = shape.at(-1) as number;
      const rows = shape.slice(0, -1).reduce((product, size) => product * size, 1);
      const columns = parts.map((part) => g.plain(g.reshape(part, [rows, length, 1])));
      const signal = g.op("Concat", columns, { axis: 2 }); // [rows, length, 2]
      const transformed = g.op("DFT", [signal], { axis: 1, inverse: name === "IFFT" ? 1 : 0, onesided: 0 });
      const [real, imag] = g.ops("Split", [transformed, g.int64([1, 1])], { axis: 2 }, 2) as [string, string];
      return [real, imag].map((part) => new Value(g.reshapeName(part, shape), shape, "float32"));
    },
  };
}

export const sequenceKernels: readonly Kernel[] = [cumprod, searchSorted, einsum] as Kernel[];
