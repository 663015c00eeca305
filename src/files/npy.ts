/**
 * NumPy's .npy files (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html), versions 1 to 3: one
 * array in C order. This is how indices are handed to other tools.
 */
import { writeFileAtomic } from "./atomic-file.js";
import { type BoundedReader, withReader } from "./bounded-reader.js";
import { formatError, quoted } from "./file-errors.js";
import {
  bytesOf,
  bytesPerElement,
  elementCount,
  type StoredTensor,
  type TensorDtype,
  tensorFault,
  tensorOver,
} from "./tensor-data.js";

const MAGIC = Uint8Array.of(0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59); // \x93NUMPY
/** Magic, two bytes of version, and the longest length field. */
const LONGEST_PREFIX = 12;
/** Real headers have some 100 bytes; NumPy itself refuses more than 10,000 unless told. */
const MAX_HEADER = 65_536;
const ALIGNMENT = 64;

const DESCRIPTIONS: ReadonlyMap<TensorDtype, string> = new Map([
  ["F64", "<f8"],
  ["I64", "<i8"],
  ["U64", "<u8"],
  ["F32", "<f4"],
  ["I32", "<i4"],
  ["U32", "<u4"],
  ["I16", "<i2"],
  ["U16", "<u2"],
  ["I8", "|i1"],
  ["U8", "|u1"],
]);

/** Python writes a shape as (), (3,) or (3, 4); keys stand in any order. */
const FIELD = /\s*'(descr|fortran_order|shape)'\s*:\s*(?:'([^']*)'|(True|False)|\(([\d,\s]*)\))\s*(,|$)/y;

export interface NpyHeader {
  readonly dtype: TensorDtype;
  readonly shape: readonly number[];
  /** Where the values begin, in bytes. */
  readonly dataStart: number;
  readonly dataLength: number;
}

/** Writes one array, whole or not at all. @throws VqkitError("format") when the array contradicts itself; VqkitError("file") */
export async function writeNpy(path: string, array: StoredTensor): Promise<void> {
  await writeFileAtomic(path, [encodeHeader(array, path), bytesOf(array)]);
}

/**
 * Reads one array, allocating no more than the file is long.
 *
 * @throws VqkitError("format") for a file that is no .npy, is cut short or has bytes too many, is in Fortran or
 * big-endian order, or holds another element type than integers and floats of 4 or 8 bytes; VqkitError("file")
 */
export async function readNpy(path: string): Promise<StoredTensor> {
  return withReader(path, async (reader) => {
    const header = await readNpyHeader(reader);
    const bytes = await reader.read(header.dataStart, header.dataLength);
    return tensorOver(header.dtype, header.shape, bytes.buffer);
  });
}

/** The bytes of a .npy file. @throws VqkitError("format") when the array contradicts itself */
export function encodeNpy(array: StoredTensor): Uint8Array {
  return Buffer.concat([encodeHeader(array, "npy"), bytesOf(array)]);
}

/** Reads the bytes of a .npy file; the values are a copy. @param where names the bytes in messages. @throws as `readNpy` */
export function decodeNpy(bytes: Uint8Array, where = "npy"): StoredTensor {
  const { dtype, shape, dataStart, dataLength } = parseNpyHeader(bytes, bytes.length, where);
  const values = new Uint8Array(bytes.subarray(dataStart, dataStart + dataLength));
  return tensorOver(dtype, shape, values.buffer);
}

function encodeHeader(array: StoredTensor, where: string): Uint8Array {
  const fault = tensorFault(array);
  if (fault !== undefined) throw formatError(where, fault);
  return encodeNpyHeader(array, where);
}

/**
 * The bytes before the values.
 *
 * @param options.length pad to at least this many bytes, a multiple of 64, so that a later header can replace this one
 * @throws VqkitError("format") for a shape of too many sides
 */
export function encodeNpyHeader(
  { dtype, shape }: Pick<StoredTensor, "dtype" | "shape">,
  where: string,
  { length = 0 }: { readonly length?: number } = {},
): Uint8Array {
  const sides = shape.length === 1 ? `${shape[0]},` : shape.join(", ");
  const text = `{'descr': '${DESCRIPTIONS.get(dtype)}', 'fortran_order': False, 'shape': (${sides}), }`;
  const start = MAGIC.length + 4;
  const total = Math.max(length, Math.ceil((start + text.length + 1) / ALIGNMENT) * ALIGNMENT);
  if (total - start > MAX_HEADER - 1) {
    throw formatError(where, `expected a shape of fewer sides, got ${shape.length}.`);
  }
  const header = Buffer.alloc(total, " ");
  header.set(MAGIC);
  header.set([1, 0], MAGIC.length);
  header.writeUInt16LE(total - start, MAGIC.length + 2);
  header.write(text, start, "latin1");
  header[total - 1] = 0x0a;
  return header;
}

