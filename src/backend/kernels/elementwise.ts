import {
  backend_util,
  type DataType,
  type NamedAttrMap,
  type NamedTensorInfoMap,
  type TensorInfo,
} from "@tensorflow/tfjs";
import { type GraphBuilder, sameShape, sizeOf } from "../onnx/graph-builder.js";
import { Value } from "../onnx/value.js";
import type { Kernel, LoweredCall } from "../recording.js";
import { foldBias } from "./folding.js";

/** Emits ONNX nodes on names that already stand in one common layout. */
export type Emit = (g: GraphBuilder, names: readonly string[], dtypes: readonly DataType[]) => string;

/**
 * Applies `emit` elementwise with broadcasting, in the layout that saves transposes: if an image tensor among the
 * operands exists as [N, C, H, W], the result is made as [N, C, H, W] too.
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
  const channelsFirst = shape.length === 4 && full.some((operand) => operand.isChannelsFirst);
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

function input(inputs: NamedTensorInfoMap, name: string): TensorInfo {
  return inputs[name] as TensorInfo;
}

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

const same = (dtype: DataType): DataType => dtype;
const toFloat = (): DataType => "float32";
const toBool = (): DataType => "bool";

function asFloat(g: GraphBuilder, x: string, dtype: DataType): string {
  return dtype === "float32" ? x : g.cast(x, "float32");
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

const unaryKernels: Kernel[] = [
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
      // Faster than comparing, which makes a tensor of bools on the way.
      if (alpha === 0) return g.op("Relu", [g.op("Sign", [x])]);
      const above = g.op("Greater", [x, g.scalar(0, dtype)]);
      const known = g.op("Where", [above, g.scalar(1, dtype), g.scalar(alpha, dtype)]);
      return dtype === "float32" ? g.op("Where", [g.op("IsNaN", [x]), x, known]) : known;
    },
    ["alpha"],
  ),
];

/** A kernel of `a` and `b` with broadcasting. */
function binary(
  name: string,
  dtypeOf: (a: DataType) => DataType,
  emit: (g: GraphBuilder, a: string, b: string, dtype: DataType) => string,
  operandNames: readonly [string, string] = ["a", "b"],
): Kernel {
  return {
    name,
    record(inputs) {
      const a = input(inputs, operandNames[0]);
      const b = input(inputs, operandNames[1]);
      const shape = backend_util.assertAndGetBroadcastShape(a.shape, b.shape);
      return { inputs: [a, b], attrs: undefined, outputs: [{ shape, dtype: dtypeOf(a.dtype) }] };
    },
    lower(g, operands, { outputs }) {
      const spec = outputs[0] as { shape: readonly number[]; dtype: DataType };
      return elementwise(g, operands, spec, (_, names, dtypes) =>
        emit(g, names[0] as string, names[1] as string, dtypes[0] as DataType),
      );
    },
  };
}

function op2(name: string, opType: string, dtypeOf: (a: DataType) => DataType = same): Kernel {
  return binary(name, dtypeOf, (g, a, b) => g.op(opType, [a, b]));
}

/** Comparison operators of ONNX know no bool, so bools are compared as integers. */
function comparison(name: string, opType: string, negate = false): Kernel {
  return binary(name, toBool, (g, a, b, dtype) => {
    const numbers =
      dtype === "bool" && opType !== "Equal" ? [g.cast(a, "int32"), g.cast(b, "int32")] : [a, b];
    const result = g.op(opType, numbers);
    return negate ? g.op("Not", [result]) : result;
  });
}

/** floor(a / b) as int32, which is tfjs's type for it; for integers the quotient is exact, so it is computed as (a − floormod(a, b)) / b. */
function floorDivide(g: GraphBuilder, a: string, b: string, dtype: DataType): string {
  if (dtype === "float32") return g.cast(g.op("Floor", [g.op("Div", [a, b])]), "int32");
  return g.op("Div", [g.op("Sub", [a, g.op("Mod", [a, b], { fmod: 0 })]), b]);
}

/** The remainder with the divisor's sign, as in tfjs; ONNX offers that for integers only. */
function floorModulo(g: GraphBuilder, a: string, b: string, dtype: DataType): string {
  if (dtype !== "float32") return g.op("Mod", [a, b], { fmod: 0 });
  const remainder = g.op("Mod", [a, b], { fmod: 1 });
  const zero = g.scalar(0);
  const crosses = g.op("And", [
    g.op("Not", [g.op("Equal", [remainder, zero])]),
    g.op("Xor", [g.op("Less", [remainder, zero]), g.op("Less", [b, zero])]),
  ]);
  return g.op("Where", [crosses, g.op("Add", [remainder, b]), remainder]);
}

function arctangent2(g: GraphBuilder, a: string, b: string, dtype: DataType): string {
  const y = asFloat(g, a, dtype);
  const x = asFloat(g, b, dtype);
  const zero = g.scalar(0);
  const pi = g.scalar(Math.PI);
  const base = g.op("Atan", [g.op("Div", [y, x])]);
  const turn = g.op("Where", [g.op("Less", [y, zero]), g.op("Neg", [pi]), pi]);
  const left = g.op("Where", [g.op("Less", [x, zero]), g.op("Add", [base, turn]), base]);
  // 0/0 is the one undefined quotient: atan2(0, 0) = 0.
  const origin = g.op("And", [g.op("Equal", [x, zero]), g.op("Equal", [y, zero])]);
  return g.op("Where", [origin, zero, left]);
}

