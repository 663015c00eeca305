import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";

/** Field numbers of onnx.proto3. */
const GRAPH_OF_MODEL = 7;
const INITIALIZER_OF_GRAPH = 5;
const DATA_LOCATION_OF_TENSOR = 14;
const EXTERNAL = 1;

/**
 * Whether some weights of an ONNX model stand in another file. False for what is no protobuf message: to say so is
 * left to who loads it.
 */
export function hasExternalWeights(model: Uint8Array): boolean {
  try {
    return fieldsOf(model, GRAPH_OF_MODEL).some((graph) =>
      fieldsOf(graph, INITIALIZER_OF_GRAPH).some(isExternal),
    );
  } catch {
    return false;
  }
}

/** The contents of every message field of one number. */
function fieldsOf(message: Uint8Array, field: number): Uint8Array[] {
  const reader = new BinaryReader(message);
  const found: Uint8Array[] = [];
  while (reader.pos < reader.len) {
    const [number, type] = reader.tag();
    if (number === field && type === WireType.LengthDelimited) found.push(reader.bytes());
    else reader.skip(type, number);
  }
  return found;
}

function isExternal(tensor: Uint8Array): boolean {
  const reader = new BinaryReader(tensor);
  while (reader.pos < reader.len) {
    const [number, type] = reader.tag();
    if (number === DATA_LOCATION_OF_TENSOR && type === WireType.Varint) return reader.int32() === EXTERNAL;
    reader.skip(type, number);
  }
  return false;
}
