import { stat } from "node:fs/promises";
import { type AsyncBuffer, type ColumnMetaData, type FileMetaData, parquetMetadataAsync } from "hyparquet";
import { messageOf } from "../../core/errors.js";
import { parquetCodecs } from "../../files/index.js";
import { ImageError } from "../decode.js";
import type { ImageSource, SourceItem } from "../image-source.js";
import { bytesOfFile } from "./byte-source.js";
import { fileBeside } from "./file-beside.js";
import { ColumnChunk } from "./parquet-chunk.js";
import { type ColumnLeaf, type ImageColumn, imageColumn } from "./parquet-columns.js";
import { brokenItem } from "./source-item.js";
import type { ShardFile } from "./tar-images.js";

export interface ParquetOptions extends ShardFile {
  /** The column that holds the images; where absent it is found out. */
  readonly column?: string;
  /** This one of its row groups alone, from 0. */
  readonly group?: number;
}

/**
 * The images of a Parquet file, row by row, called `file.parquet/ROW`, or `file.parquet/ROW/IMAGE` where each row has a
 * list of them, both counted from 0.
 *
 * Pages are read one after another when the first of their images is asked for, so that one of them is in memory, and rows
 * that are skipped cost nothing; for lists, pages are read as their turn comes. A row without bytes is the file beside
 * the Parquet file that its path names. A file without an image column, or that is no Parquet file, is one broken item; a
 * row without bytes and such a file is one, and so is each row of a page that cannot be read.
 */
export async function* parquetItems(options: ParquetOptions): AsyncGenerator<SourceItem, void, undefined> {
  const { path, name, column: wanted, group: only, onRead, onLeftOut } = options;
  const opened = await openParquet(path, wanted);
  if ("problem" in opened) {
    yield brokenItem(name, opened.problem, { where: path, cause: opened.cause });
    return;
  }
  let withoutImages = 0;
  const onRow = (row: number): void => onRead?.(Math.floor((opened.size * row) / opened.rows));
  let start = 0;
  for (const [i, group] of opened.groups.entries()) {
    const place = { ...opened, group, start, name, onRow, onEmpty: () => void withoutImages++ };
    if (only === undefined || i === only) yield* opened.column.isList ? listItems(place) : rowItems(place);
    start += group.rows;
    onRow(start);
  }
  if (withoutImages > 0) onLeftOut?.({ file: path, what: "rows without images", count: withoutImages });
  if (start === 0) yield brokenItem(name, "a Parquet file without rows", { where: path });
}

/**
 * How many rows each row group of a Parquet file has; none for a file that cannot be read, which its items tell.
 *
 * @param column as in `parquetItems`
 */
export async function parquetGroups(
  path: string,
  column: string | undefined,
): Promise<readonly { readonly rows: number; readonly isExact: boolean }[]> {
  const opened = await openParquet(path, column);
  if ("problem" in opened) return [];
  return opened.groups.map(({ rows }) => ({ rows, isExact: !opened.column.isList }));
}

/** A file and its image column. */
export interface OpenParquet {
  readonly path: string;
  readonly size: number;
  readonly column: ImageColumn;
  readonly rows: number;
  readonly groups: readonly RowGroup[];
}

export interface RowGroup {
  readonly rows: number;
  /** Opened when they are first read. */
  readonly bytes: Chunk | undefined;
  readonly paths: Chunk | undefined;
}

interface Chunk {
  readonly meta: ColumnMetaData;
  readonly leaf: ColumnLeaf;
}

export async function openParquet(
  path: string,
  wanted: string | undefined,
): Promise<OpenParquet | { problem: string; cause?: unknown }> {
  try {
    const { size } = await stat(path);
    if (size === 0) return { problem: "an empty file" };
    const metadata = await parquetMetadataAsync(asyncBuffer(path, size), { geoparquet: false });
    const column = imageColumn(metadata, wanted);
    if ("problem" in column) return column;
    const groups = metadata.row_groups.map((group) => rowGroup(group, column));
    const rows = rowCount(groups.reduce((sum, group) => sum + group.rows, 0));
    const opened = { path, size, column, groups, rows };
    await checkRows(opened, metadata);
    return opened;
  } catch (error) {
    return { problem: `a file that cannot be read as Parquet (${reasonOf(error)})`, cause: error };
  }
}

function asyncBuffer(path: string, size: number): AsyncBuffer {
  const bytes = bytesOfFile(path, 0, size);
  return {
    byteLength: size,
    slice: async (start, end = size) => {
      const from = Math.min(Math.max(start, 0), size);
      const part = await bytes.read(from, Math.max(0, Math.min(end, size) - from));
      return part.slice().buffer as ArrayBuffer;
    },
  };
}

function rowGroup(group: FileMetaData["row_groups"][number], column: ImageColumn): RowGroup {
  const chunk = (leaf: ColumnLeaf): Chunk => {
    const path = leaf.path.join(".");
    const meta = group.columns.find(
      ({ meta_data }) => meta_data?.path_in_schema.join(".") === path,
    )?.meta_data;
    if (meta === undefined) throw new Error(`a row group without ${path}`);
    if (!parquetCodecs.includes(meta.codec)) {
      throw new Error(`pages compressed with ${meta.codec}; known: ${parquetCodecs.join(", ")}`);
    }
    const rows = rowCount(group.num_rows);
    const entries = rowCount(meta.num_values);
    const fits = column.isList ? entries >= rows : entries === rows;
    if (!fits) throw new Error(`a row group of ${rows} rows with ${entries} values of ${path}`);
    return { meta, leaf };
  };
  return {
    rows: rowCount(group.num_rows),
    bytes: column.bytes === undefined ? undefined : chunk(column.bytes),
    paths: column.path === undefined ? undefined : chunk(column.path),
  };
}

