import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";

/**
 * Writes ONNX models (onnx.proto3, https://github.com/onnx/onnx/blob/main/onnx/onnx.proto3): the few messages that a
 * graph of standard operators needs. Field numbers stand beside each write.
 */

/** Element types, by their number in `TensorProto.DataType`. */
export const elementTypes = { float32: 1, uint8: 2, int32: 6, int64: 7, bool: 9 } as const;
export type ElementType = keyof typeof elementTypes;

export type AttributeValue =
  | number
  | string
  | readonly number[]
  | { readonly float: number }
  | { readonly floats: readonly number[] }
  /** The body of a Scan, Loop or If; it may read what stands outside by name. */
  | { readonly graph: GraphProto };
export type Attributes = Readonly<Record<string, AttributeValue | undefined>>;

export interface NodeProto {
  readonly opType: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Attributes;
}

export interface TensorProto {
  readonly name: string;
  readonly type: ElementType;
  readonly dims: readonly number[];
  /** Little-endian elements, row by row. */
  readonly bytes: Uint8Array;
}

export interface ValueInfoProto {
  readonly name: string;
  readonly type: ElementType;
  /** A string is a named dynamic dimension. */
  readonly dims: readonly (number | string)[];
}

export interface GraphProto {
  readonly name: string;
  readonly nodes: readonly NodeProto[];
  readonly initializers: readonly TensorProto[];
  readonly inputs: readonly ValueInfoProto[];
  readonly outputs: readonly ValueInfoProto[];
  /** Shapes of tensors in between, where they say more than can be inferred. */
  readonly values?: readonly ValueInfoProto[];
}

export interface ModelOptions {
  readonly opset: number;
  readonly producer: string;
  readonly metadata?: Readonly<Record<string, string>>;
}

/** Serialises a graph as an ONNX ModelProto. */
export function encodeModel(graph: GraphProto, options: ModelOptions): Uint8Array {
  const w = new BinaryWriter();
  w.tag(1, WireType.Varint).int64(8); // ir_version 8: the first with every operator of opset 18
  w.tag(2, WireType.LengthDelimited).string(options.producer);
  message(w, 7, () => writeGraph(w, graph));
  message(w, 8, () => w.tag(2, WireType.Varint).int64(options.opset)); // opset_import, default domain
  writeMetadata(w, options.metadata ?? {});
  return w.finish();
}

/** A serialised model with more metadata: a message's repeated fields may stand anywhere in it, and so at its end. */
export function withMetadata(model: Uint8Array, metadata: Readonly<Record<string, string>>): Uint8Array {
  const w = new BinaryWriter();
  writeMetadata(w, metadata);
  return Buffer.concat([model, w.finish()]);
}

/** metadata_props */
function writeMetadata(w: BinaryWriter, metadata: Readonly<Record<string, string>>): void {
  for (const [key, value] of Object.entries(metadata)) {
    message(w, 14, () => {
      w.tag(1, WireType.LengthDelimited).string(key);
      w.tag(2, WireType.LengthDelimited).string(value);
    });
  }
}

function message(w: BinaryWriter, field: number, body: () => void): void {
  w.tag(field, WireType.LengthDelimited).fork();
  body();
  w.join();
}

function writeGraph(w: BinaryWriter, graph: GraphProto): void {
  for (const node of graph.nodes) message(w, 1, () => writeNode(w, node));
  w.tag(2, WireType.LengthDelimited).string(graph.name);
  for (const tensor of graph.initializers) message(w, 5, () => writeTensor(w, tensor));
  for (const input of graph.inputs) message(w, 11, () => writeValueInfo(w, input));
  for (const output of graph.outputs) message(w, 12, () => writeValueInfo(w, output));
  for (const value of graph.values ?? []) message(w, 13, () => writeValueInfo(w, value));
}

function writeNode(w: BinaryWriter, node: NodeProto): void {
  for (const input of node.inputs) w.tag(1, WireType.LengthDelimited).string(input);
  for (const output of node.outputs) w.tag(2, WireType.LengthDelimited).string(output);
  // A node's name is its first output's, so that messages and options can point at it.
  w.tag(3, WireType.LengthDelimited).string(node.outputs[0] ?? "");
  w.tag(4, WireType.LengthDelimited).string(node.opType);
  for (const [name, value] of Object.entries(node.attributes)) {
    if (value !== undefined) message(w, 5, () => writeAttribute(w, name, value));
  }
}

function writeAttribute(w: BinaryWriter, name: string, value: AttributeValue): void {
  const type = (kind: number) => w.tag(20, WireType.Varint).int32(kind);
  w.tag(1, WireType.LengthDelimited).string(name);
  if (typeof value === "number") {
    w.tag(3, WireType.Varint).int64(value);
    type(2); // INT
  } else if (typeof value === "string") {
    w.tag(4, WireType.LengthDelimited).bytes(new TextEncoder().encode(value));
    type(3); // STRING
  } else if ("float" in value) {
    w.tag(2, WireType.Bit32).float(value.float);
    type(1); // FLOAT
  } else if ("floats" in value) {
    w.tag(7, WireType.LengthDelimited).fork();
    for (const f of value.floats) w.float(f);
    w.join();
    type(6); // FLOATS
  } else if ("graph" in value) {
    message(w, 6, () => writeGraph(w, value.graph));
    type(5); // GRAPH
  } else {
    w.tag(8, WireType.LengthDelimited).fork();
    for (const i of value) w.int64(i);
    w.join();
    type(7); // INTS
  }
}

function writeTensor(w: BinaryWriter, tensor: TensorProto): void {
  w.tag(1, WireType.LengthDelimited).fork();
  for (const dim of tensor.dims) w.int64(dim);
  w.join();
  w.tag(2, WireType.Varint).int32(elementTypes[tensor.type]);
  w.tag(8, WireType.LengthDelimited).string(tensor.name);
  w.tag(9, WireType.LengthDelimited).bytes(tensor.bytes);
}

function writeValueInfo(w: BinaryWriter, info: ValueInfoProto): void {
  w.tag(1, WireType.LengthDelimited).string(info.name);
  message(w, 2, () => {
    message(w, 1, () => {
      w.tag(1, WireType.Varint).int32(elementTypes[info.type]);
      message(w, 2, () => {
        for (const dim of info.dims) {
          message(w, 1, () => {
            if (typeof dim === "number") w.tag(1, WireType.Varint).int64(dim);
            else w.tag(2, WireType.LengthDelimited).string(dim);
          });
        }
      });
    });
  });
}
