/**
 * Format `parquet`: one table, a row an entry, for Hugging Face datasets, pyarrow, DuckDB and the like.
 *
 *     codes.parquet       name, width, height, grid_height, grid_width, codebooks, indices (list of int32), tile_…
 */
import { join } from "node:path";
import type { FileMetaData, RowGroup } from "hyparquet";
import { ByteWriter, type ColumnSource, ParquetWriter } from "hyparquet-writer";
import { z } from "zod";
import { parseConfig } from "../../core/config.js";
import { VqkitError } from "../../core/errors.js";
import { fieldsOf } from "../../core/objects.js";
import { formatError, parseJson, withReader } from "../../files/index.js";
import type { Codes, IndexArray, TilePlace } from "../codes.js";
import {
  asFormatError,
  type CodeContents,
  checkGrids,
  checkSameContents,
  contentsSchema,
  contentsSchema2,
} from "./contents.js";
import { type EntryCodes, entriesOf, type ImageExtras, imageExtras, indicesFrom } from "./entry.js";
import type { Format, FormatContext, FormatReader, FormatWriter } from "./format.js";
import {
  checkColumns,
  damaged,
  extraColumns,
  parquetSchema,
  readMetadata,
  readRows,
  tileColumns,
} from "./parquet-table.js";

const FILE = "codes.parquet";
/** The manifest, as JSON, stands under this key of the file's key-value metadata. */
const CONTENTS_KEY = "vqkit";
/** What the end of the file needs to know of each row group, a line each. */
const GROUPS_FILE = `${FILE}.scratch`;
/** A row group ends with the entry that reaches one of these, wherever it stands in its batch. */
const GROUP_INDICES = 2 ** 19;
const GROUP_ROWS = 1000;
/** A Parquet file begins and ends with it. */
const MAGIC = Buffer.from("PAR1");

export const parquetFormat: Format = {
  isFile: (name) => name === FILE,
  usesTokens: false,
  writer: (context) => new TableWriter(context),
  reader: async (dir, contents) => {
    const path = join(dir, FILE);
    const reader = await ParquetReader.open(path);
    checkSameContents(path, { found: reader.contents, expected: contents });
    return reader;
  },
  standalone: {
    called: "Parquet",
    isOne: (start) => MAGIC.equals(start.subarray(0, MAGIC.length)),
    open: (path) => ParquetReader.open(path),
  },
};

class TableWriter implements FormatWriter {
  readonly #context: FormatContext;
  /** Of the row group that is being collected. */
  #rows: EntryCodes[] = [];
  #indices = 0;

  constructor(context: FormatContext) {
    const { codebookSize } = context.kind;
    if (codebookSize > 2 ** 31) {
      const message = `parquet: expected a codebook of at most 2^31 codes, got ${codebookSize}.`;
      throw new VqkitError("codes", message);
    }
    this.#context = context;
  }

  get pending(): number {
    return this.#rows.length;
  }

  async add(codes: Codes): Promise<void> {
    // Not a view of memory that the caller may use again.
    const own = { ...codes, indices: codes.indices.slice() };
    for (const entry of entriesOf(own)) {
      this.#rows.push(entry);
      this.#indices += entry.indices.length;
      if (this.#rows.length >= GROUP_ROWS || this.#indices >= GROUP_INDICES) await this.#writeGroup();
    }
  }

  async complete(contents: Omit<CodeContents, "files">): Promise<string[]> {
    if (this.#rows.length > 0) await this.#writeGroup();
    const { files } = this.#context;
    const notes = await files.read(GROUPS_FILE, 0, files.length(GROUPS_FILE));
    const groups = Buffer.from(notes.buffer).toString().trimEnd().split("\n").map(parseGroup);
    const parquet = this.#writerAt(files.length(FILE), [
      { key: CONTENTS_KEY, value: JSON.stringify({ layout: "parquet", ...contents, files: [] }) },
    ]);
    parquet.row_groups = groups;
    parquet.num_rows = groups.reduce((sum, group) => sum + group.num_rows, 0n);
    await parquet.finish();
    await files.append(FILE, written(parquet));
    return [FILE];
  }

