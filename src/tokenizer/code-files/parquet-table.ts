/**
 * `codes.parquet` as a table: its columns, and its rows as they stand there. Reads what other programs make of such a table
 * too; what the rows mean is parquet.ts's.
 */
import {
  type ColumnMetaData,
  type FileMetaData,
  type PageHeader,
  parquetMetadata,
  type RowGroup,
  type SchemaElement,
  type SchemaTree,
  parquetSchema as treeOf,
} from "hyparquet";
import { parquetHeader, readColumn } from "hyparquet/src/column.js";
import { DEFAULT_PARSERS } from "hyparquet/src/convert.js";
import { getMaxDefinitionLevel, getMaxRepetitionLevel, getTreePath } from "hyparquet/src/schema.js";
import { messageOf, VqkitError } from "../../core/errors.js";
import { checkChunkRuns } from "../../data/index.js";
import { type BoundedReader, decompressPage, formatError, parquetCodecs } from "../../files/index.js";
import type { TilePlace } from "../codes.js";
import type { ImageExtras } from "./entry.js";

/** Values of a column in one row group. Our own groups have half a million; no real ones come near this. */
const MAX_VALUES = 2 ** 25;

/** Columns that are null for a whole image, and the fields of a tile's place that they hold. */
export const tileColumns = {
  tile_top: "top",
  tile_left: "left",
  tile_image_height: "imageHeight",
  tile_image_width: "imageWidth",
  tile_overlap: "overlap",
} as const satisfies Record<string, keyof TilePlace>;

/** Columns that only tables of labelled images, or of several views of an image, have. */
export const extraColumns = ["label", "view"] as const satisfies readonly (keyof ImageExtras)[];

/** All columns. Only those of tiles, labels and views may be null. */
export function parquetSchema(extras: ImageExtras): SchemaElement[] {
  const integer = (name: string): SchemaElement => ({ name, type: "INT32", repetition_type: "REQUIRED" });
  const optional = [...Object.keys(tileColumns), ...extraColumns.filter((name) => extras[name])];
  return [
    { name: "schema", num_children: 7 + optional.length },
    {
      name: "name",
      type: "BYTE_ARRAY",
      converted_type: "UTF8",
      logical_type: { type: "STRING" },
      repetition_type: "REQUIRED",
    },
    ...["width", "height", "grid_height", "grid_width", "codebooks"].map(integer),
    {
      name: "indices",
      converted_type: "LIST",
      logical_type: { type: "LIST" },
      repetition_type: "REQUIRED",
      num_children: 1,
    },
    { name: "list", repetition_type: "REPEATED", num_children: 1 },
    integer("element"),
    ...optional.map((name) => ({ ...integer(name), repetition_type: "OPTIONAL" as const })),
  ];
}

/** Columns that a table of codes has, by what they hold. */
const COLUMNS = {
  name: isText,
  ...Object.fromEntries(
    ["width", "height", "grid_height", "grid_width", "codebooks", ...Object.keys(tileColumns)].map((name) => [
      name,
      isInteger,
    ]),
  ),
  indices: isIntegerList,
} as const satisfies Record<string, (column: SchemaTree) => boolean>;

/** @throws VqkitError("format") for a table that has not the columns of codes, or that does not even say what it has */
export function checkColumns(metadata: FileMetaData, path: string): void {
  let fault: string | undefined;
  try {
    fault = columnsFault(metadata);
  } catch (error) {
    throw damaged(path, error);
  }
  if (fault !== undefined) throw formatError(path, `expected the columns of codes, got ${fault}.`);
}

/**
 * What keeps a table from being one of codes; undefined where nothing does. The columns count, not how they are written: in
 * any order, beside others, integers of 32 or 64 bits, as columns that may be null (whether a value is, its row tells),
 * lists by whatever names their parts have.
 */
function columnsFault(metadata: FileMetaData): string | undefined {
  const columns = treeOf(metadata).children;
  for (const [name, fits] of Object.entries(COLUMNS)) {
    const column = columns.find(({ element }) => element.name === name);
    if (column === undefined) return `no column "${name}"`;
    if (!fits(column)) return `a column "${name}" of another type`;
  }
  return undefined;
}

