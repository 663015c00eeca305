import type { DataType, NamedAttrMap, NamedTensorInfoMap, TensorInfo } from "../tf/index.js";
import { BackendError } from "./errors.js";
import type { GraphBuilder } from "./onnx/graph-builder.js";
import type { Value } from "./onnx/value.js";
import type { Tensor as OrtTensor } from "./onnxruntime.js";

/** Shape and type of a tensor that a kernel will make. */
export interface TensorSpec {
  readonly shape: readonly number[];
  readonly dtype: DataType;
}

/**
 * What a kernel call comes down to. Outputs must follow from the inputs' shapes and types and from `attrs` alone, and
 * `attrs` must be JSON: together they are the key under which a compiled graph is found again.
 */
export interface KernelCall<A = unknown> {
  readonly inputs: readonly TensorInfo[];
  readonly attrs: A;
  readonly outputs: readonly TensorSpec[];
}

/** One tfjs kernel: how a call is written down, and, later, which ONNX nodes it becomes. */
export interface Kernel<A = unknown> {
  readonly name: string;
  record(inputs: NamedTensorInfoMap, attrs: NamedAttrMap): KernelCall<A>;
  lower(g: GraphBuilder, inputs: readonly Value[], call: LoweredCall<A>): Value | readonly Value[];
}

export interface LoweredCall<A> {
  readonly attrs: A;
  readonly outputs: readonly TensorSpec[];
}

/** A use of a tensor's data under a shape; reshaping shares data, so the shape belongs to the use. */
export interface Operand {
  readonly data: DataRecord;
  readonly shape: readonly number[];
}

/** A kernel call that has not run yet. */
export class Operation {
  static #created = 0;
  /** Operations are numbered as they are recorded, so ascending ids are a topological order. */
  readonly id = Operation.#created++;
  readonly kernel: Kernel;
  readonly operands: readonly Operand[];
  readonly attrs: unknown;
  readonly key: string;
  readonly outputs: readonly DataRecord[];
  /** Scratch for the collector: which collection visited the operation, and its place in it. */
  visit = 0;
  index = -1;

  constructor(kernel: Kernel, operands: readonly Operand[], call: KernelCall) {
    this.kernel = kernel;
    this.operands = operands;
    this.attrs = call.attrs;
    this.key = `${kernel.name}${call.attrs === undefined ? "" : describeAttrs(call.attrs)}`;
    this.outputs = call.outputs.map((spec, i) => DataRecord.pending(spec, this, i));
  }
}

/** The two float32 tensors that a complex one is made of. */
export interface ComplexParts {
  readonly real: TensorInfo;
  readonly imag: TensorInfo;
}

/** JSON that tells infinities and NaN from each other and from null, which is what JSON makes of them all. */
function describeAttrs(attrs: unknown): string {
  const json = JSON.stringify(attrs);
  if (!json.includes("null")) return json;
  return JSON.stringify(attrs, (_, value: unknown) =>
    typeof value === "number" && !Number.isFinite(value) ? `number ${value}` : value,
  );
}

/** The data behind tensors: either values, or the operation that will make them. tfjs holds it as the `DataId`. */
export class DataRecord {
  static #frozen = 0;
  refCount = 1;
  readonly shape: readonly number[];
  readonly dtype: DataType;
  source: Operation | undefined;
  readonly sourceOutput: number;
  /** Present when the values are known; strings stay out of ONNX Runtime and live in `strings`. */
  tensor: OrtTensor | undefined;
  strings: Uint8Array[] | undefined;
  /** Present when the tensor is complex: it has no values but its parts'. */
  parts: ComplexParts | undefined;
  /** Promised to keep its values, under a number of its own: graphs may build them in, and are this tensor's then. */
  frozen: number | undefined;
  /**
   * Read as a variable's value, and so never built in because it is small: a graph that is compiled before the variable
   * changes and one that is compiled after would add in different orders.
   */
  isVariable = false;
  /** Holds an array of the engine's own that nobody outside has seen: it may be written again once nobody needs it. */
  isRecyclable = false;
  /** Scratch for the collector. */
  visit = 0;
  index = -1;

  private constructor(spec: TensorSpec, source: Operation | undefined, sourceOutput: number) {
    this.shape = spec.shape;
    this.dtype = spec.dtype;
    this.source = source;
    this.sourceOutput = sourceOutput;
  }