  async #writeGroup(): Promise<void> {
    const { files, kind, settings } = this.#context;
    const rows = this.#rows;
    if (files.length(FILE) === 0) await files.append(FILE, MAGIC);
    const parquet = this.#writerAt(files.length(FILE));
    const columnData = columnsOf(rows, kind.numCodebooks, imageExtras(settings));
    await parquet.write({ columnData, rowGroupSize: rows.length });
    await files.append(FILE, written(parquet));
    await files.append(GROUPS_FILE, Buffer.from(`${formatGroup(parquet.row_groups[0] as RowGroup)}\n`));
    this.#rows = [];
    this.#indices = 0;
  }

  /** A writer into memory whose bytes will stand at `offset` of the file. */
  #writerAt(offset: number, kvMetadata: { key: string; value: string }[] = []): ParquetWriter {
    const writer = new ByteWriter();
    const schema = parquetSchema(imageExtras(this.#context.settings));
    const parquet = new ParquetWriter({ writer, schema, statistics: false, createdBy: "vqkit", kvMetadata });
    writer.offset = offset; // behind the magic that the constructor wrote, which `written` leaves out
    return parquet;
  }
}

function written({ writer }: ParquetWriter): Uint8Array {
  return writer.getBytes().subarray(MAGIC.length);
}

function columnsOf(
  entries: readonly EntryCodes[],
  numCodebooks: number,
  extras: ImageExtras,
): ColumnSource[] {
  const column = (name: string, value: (entry: EntryCodes) => unknown): ColumnSource => ({
    name,
    data: entries.map(value),
    offsetIndex: false,
  });
  return [
    column("name", ({ image }) => image.name),
    column("width", ({ image }) => image.width),
    column("height", ({ image }) => image.height),
    column("grid_height", ({ gridHeight }) => gridHeight),
    column("grid_width", ({ gridWidth }) => gridWidth),
    column("codebooks", () => numCodebooks),
    column("indices", ({ indices }) => Array.from(indices)),
    ...Object.entries(tileColumns).map(([name, field]) =>
      column(name, ({ image }) => image.tile?.[field] ?? null),
    ),
    ...extraColumns
      .filter((name) => extras[name])
      .map((name) => column(name, ({ image }) => image[name] ?? null)),
  ];
}

/** Row groups hold integers of 64 bits, which JSON does not know: they are written as "17n". */
function formatGroup(group: RowGroup): string {
  return JSON.stringify(group, (_, value: unknown) => (typeof value === "bigint" ? `${value}n` : value));
}

function parseGroup(line: string): RowGroup {
  return JSON.parse(line, (_, value: unknown) =>
    typeof value === "string" && /^\d+n$/.test(value) ? BigInt(value.slice(0, -1)) : value,
  ) as RowGroup; // as `formatGroup` wrote it
}

const whole = z.int().min(1);
const place = z.int().min(0).nullable();
const rowSchema = z.object({
  name: z.string().min(1),
  width: whole,
  height: whole,
  grid_height: whole,
  grid_width: whole,
  codebooks: whole,
  // Thousands of numbers are checked faster by hand.
  indices: z.custom<ArrayLike<number>>(
    (value) => Array.isArray(value) || ArrayBuffer.isView(value),
    "expected a list",
  ),
  tile_top: place,
  tile_left: place,
  tile_image_height: place,
  tile_image_width: place,
  tile_overlap: place,
  label: place.default(null),
  view: place.default(null),
});
type Row = z.output<typeof rowSchema>;

interface Group {
  readonly rows: number;
  /** Number of its first row. */
  readonly start: number;
  readonly group: RowGroup;
}

/** Reads a table of codes row group by row group, in memory bounded by one of them. */
class ParquetReader implements FormatReader {
  /** As those of a folder; the file says all of it itself. */
  readonly contents: CodeContents;
  readonly #path: string;
  readonly #metadata: FileMetaData;
  readonly #groups: readonly Group[];
  /** The row group that was read last, for neighbours in `entry`. */
  #last: { readonly group: Group; readonly rows: readonly unknown[] } | undefined;

