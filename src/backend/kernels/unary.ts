import type { DataType, NamedAttrMap } from "../../tf/index.js";
import type { GraphBuilder } from "../onnx/graph-builder.js";
import type { Kernel } from "../recording.js";
import { asFloat, elementwise, input, same, toBool, toFloat } from "./elementwise.js";

/** A kernel of one tensor `x`; the result has the shape of x. */
function unary(
  name: string,
  dtypeOf: (x: DataType) => DataType,
  emit: (g: GraphBuilder, x: string, dtype: DataType, attrs: NamedAttrMap) => string,
  keep: readonly string[] = [],
): Kernel {
  return {
    name,
    record(inputs, attrs) {
      const x = input(inputs, "x");
      const kept = keep.length === 0 ? undefined : Object.fromEntries(keep.map((key) => [key, attrs[key]]));
      return { inputs: [x], attrs: kept, outputs: [{ shape: x.shape, dtype: dtypeOf(x.dtype) }] };
    },
    lower(g, operands, { attrs, outputs }) {
      const spec = outputs[0] as { shape: readonly number[]; dtype: DataType };
      return elementwise(g, operands, spec, (_, names, dtypes) =>
        emit(g, names[0] as string, dtypes[0] as DataType, (attrs ?? {}) as NamedAttrMap),
      );
    },
  };
}

/** Kernels that are one ONNX operator on floats; integers are cast first, as tfjs does. */
const floatOperators: Record<string, string> = {
  Acos: "Acos",
  Acosh: "Acosh",
  Asin: "Asin",
  Asinh: "Asinh",
  Atan: "Atan",
  Atanh: "Atanh",
  Cos: "Cos",
  Cosh: "Cosh",
  Erf: "Erf",
  Exp: "Exp",
  Log: "Log",
  Sigmoid: "Sigmoid",
  Sin: "Sin",
  Sinh: "Sinh",
  Softplus: "Softplus",
  Sqrt: "Sqrt",
  Tan: "Tan",
  Tanh: "Tanh",
};

/** Kernels that are one ONNX operator and keep the type. */
const typedOperators: Record<string, string> = { Abs: "Abs", Neg: "Neg", Relu: "Relu" };

/** Kernels that round; integers pass through. ONNX Round is half to even, as tfjs's is. */
const roundingOperators: Record<string, string> = { Ceil: "Ceil", Floor: "Floor", Round: "Round" };

/**
 * step(x) = step(relu(x)) as clip(largest·relu(x), 0, 1), which is 1 from the smallest normal float32 on. It is one pass,
 * and its operand is the relu that the forward pass has made anyway, so that the relu can join the operator before it.
 */
function stepOfRelu(g: GraphBuilder, x: string): string {
  const largest = 3.4028234663852886e38;
  return g.op("HardSigmoid", [g.op("Relu", [x])], { alpha: { float: largest }, beta: { float: 0 } });
}

export const unaryKernels: readonly Kernel[] = [
  ...Object.entries(floatOperators).map(([name, op]) =>
    unary(name, toFloat, (g, x, dtype) => g.op(op, [asFloat(g, x, dtype)])),
  ),
  ...Object.entries(typedOperators).map(([name, op]) => unary(name, same, (g, x) => g.op(op, [x]))),
  ...Object.entries(roundingOperators).map(([name, op]) =>
    unary(name, same, (g, x, dtype) => (dtype === "float32" ? g.op(op, [x]) : g.op("Identity", [x]))),
  ),
  unary("Square", same, (g, x) => g.op("Mul", [x, x])),
  unary("Rsqrt", toFloat, (g, x, dtype) => g.op("Reciprocal", [g.op("Sqrt", [asFloat(g, x, dtype)])])),
  unary("Reciprocal", toFloat, (g, x, dtype) => g.op("Reciprocal", [asFloat(g, x, dtype)])),
  unary("Expm1", toFloat, (g, x, dtype) => g.op("Sub", [g.op("Exp", [asFloat(g, x, dtype)]), g.scalar(1)])),
  unary("Log1p", toFloat, (g, x, dtype) => g.op("Log", [g.op("Add", [asFloat(g, x, dtype), g.scalar(1)])])),
  unary("Relu6", same, (g, x, dtype) => g.op("Clip", [x, g.scalar(0, dtype), g.scalar(6, dtype)])),
  unary("Elu", toFloat, (g, x, dtype) => g.op("Elu", [asFloat(g, x, dtype)])),
  unary("Selu", toFloat, (g, x, dtype) => g.op("Selu", [asFloat(g, x, dtype)])),
  unary(
    "LeakyRelu",
    toFloat,
    (g, x, dtype, attrs) =>
      g.op("LeakyRelu", [asFloat(g, x, dtype)], { alpha: { float: attrs.alpha as number } }),
    ["alpha"],
  ),
  unary(
    "ClipByValue",
    same,
    (g, x, dtype, attrs) =>
      g.op("Min", [
        g.op("Max", [x, g.scalar(attrs.clipValueMin as number, dtype)]),
        g.scalar(attrs.clipValueMax as number, dtype),
      ]),
    ["clipValueMin", "clipValueMax"],
  ),
  unary("IsNan", toBool, (g, x, dtype) => g.op("IsNaN", [asFloat(g, x, dtype)])),
  unary("IsInf", toBool, (g, x, dtype) => g.op("IsInf", [asFloat(g, x, dtype)])),
  unary("IsFinite", toBool, (g, x, dtype) =>
    g.op("Not", [g.op("Or", [g.op("IsInf", [asFloat(g, x, dtype)]), g.op("IsNaN", [asFloat(g, x, dtype)])])]),
  ),
  // Zero for NaN, which ONNX Sign passes on.
  unary("Sign", same, (g, x, dtype) => {
    const zero = g.scalar(0, dtype);
    return g.op("Sub", [g.cast(g.op("Greater", [x, zero]), dtype), g.cast(g.op("Less", [x, zero]), dtype)]);
  }),
  unary("LogicalNot", toBool, (g, x) => g.op("Not", [x])),
  // step(x) is 1 above 0, alpha elsewhere, and NaN for NaN.
  unary(
    "Step",
    same,
    (g, x, dtype, attrs) => {
      const alpha = attrs.alpha as number;
      if (alpha === 0 && dtype === "float32") return stepOfRelu(g, x);
      if (alpha === 0) return g.op("Relu", [g.op("Sign", [x])]);
      const above = g.op("Greater", [x, g.scalar(0, dtype)]);
      const known = g.op("Where", [above, g.scalar(1, dtype), g.scalar(alpha, dtype)]);
      return dtype === "float32" ? g.op("Where", [g.op("IsNaN", [x]), x, known]) : known;
    },
    ["alpha"],
  ),
];