function isText({ element, children }: SchemaTree): boolean {
  const isString = element.converted_type === "UTF8" || element.logical_type?.type === "STRING";
  return children.length === 0 && element.type === "BYTE_ARRAY" && isString && !isRepeated(element);
}

function isInteger({ element, children }: SchemaTree): boolean {
  const { type, converted_type = "INT_32" } = element;
  return (
    children.length === 0 &&
    (type === "INT32" || type === "INT64") &&
    /^U?INT_/.test(converted_type) &&
    !isRepeated(element)
  );
}

function isIntegerList({ element, children: [repeated, ...others] }: SchemaTree): boolean {
  if (repeated === undefined || others.length > 0 || isRepeated(element) || !isRepeated(repeated.element))
    return false;
  const [value, ...rest] = repeated.children;
  return value !== undefined && rest.length === 0 && isInteger(value);
}

function hasInteger({ children }: SchemaTree, name: string): boolean {
  const column = children.find(({ element }) => element.name === name);
  return column !== undefined && isInteger(column);
}

function isRepeated({ repetition_type }: SchemaElement): boolean {
  return repetition_type === "REPEATED";
}

/**
 * The rows of a group, as objects by column. The columns are read one after another from the group's bytes: the
 * library's own way reads them at once, and leaves the errors of some to nobody when another one fails first.
 *
 * @param extras columns that are read too; others of these names mean something else
 * @throws VqkitError("file"); VqkitError("format"), and what the library says of damaged pages: see `damaged`
 */
export async function readRows(
  reader: BoundedReader,
  metadata: FileMetaData,
  { group, extras }: { readonly group: RowGroup; readonly extras: ImageExtras },
): Promise<readonly unknown[]> {
  const rows = Number(group.num_rows);
  if (!(rows >= 0 && rows <= MAX_VALUES)) throw new Error(`expected at most ${MAX_VALUES} rows, got ${rows}`);
  const tree = treeOf(metadata);
  const more = extraColumns.filter((name) => extras[name] && hasInteger(tree, name));
  const wanted = new Set<string>([...Object.keys(COLUMNS), ...more]);
  const read = new Map<string, ArrayLike<unknown>>();
  for (const { meta_data: meta } of group.columns) {
    if (meta === undefined) throw new Error("expected metadata of every column, got a column without");
    const name = meta.path_in_schema[0] ?? "";
    if (!wanted.has(name)) continue; // others are skipped
    if (!parquetCodecs.includes(meta.codec)) throw new Error(`pages compressed with ${meta.codec}`);
    const bytes = await columnBytes(reader, meta);
    checkPages(bytes, meta);
    const schemaPath = getTreePath(tree, meta.path_in_schema);
    // The library follows runs whatever they claim.
    await checkChunkRuns(new Uint8Array(bytes), { codec: meta.codec, leaf: leafOf(meta, schemaPath) });
    const { data } = readColumn(
      { view: new DataView(bytes), offset: 0 },
      { groupStart: 0, selectStart: 0, selectEnd: rows, groupRows: rows },
      {
        ...meta,
        pathInSchema: meta.path_in_schema,
        schemaPath,
        element: (schemaPath.at(-1) as (typeof schemaPath)[number]).element, // a path has at least the root
        parsers: DEFAULT_PARSERS,
        compressors,
      },
    );
    const values = data.flatMap((part) => Array.from(part as ArrayLike<unknown>, plainValue));
    if (values.length !== rows)
      throw new Error(`column ${name}: expected ${rows} rows, got ${values.length}`);
    read.set(name, values);
  }
  return Array.from({ length: rows }, (_, i) =>
    Object.fromEntries([...read].map(([name, values]) => [name, values[i]])),
  );
}

function leafOf({ path_in_schema }: ColumnMetaData, schemaPath: SchemaTree[]) {
  const maxRepetition = getMaxRepetitionLevel(schemaPath);
  return {
    path: path_in_schema,
    maxRepetition,
    maxDefinition: getMaxDefinitionLevel(schemaPath),
    elementDefinition: 0, // nobody asks where lists begin
  };
}

