import { open, stat } from "node:fs/promises";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import {
  type AsyncBuffer,
  type CompressionCodec,
  type Compressors,
  type FileMetaData,
  parquetMetadataAsync,
  parquetReadObjects,
  snappyUncompress,
} from "hyparquet";
import { messageOf } from "../../core/errors.js";
import { ImageError } from "../decode.js";
import { imageColumn } from "./parquet-columns.js";
import { brokenItem, type SourceItem } from "./source-item.js";
import type { ShardFile } from "./tar-shard.js";

export interface ParquetOptions extends ShardFile {
  /** The column that holds the images; where absent it is found out. */
  readonly column?: string;
}

/**
 * The images of a Parquet file, row by row, called `file.parquet/ROW` with rows counted from 0.
 *
 * A row group is read when the first of its images is asked for, so that one or two of them are in memory, and rows that
 * are passed over cost nothing. A file without an image column, or that is no Parquet file, is one broken item; a row
 * without bytes is one, and so is each row of a row group that cannot be read.
 */
export async function* parquetItems(options: ParquetOptions): AsyncGenerator<SourceItem, void, undefined> {
  const { path, name, column: wanted, onRead } = options;
  const opened = await openParquet(path, wanted);
  if ("problem" in opened) {
    yield brokenItem(name, opened.problem, { where: path, cause: opened.cause });
    return;
  }
  let start = 0;
  for (const { rows, columns } of opened.groups) {
    const group = { start, rows, codec: columns.codec };
    // Read once, by whichever of its rows comes first.
    let values: Promise<readonly unknown[]> | undefined;
    for (let i = 0; i < rows; i++) {
      const row = start + i;
      const where = `${path} row ${row} (${opened.column})`;
      const source = async (): Promise<Uint8Array> => {
        values ??= readGroup(opened, group);
        return imageBytes((await values.catch((error: unknown) => raise(where, error)))[i], where);
      };
      yield { name: `${name}/${row}`, where, source };
    }
    start += rows;
    onRead?.(Math.floor((opened.file.byteLength * start) / opened.rows));
  }
  if (start === 0) yield brokenItem(name, "a Parquet file without rows", { where: path });
}

interface OpenParquet {
  readonly file: AsyncBuffer;
  readonly metadata: FileMetaData;
  readonly column: string;
  readonly rows: number;
  readonly groups: readonly {
    readonly rows: number;
    readonly columns: { readonly codec: CompressionCodec };
  }[];
}

async function openParquet(
  path: string,
  wanted: string | undefined,
): Promise<OpenParquet | { problem: string; cause?: unknown }> {
  try {
    const file = await openFile(path);
    if (file.byteLength === 0) return { problem: "an empty file" };
    const metadata = await parquetMetadataAsync(file, { geoparquet: false });
    const chosen = imageColumn(metadata, wanted);
    if ("problem" in chosen) return chosen;
    const column = chosen.name;
    const groups = metadata.row_groups.map((group) => {
      const chunk = group.columns.find(({ meta_data }) => meta_data?.path_in_schema[0] === column)?.meta_data;
      if (chunk === undefined) throw new Error(`a row group without the column "${column}"`);
      return { rows: rowCount(group.num_rows, file.byteLength), columns: chunk };
    });
    const rows = rowCount(
      groups.reduce((sum, group) => sum + group.rows, 0),
      file.byteLength,
    );
    return { file, metadata, column, rows, groups };
  } catch (error) {
    return { problem: `a file that cannot be read as Parquet (${reasonOf(error)})`, cause: error };
  }
}

/** No file has more rows than bytes; a damaged one may say so. */
function rowCount(claimed: bigint | number, bytes: number): number {
  if (claimed < 0 || claimed > bytes) throw new Error(`${claimed} rows in ${bytes} bytes`);
  return Number(claimed);
}

/** The values of the image column in one row group. */
async function readGroup(
  { file, metadata, column }: OpenParquet,
  { start, rows, codec }: { readonly start: number; readonly rows: number; readonly codec: CompressionCodec },
): Promise<readonly unknown[]> {
  if (codec !== "UNCOMPRESSED" && compressors[codec] === undefined) {
    const known = Object.keys(compressors).join(", ");
    throw new Error(`a Parquet file compressed with ${codec} (known: ${known}, or none)`);
  }
  try {
    const columns = [column];
    const range = { rowStart: start, rowEnd: start + rows };
    // Bytes are not to be taken for text.
    const read = await parquetReadObjects({ file, metadata, columns, ...range, utf8: false, compressors });
    return read.map((row) => row[column] as unknown);
  } catch (error) {
    throw new Error(`a damaged row group (${reasonOf(error)})`, { cause: error });
  }
}

function imageBytes(value: unknown, where: string): Uint8Array {
  const isStruct = typeof value === "object" && value !== null && !(value instanceof Uint8Array);
  const { bytes, path } = isStruct ? (value as { bytes?: unknown; path?: unknown }) : { bytes: value };
  if (bytes instanceof Uint8Array) return bytes;
  throw new ImageError(where, typeof path === "string" ? `a path without bytes (${path})` : "no value");
}

function raise(where: string, error: unknown): never {
  throw new ImageError(where, messageOf(error), { cause: error });
}

/** Reads of a file whose ends lie within what is really there. */
async function openFile(path: string): Promise<AsyncBuffer> {
  const { size } = await stat(path);
  return {
    byteLength: size,
    async slice(start, end = size) {
      const from = Math.min(Math.max(start, 0), size);
      const content = new ArrayBuffer(Math.max(0, Math.min(end, size) - from));
      const file = await open(path, "r");
      try {
        const { bytesRead } = await file.read(new Uint8Array(content), 0, content.byteLength, from);
        if (bytesRead !== content.byteLength) throw new Error("the file is shorter than when it was opened");
        return content;
      } finally {
        await file.close();
      }
    },
  };
}

/** Decompression of pages; no more is allocated than the input can hold. */
const compressors: Compressors = {
  SNAPPY(input, length) {
    // The densest element is a copy of 64 bytes in 3.
    if (length > 64 + 22 * input.length) throw new Error(`a page of ${length} bytes in ${input.length}`);
    const output = new Uint8Array(length);
    snappyUncompress(input, output);
    return output;
  },
  GZIP: (input, length) => gunzipSync(input, { maxOutputLength: Math.max(1, length) }),
  BROTLI: (input, length) => brotliDecompressSync(input, { maxOutputLength: Math.max(1, length) }),
};

function reasonOf(error: unknown): string {
  return messageOf(error).trim().replace(/\.$/, "");
}
