import * as zlib from "node:zlib";
import { snappyUncompress } from "hyparquet";
import { decodeHadoopLz4, decodeLz4Block } from "./lz4.js";
import { decodeZstandard } from "./zstandard.js";

/** How a page of one compression becomes its `length` bytes again; no more is allocated than the input can hold. */
type Decompressor = (input: Uint8Array, length: number) => Uint8Array;

const decompressors: Readonly<Record<string, Decompressor>> = {
  UNCOMPRESSED: (input) => input,
  SNAPPY: decodeSnappy,
  GZIP: limited(zlib.gunzipSync),
  BROTLI: limited(zlib.brotliDecompressSync),
  ZSTD: decodeZstandard,
  LZ4_RAW: decodeLz4Block,
  LZ4: decodeHadoopLz4,
};

/** Compressions that can be undone, by Parquet's names. */
export const parquetCodecs: readonly string[] = Object.keys(decompressors);

/**
 * Undoes the compression of a page.
 *
 * @param codec one of `parquetCodecs`
 * @param length bytes that the page states it has when it is whole
 * @throws Error where it has another number of them, or is damaged
 */
export function decompressPage(input: Uint8Array, codec: string, length: number): Uint8Array {
  const content = decompressors[codec]?.(input, length);
  if (content?.length !== length) throw new Error(`a page of ${content?.length} bytes instead of ${length}`);
  return content;
}

function decodeSnappy(input: Uint8Array, length: number): Uint8Array {
  // The densest element is a copy of 64 bytes in 3.
  if (!(length >= 0 && length <= 64 + 22 * input.length)) throw new Error(`a page of ${length} bytes`);
  const output = new Uint8Array(length);
  snappyUncompress(input, output);
  return output;
}

function limited(
  undo: (input: Uint8Array, options: { maxOutputLength: number }) => Uint8Array,
): Decompressor {
  return (input, length) => {
    if (!(length >= 0)) throw new Error(`a page of ${length} bytes`);
    return undo(input, { maxOutputLength: Math.max(1, length) });
  };
}