const plainAdd = op2("Add", "Add");

const add: Kernel = {
  ...plainAdd,
  lower(g, operands, call) {
    const [a, b] = operands as [Value, Value];
    const { shape } = call.outputs[0] as { shape: readonly number[] };
    return foldBias(g, a, b, shape) ?? foldBias(g, b, a, shape) ?? plainAdd.lower(g, operands, call);
  },
};

const binaryKernels: Kernel[] = [
  add,
  op2("Sub", "Sub"),
  op2("Multiply", "Mul"),
  op2("Maximum", "Max"),
  op2("Minimum", "Min"),
  op2("Pow", "Pow"),
  binary("Prelu", toFloat, (g, x, slopes, dtype) =>
    g.op("PRelu", [asFloat(g, x, dtype), asFloat(g, slopes, dtype)]),
  ),
  op2("BitwiseAnd", "BitwiseAnd"),
  binary("RealDiv", toFloat, (g, a, b, dtype) => g.op("Div", [asFloat(g, a, dtype), asFloat(g, b, dtype)])),
  binary("FloorDiv", () => "int32", floorDivide),
  binary("Mod", same, floorModulo),
  binary("Atan2", toFloat, arctangent2),
  binary("SquaredDifference", same, (g, a, b) => {
    const difference = g.op("Sub", [a, b]);
    return g.op("Mul", [difference, difference]);
  }),
  comparison("Equal", "Equal"),
  comparison("NotEqual", "Equal", true),
  comparison("Greater", "Greater"),
  comparison("GreaterEqual", "GreaterOrEqual"),
  comparison("Less", "Less"),
  comparison("LessEqual", "LessOrEqual"),
  op2("LogicalAnd", "And", toBool),
  op2("LogicalOr", "Or", toBool),
  // d elu: dy where y >= 0, dy·(y + 1) elsewhere.
  binary(
    "EluGrad",
    toFloat,
    (g, dy, y) =>
      g.op("Where", [
        g.op("GreaterOrEqual", [y, g.scalar(0)]),
        dy,
        g.op("Mul", [dy, g.op("Add", [y, g.scalar(1)])]),
      ]),
    ["dy", "y"],
  ),
].map((kernel) => (kernel.name === "Prelu" ? { ...kernel, record: recordPrelu } : kernel));

function recordPrelu(inputs: NamedTensorInfoMap) {
  const x = input(inputs, "x");
  return {
    inputs: [x, input(inputs, "alpha")],
    attrs: undefined,
    outputs: [{ shape: x.shape, dtype: "float32" as const }],
  };
}

const addN: Kernel = {
  name: "AddN",
  record(inputs) {
    const tensors = Object.values(inputs) as unknown as TensorInfo[];
    const first = tensors[0] as TensorInfo;
    return { inputs: tensors, attrs: undefined, outputs: [{ shape: first.shape, dtype: first.dtype }] };
  },
  lower(g, operands, { outputs }) {
    const spec = outputs[0] as { shape: readonly number[]; dtype: DataType };
    return elementwise(g, operands, spec, (_, names) =>
      names.slice(1).reduce((sum, name) => g.op("Add", [sum, name]), names[0] as string),
    );
  },
};

const select: Kernel = {
  name: "Select",
  record(inputs) {
    const condition = input(inputs, "condition");
    const t = input(inputs, "t");
    return {
      inputs: [condition, t, input(inputs, "e")],
      attrs: undefined,
      outputs: [{ shape: t.shape, dtype: t.dtype }],
    };
  },
  lower(g, [condition, t, e], { outputs }: LoweredCall<unknown>) {
    const spec = outputs[0] as { shape: readonly number[]; dtype: DataType };
    const c = condition as Value;
    // A condition of rank 1 picks whole rows.
    const rows =
      c.shape.length === 1 && spec.shape.length > 1
        ? g.reshape(c, [...c.shape, ...spec.shape.slice(1).map(() => 1)])
        : c;
    return elementwise(g, [rows, t as Value, e as Value], spec, (_, names) => {
      const [which, yes, no] = names as [string, string, string];
      if (spec.dtype !== "bool") return g.op("Where", [which, yes, no]);
      // ONNX Runtime has no Where of bools.
      return g.op("Or", [g.op("And", [which, yes]), g.op("And", [g.op("Not", [which]), no])]);
    });
  },
};

const cast: Kernel = {
  name: "Cast",
  record(inputs, attrs) {
    const x = input(inputs, "x");
    return {
      inputs: [x],
      attrs: attrs.dtype,
      outputs: [{ shape: x.shape, dtype: attrs.dtype as unknown as DataType }],
    };
  },
  lower(g, operands, { outputs }) {
    const spec = outputs[0] as { shape: readonly number[]; dtype: DataType };
    return elementwise(g, operands, spec, (_, names) => g.cast(names[0] as string, spec.dtype));
  },
};

export const elementwiseKernels: readonly Kernel[] = [...unaryKernels, ...binaryKernels, addN, select, cast];
