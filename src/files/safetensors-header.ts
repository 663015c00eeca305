import { formatError, quoted } from "./file-errors.js";
import { scanJson } from "./json-scan.js";
import {
  bytesPerElement,
  elementCount,
  isDtype,
  KNOWN_DTYPES,
  type StoredTensor,
  type TensorDtype,
  type TensorMap,
  tensorFault,
} from "./tensor-data.js";

/** Free text of a safetensors file, by key. */
export type Metadata = Readonly<Record<string, string>>;

/** Where an array stands in a safetensors file; offsets count from the end of the header. */
export interface TensorEntry {
  readonly name: string;
  readonly dtype: TensorDtype;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

export interface Header {
  readonly entries: readonly TensorEntry[];
  readonly metadata: Metadata;
}

/** Bytes of the number that stands before the header. */
export const LENGTH_BYTES = 8;
const MAX_HEADER = 100_000_000;
const METADATA_KEY = "__metadata__";
const LONE_SURROGATE = /\p{Surrogate}/u;

/**
 * The header's length, from the file's first 8 bytes.
 *
 * @param size of the whole file, in bytes
 * @throws VqkitError("format") when the file cannot hold that header, or it is over 100 MB
 */
export function headerLength(prefix: Uint8Array, size: number, where: string): number {
  if (size < LENGTH_BYTES || prefix.length < LENGTH_BYTES) {
    throw formatError(where, `expected a safetensors file of at least ${LENGTH_BYTES} bytes, got ${size}.`);
  }
  const view = new DataView(prefix.buffer, prefix.byteOffset, LENGTH_BYTES);
  const length = view.getBigUint64(0, true); // 64 bits: a Number would round
  if (length > BigInt(MAX_HEADER)) {
    throw formatError(where, `expected a header of at most ${MAX_HEADER} bytes, got ${length}.`);
  }
  if (length > BigInt(size - LENGTH_BYTES)) {
    throw formatError(
      where,
      `expected a header of ${length} bytes, got a file of ${size}. The file is cut short.`,
    );
  }
  return Number(length);
}

/**
 * Reads a header and checks that its arrays fill the data exactly: from 0, no hole, no overlap, nothing after.
 *
 * @param dataLength bytes after the header
 * @throws VqkitError("format") for anything else, duplicate keys included
 */
export function parseHeader(bytes: Uint8Array, dataLength: number, where: string): Header {
  const raw = parseObject(bytes, where);
  const entries: TensorEntry[] = [];
  let metadata: Metadata = Object.create(null);
  for (const [name, value] of Object.entries(raw)) {
    checkText(name, `${where}: a name in the header`);
    if (name === METADATA_KEY) metadata = parseMetadata(value, where);
    else entries.push(parseEntry(name, value, where));
  }
  entries.sort((a, b) => a.begin - b.begin || a.end - b.end);
  let position = 0;
  for (const { name, begin, end } of entries) {
    if (begin !== position) {
      const what = begin < position ? "an overlap" : "a hole";
      throw formatError(
        where,
        `expected ${quoted(name)} to begin at byte ${position}, got ${begin}: ${what}.`,
      );
    }
    position = end;
  }
  if (position !== dataLength) {
    throw formatError(where, `expected ${position} bytes of values, got ${dataLength}.`);
  }
  return { entries, metadata };
}

/**
 * Lays arrays out: wider elements first, then by name, so that each is aligned and the same arrays give the same bytes.
 *
 * @returns the length prefix and header in one piece (padded to 8 bytes), and the arrays in the order of their values
 * @throws VqkitError("format") for an array that contradicts itself, or text that UTF-8 cannot hold
 */
export function layOut(
  tensors: TensorMap,
  metadata: Metadata,
  where: string,
): { prefix: Uint8Array; ordered: StoredTensor[] } {
  const named = [...tensors].sort(
    ([a, x], [b, y]) => y.data.BYTES_PER_ELEMENT - x.data.BYTES_PER_ELEMENT || (a < b ? -1 : 1),
  );
  // Text by hand: an object with the key "__proto__" would lose it.
  const fields: string[] = [];
  const notes = Object.entries(metadata).sort(([a], [b]) => (a < b ? -1 : 1));
  for (const text of notes.flat()) checkText(text, `${where}: metadata`);
  if (notes.length > 0) {
    fields.push(
      `"${METADATA_KEY}":{${notes.map(([key, text]) => `${JSON.stringify(key)}:${JSON.stringify(text)}`).join(",")}}`,
    );
  }
  let position = 0;
  for (const [name, tensor] of named) {
    checkText(name, `${where}: a tensor's name`);
    const fault = name === METADATA_KEY ? "this name is taken by the format." : tensorFault(tensor);
    if (fault !== undefined) throw formatError(where, `tensor ${quoted(name)}: ${fault}`);
    const { dtype, shape, data } = tensor;
    const end = position + data.byteLength;
    fields.push(`${JSON.stringify(name)}:${JSON.stringify({ dtype, shape, data_offsets: [position, end] })}`);
    position = end;
  }
  return { prefix: withLength(`{${fields.join(",")}}`, where), ordered: named.map(([, tensor]) => tensor) };
}

function withLength(json: string, where: string): Uint8Array {
  const text = Buffer.from(json);
  const length = Math.ceil(text.length / 8) * 8;
  if (length > MAX_HEADER) {
    throw formatError(where, `expected a header of at most ${MAX_HEADER} bytes, got ${length}.`);
  }
  const prefix = new Uint8Array(LENGTH_BYTES + length).fill(0x20, LENGTH_BYTES + text.length);
  new DataView(prefix.buffer).setBigUint64(0, BigInt(length), true);
  prefix.set(text, LENGTH_BYTES);
  return prefix;
}

function parseObject(bytes: Uint8Array, where: string): object {
  let raw: unknown;
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    const fault = scanJson(text, { maxDepth: 3, wholeNumbers: true }); // header, entry, shape
    if (fault !== undefined) throw new SyntaxError(fault);
    raw = JSON.parse(text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw formatError(where, `the header is not the JSON of a safetensors file: ${oneLine(reason)}`);
  }
  return asObject(raw, `${where}: header`);
}

function parseMetadata(value: unknown, where: string): Metadata {
  const metadata: Record<string, string> = Object.create(null);
  for (const [key, text] of Object.entries(asObject(value, `${where}: ${METADATA_KEY}`))) {
    if (typeof text !== "string") {
      throw formatError(where, `${METADATA_KEY}[${quoted(key)}]: expected a string, got ${typeof text}.`);
    }
    checkText(key, `${where}: ${METADATA_KEY}`);
    checkText(text, `${where}: ${METADATA_KEY}[${quoted(key)}]`);
    metadata[key] = text;
  }
  return metadata;
}

function parseEntry(name: string, value: unknown, where: string): TensorEntry {
  const at = `${where}: tensor ${quoted(name)}`;
  const fields = new Map<string, unknown>(Object.entries(asObject(value, at)));
  const dtype = fields.get("dtype");
  const shape = fields.get("shape");
  const offsets = fields.get("data_offsets");
  if (fields.size !== 3) {
    throw formatError(at, `expected dtype, shape and data_offsets, got ${quoted([...fields.keys()])}.`);
  }
  if (!isDtype(dtype)) {
    throw formatError(at, `expected dtype ${KNOWN_DTYPES.join(", ")}, got ${quoted(dtype)}.`);
  }
  if (!Array.isArray(shape)) throw formatError(at, "expected shape to be a list.");
  const count = elementCount(shape);
  if (count === undefined)
    throw formatError(at, "expected a shape of integers >= 0 whose product is under 2^53.");
  if (!Array.isArray(offsets) || offsets.length !== 2 || elementCount(offsets.slice(0, 1)) === undefined) {
    throw formatError(at, "expected data_offsets to be [begin, end].");
  }
  const [begin, end] = offsets as [number, number];
  const length = count * bytesPerElement(dtype);
  if (end !== begin + length) {
    throw formatError(at, `expected data_offsets ${length} bytes apart, got [${begin},${String(end)}].`);
  }
  return { name, dtype, shape: shape as number[], begin, end };
}

function asObject(value: unknown, where: string): object {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw formatError(where, `expected an object, got ${Array.isArray(value) ? "a list" : typeof value}.`);
  }
  return value;
}

function checkText(text: unknown, where: string): void {
  if (typeof text !== "string" || LONE_SURROGATE.test(text)) {
    throw formatError(where, `expected Unicode text, got ${quoted(text)}.`);
  }
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, " ").slice(0, 200);
}
