import { open, stat } from "node:fs/promises";
import { type AsyncBuffer, type ColumnMetaData, type FileMetaData, parquetMetadataAsync } from "hyparquet";
import { messageOf } from "../../core/errors.js";
import { ImageError } from "../decode.js";
import { type ImageColumn, imageColumn } from "./parquet-columns.js";
import { parquetCodecs, readByteArrays } from "./parquet-pages.js";
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
  for (const group of opened.groups) {
    // Read once, by whichever of its rows comes first.
    let values: Promise<readonly (Uint8Array | undefined)[]> | undefined;
    for (let i = 0; i < group.rows; i++) {
      const row = start + i;
      const where = `${path} row ${row} (${opened.column.name})`;
      const source = async (): Promise<Uint8Array> => {
        values ??= readGroup(opened, group);
        const bytes = (await values.catch((error: unknown) => raise(where, messageOf(error), error)))[i];
        return bytes ?? raise(where, "no bytes");
      };
      yield { name: `${name}/${row}`, where, source };
    }
    start += group.rows;
    onRead?.(Math.floor((opened.file.byteLength * start) / opened.rows));
  }
  if (start === 0) yield brokenItem(name, "a Parquet file without rows", { where: path });
}

interface RowGroup {
  readonly rows: number;
  readonly chunk: ColumnMetaData;
}

interface OpenParquet {
  readonly file: AsyncBuffer;
  readonly column: ImageColumn;
  readonly rows: number;
  readonly groups: readonly RowGroup[];
}

async function openParquet(
  path: string,
  wanted: string | undefined,
): Promise<OpenParquet | { problem: string; cause?: unknown }> {
  try {
    const file = await openFile(path);
    if (file.byteLength === 0) return { problem: "an empty file" };
    const metadata = await parquetMetadataAsync(file, { geoparquet: false });
    const column = imageColumn(metadata, wanted);
    if ("problem" in column) return column;
    const groups = metadata.row_groups.map((group) => rowGroup(group, column, file.byteLength));
    const all = groups.reduce((sum, { rows }) => sum + rows, 0);
    return { file, column, groups, rows: rowCount(all, file.byteLength) };
  } catch (error) {
    return { problem: `a file that cannot be read as Parquet (${reasonOf(error)})`, cause: error };
  }
}

function rowGroup(group: FileMetaData["row_groups"][number], column: ImageColumn, bytes: number): RowGroup {
  const path = column.path.join(".");
  const chunk = group.columns.find(
    ({ meta_data }) => meta_data?.path_in_schema.join(".") === path,
  )?.meta_data;
  if (chunk === undefined) throw new Error(`a row group without ${path}`);
  if (!parquetCodecs.includes(chunk.codec)) {
    throw new Error(`pages compressed with ${chunk.codec}; known: ${parquetCodecs.join(", ")}`);
  }
  return { rows: rowCount(group.num_rows, bytes), chunk };
}

/** No file has more rows than bytes; a damaged one may say so. */
function rowCount(claimed: bigint | number, bytes: number): number {
  if (!(claimed >= 0 && claimed <= bytes)) throw new Error(`${claimed} rows in ${bytes} bytes`); // also none stated
  return Number(claimed);
}

/** The bytes of the image column in one row group. */
async function readGroup(
  { file, column }: OpenParquet,
  { rows, chunk }: RowGroup,
): Promise<readonly (Uint8Array | undefined)[]> {
  const { codec, data_page_offset, dictionary_page_offset, total_compressed_size } = chunk;
  try {
    const start = Number(dictionary_page_offset || data_page_offset);
    const end = start + Number(total_compressed_size);
    if (!(start >= 0 && start <= end && end <= file.byteLength))
      throw new Error("pages beyond the end of the file");
    const bytes = new Uint8Array(await file.slice(start, end));
    return readByteArrays(bytes, { rows, codec, nullableLevels: column.nullableLevels });
  } catch (error) {
    throw new Error(`a row group that cannot be read (${reasonOf(error)})`, { cause: error });
  }
}

function raise(where: string, reason: string, cause?: unknown): never {
  throw new ImageError(where, reason, { cause });
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

function reasonOf(error: unknown): string {
  return messageOf(error).trim().replace(/\.$/, "");
}
