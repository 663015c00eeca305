/**
 * The pages of one column of byte arrays in a row group. hyparquet reads what describes a file; the pages are read here
 * because files may be damaged: a page's header can claim any size and a run any length, and hyparquet follows them,
 * into a loop without end if need be. Here every count is held against the rows of the row group, and every length
 * against the bytes that are there.
 *
 * Format: https://parquet.apache.org/docs/file-format/
 */
import * as zlib from "node:zlib";
import { type PageHeader, snappyUncompress } from "hyparquet";
import { parquetHeader } from "hyparquet/src/column.js";
import { readRuns } from "./parquet-runs.js";

/** A column of one row group. */
export interface ColumnChunk {
  readonly rows: number;
  /** Parquet's name of the compression. */
  readonly codec: string;
  /** How many of the column and the structs around it may be null; none of them is repeated. */
  readonly nullableLevels: number;
}

/**
 * The values of a column chunk, one a row, undefined where there is none.
 *
 * @param bytes all pages of the chunk; where it is not compressed, the values are views of them
 * @throws Error that says what is wrong with the bytes, or which encoding is not known
 */
export function readByteArrays(bytes: Uint8Array, chunk: ColumnChunk): (Uint8Array | undefined)[] {
  const reader = { view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), offset: 0 };
  const values: (Uint8Array | undefined)[] = [];
  let dictionary: readonly Uint8Array[] = [];
  while (values.length < chunk.rows) {
    const header = parquetHeader(reader);
    const page = part(bytes, reader.offset, header.compressed_page_size);
    reader.offset += page.length;
    if (header.dictionary_page_header !== undefined) {
      const content = decompress(page, chunk.codec, header.uncompressed_page_size);
      dictionary = plainValues(content, header.dictionary_page_header.num_values);
      continue;
    }
    const room = chunk.rows - values.length;
    for (const value of dataPage(page, header, { ...chunk, room, dictionary })) values.push(value);
  }
  return values;
}

interface PageContext extends ColumnChunk {
  /** Rows that are still without a value. */
  readonly room: number;
  readonly dictionary: readonly Uint8Array[];
}

function dataPage(page: Uint8Array, header: PageHeader, context: PageContext): (Uint8Array | undefined)[] {
  const { levels, content, count, encoding } = openPage(page, header, context);
  const present =
    levels === undefined ? count : levels.filter((level) => level === context.nullableLevels).length;
  const values = encodedValues(content, { encoding, count: present, dictionary: context.dictionary });
  if (levels === undefined) return values;
  let next = 0;
  return Array.from(levels, (level) => (level === context.nullableLevels ? values[next++] : undefined));
}

interface OpenPage {
  readonly count: number;
  readonly encoding: string;
  /** How far down each row has a value; undefined where every row has one. */
  readonly levels: Uint32Array | undefined;
  /** The values, decompressed. */
  readonly content: Uint8Array;
}

function openPage(page: Uint8Array, header: PageHeader, context: PageContext): OpenPage {
  const { data_page_header: v1, data_page_header_v2: v2, uncompressed_page_size: size } = header;
  const { num_values: count, encoding } = v1 ?? v2 ?? {};
  if (count === undefined || encoding === undefined) throw new Error(`a page of type ${header.type}`);
  if (!(count >= 0 && count <= context.room))
    throw new Error(`a page of ${count} values for ${context.room} rows`);
  const width = 32 - Math.clz32(context.nullableLevels);
  if (v2 !== undefined) {
    const repetition = part(page, 0, v2.repetition_levels_byte_length).length;
    const definition = part(page, repetition, v2.definition_levels_byte_length);
    const rest = page.subarray(repetition + definition.length);
    const codec = v2.is_compressed === false ? "UNCOMPRESSED" : context.codec;
    const content = decompress(rest, codec, size - repetition - definition.length);
    const levels = width === 0 ? undefined : readRuns(definition, { width, count });
    return { count, encoding, levels, content };
  }
  const content = decompress(page, context.codec, size);
  if (width === 0) return { count, encoding, levels: undefined, content };
  const definition = part(content, 4, uint32(content, 0));
  return {
    count,
    encoding,
    levels: readRuns(definition, { width, count }),
    content: content.subarray(4 + definition.length),
  };
}

function encodedValues(
  content: Uint8Array,
  { encoding, count, dictionary }: { encoding: string; count: number; dictionary: readonly Uint8Array[] },
): (Uint8Array | undefined)[] {
  if (encoding === "PLAIN") return plainValues(content, count);
  if (encoding !== "PLAIN_DICTIONARY" && encoding !== "RLE_DICTIONARY") {
    throw new Error(`values encoded as ${encoding} (known: PLAIN, RLE_DICTIONARY)`);
  }
  if (count === 0) return [];
  const [width = 0] = part(content, 0, 1);
  return Array.from(readRuns(content.subarray(1), { width, count }), (index) => {
    const value = dictionary[index];
    if (value === undefined) throw new Error(`value ${index} of a dictionary of ${dictionary.length}`);
    return value;
  });
}

/** Each with its length before it. */
function plainValues(content: Uint8Array, count: number): Uint8Array[] {
  const values: Uint8Array[] = [];
  let at = 0;
  for (let i = 0; i < count; i++) {
    const value = part(content, at + 4, uint32(content, at));
    at += 4 + value.length;
    values.push(value);
  }
  return values;
}

/** How a page of one compression becomes its `length` bytes again; no more is allocated than the input can hold. */
type Decompressor = (input: Uint8Array, length: number) => Uint8Array;

const decompressors: Readonly<Record<string, Decompressor>> = {
  UNCOMPRESSED: (input) => input,
  SNAPPY(input, length) {
    // The densest element is a copy of 64 bytes in 3.
    if (!(length >= 0 && length <= 64 + 22 * input.length)) throw new Error(`a page of ${length} bytes`);
    const output = new Uint8Array(length);
    snappyUncompress(input, output);
    return output;
  },
  GZIP: limited(zlib.gunzipSync),
  BROTLI: limited(zlib.brotliDecompressSync),
  ...zstandard(),
};

/** Compressions that can be undone, by Parquet's names. */
export const parquetCodecs: readonly string[] = Object.keys(decompressors);

function limited(
  undo: (input: Uint8Array, options: { maxOutputLength: number }) => Uint8Array,
): Decompressor {
  return (input, length) => undo(input, { maxOutputLength: Math.max(1, length) });
}

/** From Node 22.15 on. */
function zstandard(): Record<string, Decompressor> {
  const { zstdDecompressSync } = zlib as { zstdDecompressSync?: typeof zlib.gunzipSync };
  return zstdDecompressSync === undefined ? {} : { ZSTD: limited(zstdDecompressSync) };
}

function decompress(input: Uint8Array, codec: string, length: number): Uint8Array {
  const content = decompressors[codec]?.(input, length);
  if (content?.length !== length) throw new Error(`a page of ${content?.length} bytes instead of ${length}`);
  return content;
}

function part(bytes: Uint8Array, start: number, length: number): Uint8Array {
  if (!(length >= 0 && start + length <= bytes.length)) {
    throw new Error(`${length} bytes where ${Math.max(0, bytes.length - start)} are left`);
  }
  return bytes.subarray(start, start + length);
}

function uint32(bytes: Uint8Array, at: number): number {
  const field = part(bytes, at, 4);
  return new DataView(field.buffer, field.byteOffset, 4).getUint32(0, true);
}