  static pending(spec: TensorSpec, source: Operation, output: number): DataRecord {
    return new DataRecord(spec, source, output);
  }

  static known(spec: TensorSpec, tensor: OrtTensor): DataRecord {
    const record = new DataRecord(spec, undefined, 0);
    record.tensor = tensor;
    return record;
  }

  static text(shape: readonly number[], strings: Uint8Array[]): DataRecord {
    const record = new DataRecord({ shape, dtype: "string" }, undefined, 0);
    record.strings = strings;
    return record;
  }

  static complex(shape: readonly number[], parts: ComplexParts): DataRecord {
    const record = new DataRecord({ shape, dtype: "complex64" }, undefined, 0);
    record.parts = parts;
    return record;
  }

  freeze(): void {
    this.frozen ??= DataRecord.#frozen++;
  }

  /** Whether both are known to hold the same values under the same shape and type. */
  hasValuesOf(other: DataRecord): boolean {
    if (this === other) return true;
    const [mine, theirs] = [this.tensor, other.tensor];
    if (mine === undefined || theirs === undefined) return false;
    if (this.dtype !== other.dtype || this.shape.join() !== other.shape.join()) return false;
    // Values in a device's memory are not compared.
    if (mine.location !== "cpu" || theirs.location !== "cpu") return mine === theirs;
    return sameValues(mine.data as ArrayLike<number>, theirs.data as ArrayLike<number>);
  }

  /** The operation's result has arrived: the recording behind it can be forgotten. */
  resolve(tensor: OrtTensor): void {
    this.tensor = tensor;
    this.source = undefined;
  }
}

/** Bit for bit, so that -0 differs from 0, but for NaN, of which there is one. */
export function sameValues(a: ArrayLike<number>, b: ArrayLike<number>): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (!Object.is(a[i], b[i])) return false;
  return true;
}

/** By their numbers: a variable that was assigned has the shape that it had, in another array. */
function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a === b || (a.length === b.length && a.every((side, axis) => side === b[axis]));
}

/** Operations in order, the known tensors they start from, and the pending tensors they are run for. */
export interface Recording {
  readonly operations: readonly Operation[];
  readonly leaves: readonly DataRecord[];
  readonly targets: readonly DataRecord[];
  /** Equal for recordings that compile to the same graph; says nothing of the values of leaves that are not frozen. */
  readonly key: string;
}

let collections = 0;

/** Gathers everything that `targets` depend on. */
export function collect(targets: readonly DataRecord[]): Recording {
  return describe(operationsFor(targets), targets, ++collections);
}

/** The operations that have yet to run before the records have values, each after those that it depends on. */
export function operationsFor(records: readonly DataRecord[]): Operation[] {
  const stamp = ++collections;
  const operations: Operation[] = [];
  const stack: Operation[] = [];
  const visit = (operation: Operation) => {
    if (operation.visit === stamp) return;
    operation.visit = stamp;
    operations.push(operation);
    stack.push(operation);
  };
  for (const { source } of records) if (source !== undefined) visit(source);
  for (let operation = stack.pop(); operation !== undefined; operation = stack.pop()) {
    for (const { data } of operation.operands) if (data.source !== undefined) visit(data.source);
  }
  return operations.sort((a, b) => a.id - b.id);
}

function describe(
  operations: readonly Operation[],
  targets: readonly DataRecord[],
  stamp: number,
): Recording {
  const leaves: DataRecord[] = [];
  let key = "";
  for (const [index, operation] of operations.entries()) {
    operation.index = index;
    key += operation.key;
    for (const { data, shape } of operation.operands) {
      if (data.source !== undefined) {
        key += ` ${data.source.index}.${data.sourceOutput}`;
      } else {
        if (data.visit !== stamp) {
          if (data.tensor === undefined)
            throw new BackendError(
              "disposed",
              "A recorded operation reads a tensor that has no values (disposed, or of type string).",
            );
          data.visit = stamp;
          data.index = leaves.length;
          leaves.push(data);
          key += ` ${data.frozen === undefined ? "" : `frozen ${data.frozen} `}${data.dtype}[${data.shape}]`;
        }
        key += ` @${data.index}`;
      }
      if (!sameShape(shape, data.shape)) key += `[${shape}]`;
    }
    key += "\n";
  }
  for (const { source, sourceOutput } of targets) key += `>${source?.index}.${sourceOutput}`;
  return { operations, leaves, targets, key };
}
