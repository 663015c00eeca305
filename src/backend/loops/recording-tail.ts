import { sameShape, sizeOf } from "../onnx/graph-builder.js";
import type { DataRecord, Operand, Operation, Recording } from "../recording.js";
import { fitsLoop } from "./element-loop.js";
import type { ElementNode, ElementOperator, ElementProgram, Reference } from "./simd-module.js";

/** One pass over arrays of one length after a graph has run. */
export interface TailLoop {
  readonly program: ElementProgram;
  /** What it reads: leaves of the recording, or results of the graph. */
  readonly arrays: readonly DataRecord[];
  readonly scalars: readonly DataRecord[];
  /** Targets of the recording. */
  readonly results: readonly DataRecord[];
}

/** A recording in two parts: a graph, and loops over what it makes. */
export interface SplitRecording {
  readonly operations: readonly Operation[];
  /** What the graph computes: targets, and what loops read. */
  readonly targets: readonly DataRecord[];
  readonly loops: readonly TailLoop[];
}

const operators: Readonly<Record<string, ElementOperator>> = {
  Add: "add",
  Sub: "sub",
  Multiply: "mul",
  RealDiv: "div",
  Square: "mul",
  Sqrt: "sqrt",
  Neg: "neg",
};

/**
 * Takes the end of a recording out of its graph: elementwise formulas of float32 that nothing in the graph reads, where
 * they make more than they read of it. That is how an optimizer's step ends: it makes a weight and its moments of a
 * gradient. In a graph that is a dozen operators a weight, each with arrays of its own; as a loop it is one pass.
 */
export function splitRecording({ operations, targets }: Recording): SplitRecording {
  const wanted = new Set(targets);
  const tail = tailOperations(operations);
  const loops = connected(tail)
    .map((members) => loopOf(members, wanted))
    .filter((found) => found !== undefined);
  if (loops.length === 0) return { operations, targets, loops };
  const taken = new Set(loops.flatMap(({ members }) => members));
  const made = new Set(loops.flatMap(({ results }) => results));
  const inGraph = new Set(targets.filter((target) => !made.has(target)));
  for (const { arrays, scalars } of loops) {
    for (const record of [...arrays, ...scalars]) if (record.source !== undefined) inGraph.add(record);
  }
  return {
    operations: operations.filter((operation) => !taken.has(operation)),
    targets: [...inGraph],
    loops,
  };
}

/** The elementwise operations that none but such operations read. */
function tailOperations(operations: readonly Operation[]): Operation[] {
  const readByGraph = new Set<Operation>();
  const tail: Operation[] = [];
  for (const operation of [...operations].reverse()) {
    if (!readByGraph.has(operation) && isElementwise(operation)) {
      tail.push(operation);
      continue;
    }
    for (const { data } of operation.operands) if (data.source !== undefined) readByGraph.add(data.source);
  }
  return tail.reverse();
}

function isElementwise({ kernel, operands, outputs }: Operation): boolean {
  const [output] = outputs;
  if (output === undefined || !Object.hasOwn(operators, kernel.name) || output.dtype !== "float32")
    return false;
  const isWhole = (operand: Operand) => sameShape(operand.shape, output.shape);
  return (
    sizeOf(output.shape) > 1 &&
    operands.some(isWhole) &&
    operands.every(
      (operand) => operand.data.dtype === "float32" && (isWhole(operand) || sizeOf(operand.shape) === 1),
    )
  );
}

/** Operations that read one another, together; each group in order. */
function connected(tail: readonly Operation[]): Operation[][] {
  const groups = new Map<Operation, Operation[]>();
  for (const operation of tail) {
    const joined = new Set<Operation[]>();
    for (const { data } of operation.operands) {
      const group = data.source && groups.get(data.source);
      if (group !== undefined) joined.add(group);
    }
    const [first = [], ...others] = joined;
    const all = [...first, ...others.flat(), operation];
    for (const member of all) groups.set(member, all);
  }
  return [...new Set(groups.values())].map((group) => group.sort((a, b) => a.id - b.id));
}

/** The loop of a group; undefined where a graph does as well. */
function loopOf(
  members: readonly Operation[],
  wanted: ReadonlySet<DataRecord>,
): (TailLoop & { readonly members: readonly Operation[] }) | undefined {
  const own = new Map(members.map((operation, i) => [operation.outputs[0] as DataRecord, i]));
  const arrays: DataRecord[] = [];
  const scalars: DataRecord[] = [];
  const refer = ({ data }: Operand): Reference => {
    const node = own.get(data);
    if (node !== undefined) return { node };
    const isScalar = sizeOf(data.shape) === 1;
    const list = isScalar ? scalars : arrays;
    const at = list.includes(data) ? list.indexOf(data) : list.push(data) - 1;
    return isScalar ? { scalar: at } : { array: at };
  };
  const nodes = members.map(({ kernel, operands }): ElementNode => {
    const references = operands.map(refer);
    return {
      operator: operators[kernel.name] as ElementOperator,
      operands: kernel.name === "Square" ? [...references, ...references] : references,
    };
  });
  const results = members.map(({ outputs }) => outputs[0] as DataRecord).filter((made) => wanted.has(made));
  const program: ElementProgram = {
    arrays: arrays.length,
    scalars: scalars.length,
    nodes,
    results: results.map((record) => own.get(record) as number),
  };
  const ofGraph = arrays.filter(({ source }) => source !== undefined).length;
  const pays = results.length > 1 && results.length > ofGraph && fitsLoop(program);
  return pays ? { members, program, arrays, scalars, results } : undefined;
}