/** Reads the header of an open file and checks that the values after it are as many as it says. @throws as `readNpy` */
export async function readNpyHeader(reader: BoundedReader): Promise<NpyHeader> {
  const prefix = await reader.read(0, Math.min(reader.size, LONGEST_PREFIX + MAX_HEADER));
  return parseNpyHeader(prefix, reader.size, reader.path);
}

/** @param bytes at least the header; @param size of the whole file */
function parseNpyHeader(bytes: Uint8Array, size: number, where: string): NpyHeader {
  const { start, length } = headerExtent(bytes, where);
  if (length > MAX_HEADER) {
    throw formatError(where, `expected a header of at most ${MAX_HEADER} bytes, got ${length}.`);
  }
  const dataStart = start + length;
  if (dataStart > size)
    throw formatError(where, `expected ${dataStart} bytes, got ${size}. The file is cut short.`);
  const fields = parseFields(Buffer.from(bytes.subarray(start, dataStart)).toString("latin1"), where);
  const dtype = [...DESCRIPTIONS].find(([, description]) => description === fields.descr)?.[0];
  if (dtype === undefined) {
    throw formatError(
      where,
      `expected element type ${[...DESCRIPTIONS.values()].join(", ")}, got ${quoted(fields.descr)}. Convert it with astype.`,
    );
  }
  if (fields.fortran)
    throw formatError(where, "expected C order, got Fortran order. Use numpy.ascontiguousarray.");
  const count = elementCount(fields.shape);
  if (count === undefined) throw formatError(where, "expected a shape whose product is under 2^53.");
  const dataLength = count * bytesPerElement(dtype);
  if (size - dataStart !== dataLength) {
    throw formatError(
      where,
      `expected ${dataLength} bytes of values for shape ${quoted(fields.shape)}, got ${size - dataStart}.`,
    );
  }
  return { dtype, shape: fields.shape, dataStart, dataLength };
}

function headerExtent(bytes: Uint8Array, where: string): { start: number; length: number } {
  const version = bytes[MAGIC.length];
  if (!MAGIC.every((byte, i) => bytes[i] === byte)) {
    throw formatError(where, "expected a .npy file (\\x93NUMPY), got something else.");
  }
  if (version === undefined || version < 1 || version > 3 || bytes[MAGIC.length + 1] !== 0) {
    throw formatError(
      where,
      `expected .npy version 1.0, 2.0 or 3.0, got ${version}.${bytes[MAGIC.length + 1]}.`,
    );
  }
  const start = version === 1 ? MAGIC.length + 4 : LONGEST_PREFIX;
  if (bytes.length < start) throw formatError(where, "the file is cut short in its header.");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const length =
    version === 1 ? view.getUint16(MAGIC.length + 2, true) : view.getUint32(MAGIC.length + 2, true);
  return { start, length };
}

/** Reads the Python dict of the header without evaluating anything. */
function parseFields(text: string, where: string): { descr: string; fortran: boolean; shape: number[] } {
  const fault = (): Error =>
    formatError(where, `the header is not that of a plain array: ${quoted(text.trim())}.`);
  const body = /^\s*\{(.*)\}\s*$/s.exec(text)?.[1]?.trimEnd();
  if (body === undefined) throw fault();
  const found = new Map<string, string>();
  for (let at = 0; at < body.length; ) {
    FIELD.lastIndex = at;
    const match = FIELD.exec(body);
    const [, key, word, flag, sides] = match ?? [];
    const value = key === "descr" ? word : key === "fortran_order" ? flag : sides;
    if (key === undefined || value === undefined || found.has(key)) throw fault();
    found.set(key, value);
    at = FIELD.lastIndex;
  }
  const [descr, fortran, sides] = [found.get("descr"), found.get("fortran_order"), found.get("shape")];
  if (descr === undefined || fortran === undefined || sides === undefined) throw fault();
  return { descr, fortran: fortran === "True", shape: parseShape(sides, fault) };
}

function parseShape(text: string, fault: () => Error): number[] {
  const sides = text.split(",").map((side) => side.trim());
  if (sides.at(-1) === "")
    sides.pop(); // (), and the comma of (3,)
  else if (sides.length === 1) throw fault(); // (3) is a number, not a tuple
  return sides.map((side) => {
    if (!/^\d+$/.test(side)) throw fault();
    return Number(side);
  });
}