  private constructor(path: string, metadata: FileMetaData, contents: CodeContents) {
    this.#path = path;
    this.#metadata = metadata;
    this.contents = contents;
    let start = 0;
    this.#groups = metadata.row_groups.map((group) => {
      const rows = Number(group.num_rows);
      start += rows;
      return { rows, start: start - rows, group };
    });
  }

  /** @throws VqkitError("format") for a file that is no Parquet or has no codes of ours; VqkitError("file") */
  static async open(path: string): Promise<ParquetReader> {
    return withReader(path, async (reader) => {
      const metadata = await readMetadata(reader);
      const text = metadata.key_value_metadata?.find(({ key }) => key === CONTENTS_KEY)?.value;
      if (text === undefined) {
        throw formatError(
          path,
          `expected the key "${CONTENTS_KEY}" in the metadata, got a table without it. It has no codes, or was written anew by a program that drops it.`,
        );
      }
      checkColumns(metadata, path);
      const contents = parseContents(text, path);
      if (metadata.num_rows !== BigInt(contents.entries)) {
        throw formatError(
          path,
          `expected ${contents.entries} rows as its metadata say, got ${metadata.num_rows}. Rows were added or removed.`,
        );
      }
      return new ParquetReader(path, metadata, contents);
    });
  }

  async *entries(): AsyncGenerator<EntryCodes, void, undefined> {
    for (const group of this.#groups) {
      for (const [i, row] of (await this.#read(group)).entries()) yield this.#parse(row, group.start + i);
    }
  }

  async entry(index: number): Promise<EntryCodes> {
    const group = this.#groups.find(({ start, rows }) => index >= start && index < start + rows);
    if (group === undefined) throw formatError(this.#path, `expected a row ${index}, got fewer rows.`);
    if (this.#last?.group !== group) this.#last = { group, rows: await this.#read(group) };
    return this.#parse(this.#last.rows[index - group.start], index);
  }

  async #read({ group, start, rows }: Group): Promise<readonly unknown[]> {
    return withReader(this.#path, async (reader) => {
      try {
        const extras = imageExtras(this.contents.settings);
        return await readRows(reader, this.#metadata, { group, extras });
      } catch (error) {
        throw damaged(`${this.#path} rows ${start}..${start + rows - 1}`, error);
      }
    });
  }

  #parse(value: unknown, index: number): EntryCodes {
    try {
      const row = parseConfig(rowSchema, value, "");
      const { grid_height: gridHeight, grid_width: gridWidth } = row;
      return { image: imageOf(row), gridHeight, gridWidth, indices: this.#indices(row) };
    } catch (error) {
      throw asFormatError(error, `${this.#path} row ${index}`);
    }
  }

  #indices({ name, grid_height, grid_width, codebooks, indices: values }: Row): IndexArray {
    const { codebookSize, numCodebooks } = this.contents;
    if (codebooks !== numCodebooks || values.length !== grid_height * grid_width * codebooks) {
      throw formatError(
        `image ${JSON.stringify(name)}`,
        `expected ${grid_height}×${grid_width}×${numCodebooks} indices, got ${values.length} of ${codebooks} codebooks.`,
      );
    }
    return indicesFrom(values, { name, gridWidth: grid_width, codebookSize, numCodebooks });
  }
}

function imageOf(row: Row): EntryCodes["image"] {
  const { name, width, height, label, view } = row;
  const image = {
    ...{ name, width, height },
    ...(label === null ? {} : { label }),
    ...(view === null ? {} : { view }),
  };
  const values = Object.entries(tileColumns).map(
    ([column, field]) => [field, row[column as keyof typeof tileColumns]] as const,
  );
  if (values.every(([, value]) => value === null)) return image;
  if (values.some(([, value]) => value === null)) {
    throw formatError(`image ${JSON.stringify(name)}`, "expected all columns of a tile's place, got some.");
  }
  return { ...image, tile: Object.fromEntries(values) as unknown as TilePlace };
}

/** What the metadata say: a manifest without a version. Version 2 of it said `images` for `entries`. */
function parseContents(text: string, path: string): CodeContents {
  try {
    const fields = parseJson(Buffer.from(text), "JSON");
    const schema = "images" in fieldsOf(fields) ? contentsSchema2 : contentsSchema;
    const contents = parseConfig(schema, fields, "");
    checkGrids(contents);
    return { ...contents, files: [] };
  } catch (error) {
    throw asFormatError(error, `${path} metadata`);
  }
}
