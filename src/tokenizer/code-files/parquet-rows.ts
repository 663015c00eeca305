import {
  type ColumnMetaData,
  type FileMetaData,
  type PageHeader,
  parquetSchema as parquetTree,
  type RowGroup,
  type SchemaTree,
} from "hyparquet";
import { parquetHeader, readColumn } from "hyparquet/src/column.js";
import { DEFAULT_PARSERS } from "hyparquet/src/convert.js";
import { getMaxDefinitionLevel, getMaxRepetitionLevel, getTreePath } from "hyparquet/src/schema.js";
import { checkChunkRuns } from "../../data/index.js";
import { type BoundedReader, decompressPage, parquetCodecs } from "../../files/index.js";
import { columnNames } from "./parquet-schema.js";

/** Values of a column in one row group. Our own groups have half a million; no real ones come near this. */
const MAX_VALUES = 2 ** 25;

/**
 * The rows of a group, as objects by column. The columns are read one after another from the group's bytes: the
 * library's own way reads them at once, and leaves the errors of some to nobody when another one fails first.
 *
 * @throws VqkitError("format" | "file"); what the library says of damaged pages
 */
export async function readRows(
  reader: BoundedReader,
  metadata: FileMetaData,
  group: RowGroup,
): Promise<readonly unknown[]> {
  const rows = Number(group.num_rows);
  if (!(rows >= 0 && rows <= MAX_VALUES)) throw new Error(`expected at most ${MAX_VALUES} rows, got ${rows}`);
  const tree = parquetTree(metadata);
  const read = new Map<string, ArrayLike<unknown>>();
  for (const { meta_data: meta } of group.columns) {
    if (meta === undefined) throw new Error("expected metadata of every column, got a column without");
    const name = meta.path_in_schema[0] ?? "";
    if (!columnNames.includes(name)) continue;
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