function rowCount(claimed: bigint | number): number {
  if (!(claimed >= 0 && claimed <= Number.MAX_SAFE_INTEGER)) throw new Error(`${claimed} rows`); // also none stated
  return Number(claimed);
}

/** More rows than bytes are what a dictionary can do, and what a damaged file may claim: then the pages have to say so too. */
async function checkRows(opened: OpenParquet, metadata: FileMetaData): Promise<void> {
  if (opened.rows <= opened.size) return;
  if (rowCount(metadata.num_rows) !== opened.rows) {
    throw new Error(`${metadata.num_rows} rows, of which ${opened.rows} in its row groups`);
  }
  for (const { bytes, paths } of opened.groups) {
    const chunk = bytes ?? paths;
    if (chunk !== undefined) await new ColumnChunk(opened, chunk.meta, chunk.leaf).checkEntries();
  }
}

/** A row group of a file. */
export interface GroupPlace extends OpenParquet {
  readonly group: RowGroup;
  /** Number of its first row. */
  readonly start: number;
}

/** A row group, and what its items need. */
interface NamedGroup extends GroupPlace {
  readonly name: string;
  readonly onRow: (row: number) => void;
  /** Told of each row whose list is empty or null. */
  readonly onEmpty: () => void;
}

function* rowItems(place: NamedGroup): Generator<SourceItem, void, undefined> {
  const { group, start, name, onRow } = place;
  const images = new GroupImages(place);
  for (let i = 0; i < group.rows; i++) {
    const row = start + i;
    const where = rowPlace(place, row);
    yield { name: `${name}/${row}`, where, source: () => images.load(i, where) };
    onRow(row + 1);
  }
}

async function* listItems(place: NamedGroup): AsyncGenerator<SourceItem, void, undefined> {
  const images = new GroupImages(place);
  for await (const found of listEntries(place)) {
    if ("source" in found) yield found;
    else {
      const { row, image, entry } = found;
      const where = rowPlace(place, row, image);
      yield { name: `${place.name}/${row}/${image}`, where, source: () => images.load(entry, where) };
    }
  }
}

/** What messages call an image. @param image its number in a list */
export function rowPlace({ path, column }: OpenParquet, row: number, image?: number): string {
  return `${path} row ${row}${image === undefined ? "" : ` image ${image}`} (${column.name})`;
}

/** An image of a list: the number of its row in the file, its own in the list, and that of its entry in the row group. */
export interface ListEntry {
  readonly row: number;
  readonly image: number;
  readonly entry: number;
}

/**
 * The images of the lists of a row group, and a broken item where it cannot be read to its end. Entries of lists are told
 * apart by their levels: a row begins where the repetition level is 0.
 */
export async function* listEntries(
  place: NamedGroup,
): AsyncGenerator<ListEntry | SourceItem, void, undefined> {
  const { path, column, group, start, name, onRow, onEmpty } = place;
  const leaf = group.bytes ?? group.paths;
  if (leaf === undefined || group.rows === 0) return;
  let row = start - 1;
  let image = 0;
  try {
    const chunk = new ColumnChunk(place, leaf.meta, leaf.leaf);
    for (let entry = 0; entry < chunk.entries; ) {
      const { end, levels } = await chunk.levels(entry);
      for (; entry < end; entry++) {
        if (levels.repetition(entry) === 0) {
          row++;
          image = 0;
          onRow(row);
        } else if (row < start) throw new Error("a list that begins before its row group");
        if (row >= start + group.rows) throw new Error(`more than ${group.rows} rows`);
        // What is null or empty further up than the element is a list without images.
        if (levels.definition(entry) < leaf.leaf.elementDefinition) {
          onEmpty();
          continue;
        }
        yield { row, image, entry };
        image++;
      }
    }
    if (row + 1 < start + group.rows) throw new Error(`${row + 1 - start} rows instead of ${group.rows}`);
  } catch (error) {
    const rows = `rows ${Math.max(start, row)}..${start + group.rows - 1}`;
    const reason = `a row group that cannot be read from there on (${reasonOf(error)})`;
    yield brokenItem(`${name}/${rows}`, reason, { where: `${path} ${rows} (${column.name})`, cause: error });
  }
}

/** The images of a row group by their entries: an entry's bytes, else the file that its path names. */
export class GroupImages {
  readonly #place: GroupPlace;
  /** Opened when they are first read. */
  #bytes: ColumnChunk | undefined;
  #paths: ColumnChunk | undefined;

  constructor(place: GroupPlace) {
    this.#place = place;
  }

  /** @param where what errors call it. @throws ImageError */
  async load(entry: number, where: string): Promise<ImageSource> {
    const { path, group } = this.#place;
    try {
      this.#bytes ??= this.#open(group.bytes);
      const value = await this.#bytes?.value(entry);
      if (value !== undefined) return value;
      this.#paths ??= this.#open(group.paths);
      const named = await this.#paths?.value(entry);
      if (named !== undefined) return await fileBeside(path, Buffer.from(named).toString());
    } catch (error) {
      if (error instanceof ImageError) throw error;
      throw new ImageError(where, messageOf(error), { cause: error });
    }
    throw new ImageError(where, "no bytes");
  }

  /** Leaves the pages that are in memory; nobody may be waiting for an image. */
  release(): void {
    this.#bytes?.release();
    this.#paths?.release();
  }

  #open(chunk: Chunk | undefined): ColumnChunk | undefined {
    return chunk && new ColumnChunk(this.#place, chunk.meta, chunk.leaf);
  }
}

function reasonOf(error: unknown): string {
  return messageOf(error).trim().replace(/\.$/, "");
}
