/** Reads what an export says about itself from an ONNX file, without running it. */

/** `metadata_props` of a ModelProto, field 14; each entry has its key in field 1 and its value in field 2. */
const METADATA = 14;
const LENGTH_DELIMITED = 2;

/**
 * @param {Uint8Array} bytes an ONNX file
 * @returns {Map<string, string>} empty for a file that is none
 */
export function readMetadata(bytes) {
  const text = new TextDecoder();
  const entries = new Map();
  try {
    for (const { field, content } of fieldsOf(bytes)) {
      if (field !== METADATA || content === undefined) continue;
      const [key, value] = [...fieldsOf(content)].map((part) => text.decode(part.content));
      entries.set(key, value);
    }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return new Map(); // it is no protobuf
  }
  return entries;
}

/** The fields of a protobuf message, one after the other; large ones are views, not copies. */
function* fieldsOf(bytes) {
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      if (at >= bytes.length || factor > 2 ** 56) throw new RangeError("not a protobuf message");
      const byte = bytes[at++];
      value += (byte & 127) * factor;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const tag = varint();
    const [field, type] = [Math.floor(tag / 8), tag % 8];
    if (type === LENGTH_DELIMITED) {
      const length = varint();
      if (at + length > bytes.length) throw new RangeError("not a protobuf message");
      yield { field, content: bytes.subarray(at, at + length) };
      at += length;
    } else if (type === 0) {
      varint();
      yield { field, content: undefined };
    } else if (type === 1 || type === 5) {
      at += type === 1 ? 8 : 4;
      yield { field, content: undefined };
    } else throw new RangeError("not a protobuf message");
  }
}
