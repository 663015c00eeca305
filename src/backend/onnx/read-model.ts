import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import { BackendError } from "../errors.js";
import { hasExternalWeights } from "./external-weights.js";

/*
 * Reads ONNX models (onnx.proto3): nodes, constants and names of a graph of standard operators. Field numbers stand
 * beside each read. What it does not know it passes over; a node is judged by who uses it.
 */

/** An attribute: a number, numbers, or a text. A tensor stands among the constants of its node's output. */
export type ReadAttribute = number | readonly number[] | string | ReadTensor;

/** A constant of a graph; integers of 64 bits as numbers. */
export interface ReadTensor {
  readonly dims: readonly number[];
  readonly data: Float32Array;
}

export interface ReadNode {
  readonly opType: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: ReadonlyMap<string, ReadAttribute>;
}

export interface ReadGraph {
  /** In an order in which they can be computed. */
  readonly nodes: readonly ReadNode[];
  readonly constants: ReadonlyMap<string, ReadTensor>;
  /** Names of what is fed; constants are none. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
}

/** @throws BackendError("format") for what is no ONNX model, or has weights in another file or type */
export function readOnnxModel(model: Uint8Array, name: string): ReadGraph {
  if (hasExternalWeights(model)) {
    throw new BackendError(
      "format",
      `${name}: expected an ONNX file that holds its weights, got one with weights in another file. Export it as one file.`,
    );
  }
  try {
    const graph = fields(model).find(({ field }) => field === 7)?.bytes; // ModelProto.graph
    if (graph === undefined) throw new TypeError("no graph");
    return graphOf(graph);
  } catch (error) {
    if (error instanceof BackendError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new BackendError("format", `${name}: expected an ONNX model, got another file (${reason}).`, {
      cause: error,
    });
  }
}

interface Field {
  readonly field: number;
  /** Of a varint. */
  readonly integer: number;
  /** Of 4 bytes. */
  readonly float: number;
  /** Of a message, a string, or a packed list; empty for a number. */
  readonly bytes: Uint8Array;
  /** Whether it is a number by itself. */
  readonly isNumber: boolean;
}

const NO_BYTES = new Uint8Array();

function fields(message: Uint8Array): Field[] {
  const reader = new BinaryReader(message);
  const found: Field[] = [];
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag();
    const empty = { field, integer: 0, float: 0, bytes: NO_BYTES, isNumber: true };
    if (type === WireType.Varint) found.push({ ...empty, integer: Number(reader.int64()) });
    else if (type === WireType.Bit32) found.push({ ...empty, float: reader.float() });
    else if (type === WireType.LengthDelimited)
      found.push({ ...empty, bytes: reader.bytes(), isNumber: false });
    else reader.skip(type, field);
  }
  return found;
}

const textOf = ({ bytes }: Field): string => Buffer.from(bytes).toString("utf8");

/** GraphProto: node = 1, initializer = 5, input = 11, output = 12. */
function graphOf(message: Uint8Array): ReadGraph {
  const all = fields(message);
  const messages = (field: number) => all.filter((each) => each.field === field).map(({ bytes }) => bytes);
  const nodes = messages(1).map(nodeOf);
  const constants = new Map(messages(5).map(tensorOf));
  for (const { opType, outputs, attributes } of nodes) {
    const value = attributes.get("value");
    if (opType === "Constant" && typeof value === "object" && "dims" in value) {
      constants.set(outputs[0] as string, value);
    }
  }
  const names = (field: number) => messages(field).map(valueName);
  return {
    nodes: nodes.filter(({ opType }) => opType !== "Constant"),
    constants,
    inputs: names(11).filter((name) => !constants.has(name)),
    outputs: names(12),
  };
}

/** ValueInfoProto: name = 1. */
function valueName(message: Uint8Array): string {
  const name = fields(message).find(({ field }) => field === 1);
  return name === undefined ? "" : textOf(name);
}

/** NodeProto: input = 1, output = 2, op_type = 4, attribute = 5. */
function nodeOf(message: Uint8Array): ReadNode {
  const all = fields(message);
  const texts = (field: number) => all.filter((each) => each.field === field).map(textOf);
  const attributes = all.filter(({ field }) => field === 5).map(({ bytes }) => attributeOf(bytes));
  return {
    opType: texts(4)[0] ?? "",
    inputs: texts(1),
    outputs: texts(2),
    attributes: new Map(attributes.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]]))),
  };
}

/** AttributeProto: name = 1, f = 2, i = 3, s = 4, t = 5, floats = 7, ints = 8, type = 20. */
function attributeOf(message: Uint8Array): readonly [string, ReadAttribute | undefined] {
  const all = fields(message);
  const of = (field: number) => all.find((each) => each.field === field);
  const name = of(1);
  const value = (): ReadAttribute | undefined => {
    switch (of(20)?.integer) {
      case 1:
        return of(2)?.float ?? 0;
      case 2:
        return of(3)?.integer ?? 0;
      case 3:
        return Buffer.from(of(4)?.bytes ?? NO_BYTES).toString("utf8");
      case 4:
        return tensorOf(of(5)?.bytes ?? NO_BYTES)[1];
      case 6:
        return floatsOf(all, 7);
      case 7:
        return integersOf(all, 8);
      default:
        return undefined;
    }
  };
  return [name === undefined ? "" : textOf(name), value()];
}

/** A repeated number, packed or one a field. */
function integersOf(all: readonly Field[], field: number): number[] {
  return all
    .filter((each) => each.field === field)
    .flatMap(({ integer, bytes, isNumber }) => {
      if (isNumber) return [integer];
      const reader = new BinaryReader(bytes);
      const packed: number[] = [];
      while (reader.pos < reader.len) packed.push(Number(reader.int64()));
      return packed;
    });
}

function floatsOf(all: readonly Field[], field: number): number[] {
  return all
    .filter((each) => each.field === field)
    .flatMap(({ float, bytes, isNumber }) => (isNumber ? [float] : [...float32(bytes)]));
}

/** TensorProto: dims = 1, data_type = 2, float_data = 4, int64_data = 7, name = 8, raw_data = 9. */
function tensorOf(message: Uint8Array): [string, ReadTensor] {
  const all = fields(message);
  const of = (field: number) => all.find((each) => each.field === field);
  const name = of(8);
  const named = name === undefined ? "" : textOf(name);
  const dims = integersOf(all, 1);
  const type = of(2)?.integer;
  const raw = of(9)?.bytes ?? NO_BYTES;
  if (type === 7) {
    const values = raw.length > 0 ? [...int64(raw)] : integersOf(all, 7);
    return [named, { dims, data: Float32Array.from(values) }];
  }
  if (type !== 1) {
    throw new BackendError(
      "format",
      `constant "${named}": expected float32, got ONNX's type ${type}. Export the model in float32.`,
    );
  }
  return [named, { dims, data: raw.length > 0 ? float32(raw) : Float32Array.from(floatsOf(all, 4)) }];
}

function float32(bytes: Uint8Array): Float32Array {
  return new Float32Array(Uint8Array.from(bytes).buffer);
}

function int64(bytes: Uint8Array): number[] {
  return Array.from(new BigInt64Array(Uint8Array.from(bytes).buffer), Number);
}