async function columnBytes(reader: BoundedReader, meta: ColumnMetaData): Promise<ArrayBuffer> {
  const start = Number(meta.dictionary_page_offset || meta.data_page_offset);
  const length = Number(meta.total_compressed_size);
  if (!(start >= 0 && length >= 0 && start + length <= reader.size)) {
    throw new Error(`column ${meta.path_in_schema.join(".")} lies outside of the file`);
  }
  return (await reader.read(start, length)).buffer;
}

/** Before anything is allocated: a page claims no more than its bytes can hold. */
function checkPages(bytes: ArrayBuffer, { num_values, path_in_schema }: ColumnMetaData): void {
  const values = Number(num_values);
  if (!(values >= 0 && values <= MAX_VALUES)) {
    throw new Error(`expected at most ${MAX_VALUES} values of a column in a row group, got ${values}`);
  }
  const pages = { view: new DataView(bytes), offset: 0 };
  while (pages.offset < bytes.byteLength) {
    const page = parquetHeader(pages);
    const { num_values: claimed = 0 } =
      page.data_page_header_v2 ?? page.data_page_header ?? page.dictionary_page_header ?? {};
    const { compressed_page_size: packed } = page;
    const fits = claimed >= 0 && claimed <= values && packed >= 0;
    if (!fits) throw new Error(`a page of column ${path_in_schema.join(".")} claims more than it can hold`);
    checkEncoding(page);
    pages.offset += packed;
  }
}

/** Encodings whose pages the library reads in time and memory that follow from their bytes and the values they may have. */
const ENCODINGS = ["PLAIN", "PLAIN_DICTIONARY", "RLE_DICTIONARY"];

function checkEncoding({ data_page_header_v2: v2, data_page_header: v1 }: PageHeader): void {
  const encoding = (v2 ?? v1)?.encoding;
  if (encoding === undefined || ENCODINGS.includes(encoding)) return;
  throw new Error(`values encoded as ${encoding} (known: ${ENCODINGS.join(", ")})`);
}

/** Held to what each can reach, before anything is allocated. */
const compressors = Object.fromEntries(
  parquetCodecs.map((codec) => [
    codec,
    (input: Uint8Array, length: number): Uint8Array => decompressPage(input, codec, length),
  ]),
);

/**
 * A value as a number, a text or a list of numbers. The library gives integers of 64 bits as such, and a list that may be
 * null within another list.
 */
function plainValue(value: unknown): unknown {
  if (typeof value === "bigint") return Number(value);
  if (value instanceof BigInt64Array || value instanceof BigUint64Array) return Array.from(value, Number);
  if (!Array.isArray(value)) return value;
  const [first] = value as unknown[];
  if (value.length === 1 && (Array.isArray(first) || ArrayBuffer.isView(first))) return plainValue(first);
  return value.some((each) => typeof each === "bigint") ? value.map(plainValue) : value;
}

/**
 * The end of the file, which says where everything else is.
 *
 * @throws VqkitError("format") for a file that is no Parquet; VqkitError("file")
 */
export async function readMetadata(reader: BoundedReader): Promise<FileMetaData> {
  const { path, size } = reader;
  if (size < 12) throw formatError(path, `expected a Parquet file, got ${size} bytes.`);
  const tail = await reader.read(size - 8, 8);
  const length = new DataView(tail.buffer).getUint32(0, true);
  if (length > size - 12) {
    throw formatError(
      path,
      "expected Parquet metadata at the end of the file, got none. The file is cut short or damaged.",
    );
  }
  try {
    return parquetMetadata(await reader.read(size - 8 - length, length + 8));
  } catch (error) {
    throw damaged(path, error);
  }
}

/** What the library says of a file is not an error of the program. */
export function damaged(where: string, error: unknown): unknown {
  if (error instanceof VqkitError) return error;
  const reason = messageOf(error).replace(/\s+/g, " "); // it may quote the file, line breaks included
  return new VqkitError("format", `${where}: expected a Parquet file that can be read (${reason}).`, {
    cause: error,
  });
}
