import type { DataType } from "../../tf/index.js";
import type { GraphBuilder } from "../onnx/graph-builder.js";

type Term = string | number;

/**
 * Formulas on tensors of one type, by name: `a.add(x, 1)`. Numbers become constants. Used where a kernel is a formula
 * of many terms; broadcasting is ONNX's, which is NumPy's.
 */
export function arithmetic(g: GraphBuilder, dtype: DataType = "float32") {
  const name = (term: Term) => (typeof term === "string" ? term : g.scalar(term, dtype));
  const binary = (opType: string) => (a: Term, b: Term) => g.op(opType, [name(a), name(b)]);
  const unary = (opType: string) => (x: Term) => g.op(opType, [name(x)]);
  return {
    add: binary("Add"),
    sub: binary("Sub"),
    mul: binary("Mul"),
    div: binary("Div"),
    pow: binary("Pow"),
    max: binary("Max"),
    min: binary("Min"),
    less: binary("Less"),
    lessOrEqual: binary("LessOrEqual"),
    greater: binary("Greater"),
    greaterOrEqual: binary("GreaterOrEqual"),
    equal: binary("Equal"),
    and: binary("And"),
    neg: unary("Neg"),
    sqrt: unary("Sqrt"),
    floor: unary("Floor"),
    /** Toward zero. */
    truncate: (x: Term) => {
      const value = name(x);
      return g.op("Mul", [g.op("Sign", [value]), g.op("Floor", [g.op("Abs", [value])])]);
    },
    /** JavaScript's Math.round: halves go up. */
    round: (x: Term) => g.op("Floor", [g.op("Add", [name(x), name(0.5)])]),
    where: (condition: string, yes: Term, no: Term) => g.op("Where", [condition, name(yes), name(no)]),
    clamp: (x: Term, low: Term, high: Term) => g.op("Min", [g.op("Max", [name(x), name(low)]), name(high)]),
    /** Sums over `axes`, which are dropped. */
    sum: (x: Term, axes: readonly number[]) => g.op("ReduceSum", [name(x), g.int64(axes)], { keepdims: 0 }),
  };
}

/** `name` as `to`; nothing is emitted when it is that already. */
export function castTo(g: GraphBuilder, name: string, from: DataType, to: DataType): string {
  return from === to ? name : g.cast(name, to);
}
