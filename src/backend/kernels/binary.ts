import { backend_util, type DataType, type NamedTensorInfoMap, type TensorInfo } from "../../tf/index.js";
import type { GraphBuilder } from "../onnx/graph-builder.js";
import type { Value } from "../onnx/value.js";
import type { Kernel, LoweredCall } from "../recording.js";
import { asFloat, elementwise, input, same, toBool, toFloat } from "./elementwise.js";
import { foldBias } from "./folding.js";

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

const broadcasting: Kernel[] = [
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

export const binaryKernels: readonly Kernel[] = [...broadcasting, addN, select, cast];
