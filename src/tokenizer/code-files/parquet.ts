/**
 * Format `parquet`: one table, a row an entry, for Hugging Face datasets, pyarrow, DuckDB and the like.
 *
 *     codes.parquet       name, width, height, grid_height, grid_width, codebooks, indices (list of int32), tile_…
 */
import { join } from "node:path";
import type { RowGroup } from "hyparquet";
import { ByteWriter, type ColumnSource, ParquetWriter } from "hyparquet-writer";
import { VqkitError } from "../../core/errors.js";
import { type CodedImage, type Codes, sliceCodes } from "../codes.js";
import type { Layout, LayoutContext, LayoutWriter } from "./layout.js";
import type { CodeManifest } from "./manifest.js";
import { ParquetReader } from "./parquet-reader.js";
import { manifestKey, parquetSchema, tileColumns } from "./parquet-schema.js";

const FILE = "codes.parquet";
/** What the end of the file needs to know of each row group, a line each. */
const GROUPS_FILE = `${FILE}.scratch`;
/** A row group ends with the entry that reaches one of these, wherever it stands in its batch. */
const GROUP_INDICES = 2 ** 19;
const GROUP_ROWS = 1000;
/** "PAR1": a parquet file begins and ends with it. */
const MAGIC_BYTES = 4;

export const parquetLayout: Layout = {
  writer: async (context) => new ParquetLayoutWriter(context),
  reader: async (dir, manifest) => {
    const reader = await ParquetReader.open(join(dir, FILE));
    reader.checkManifest(manifest);
    return reader;
  },
};

class ParquetLayoutWriter implements LayoutWriter {
  readonly #context: LayoutContext;
  /** Codes of the row group that is being collected, one entry each. */
  #rows: Codes[] = [];
  #indices = 0;

  constructor(context: LayoutContext) {
    const { codebookSize } = context.kind;
    if (codebookSize > 2 ** 31) {
      throw new VqkitError(
        "codes",
        `parquet: expected a codebook of at most 2^31 codes, got ${codebookSize}.`,
      );
    }
    this.#context = context;
  }

  get pending(): number {
    return this.#rows.length;
  }

  async add(codes: Codes): Promise<void> {
    // Not a view of memory that the caller may use again.
    const own = { ...codes, indices: codes.indices.slice() };
    const length = own.indices.length / own.images.length;
    for (let i = 0; i < own.images.length; i++) {
      this.#rows.push(sliceCodes(own, i, i + 1));
      this.#indices += length;
      if (this.#rows.length >= GROUP_ROWS || this.#indices >= GROUP_INDICES) await this.#writeGroup();
    }
  }

  async complete(manifest: Omit<CodeManifest, "files">): Promise<string[]> {
    if (this.#rows.length > 0) await this.#writeGroup();
    const { files } = this.#context;
    const notes = await files.read(GROUPS_FILE, 0, files.length(GROUPS_FILE));
    const groups = Buffer.from(notes.buffer).toString().trimEnd().split("\n").map(parseGroup);
    const parquet = this.#writerAt(files.length(FILE), [
      { key: manifestKey, value: JSON.stringify({ ...manifest, files: [] }) },
    ]);
    parquet.row_groups = groups;
    parquet.num_rows = groups.reduce((sum, group) => sum + group.num_rows, 0n);
    await parquet.finish();
    await files.append(FILE, written(parquet));
    return [FILE];
  }

  async #writeGroup(): Promise<void> {
    const { files } = this.#context;
    const rows = this.#rows;
    if (files.length(FILE) === 0) await files.append(FILE, Buffer.from("PAR1"));
    const parquet = this.#writerAt(files.length(FILE));
    await parquet.write({ columnData: columnsOf(rows), rowGroupSize: rows.length });
    await files.append(FILE, written(parquet));
    await files.append(GROUPS_FILE, Buffer.from(`${formatGroup(parquet.row_groups[0] as RowGroup)}\n`));
    this.#rows = [];
    this.#indices = 0;
  }

  /** A writer into memory whose bytes will stand at `offset` of the file. */
  #writerAt(offset: number, kvMetadata: { key: string; value: string }[] = []): ParquetWriter {
    const writer = new ByteWriter();
    const schema = parquetSchema();
    const parquet = new ParquetWriter({ writer, schema, statistics: false, createdBy: "vqkit", kvMetadata });
    writer.offset = offset; // behind the magic that the constructor wrote, which `written` leaves out
    return parquet;
  }
}

function written({ writer }: ParquetWriter): Uint8Array {
  return writer.getBytes().subarray(MAGIC_BYTES);
}

/** @param parts one entry each */
function columnsOf(parts: readonly Codes[]): ColumnSource[] {
  const rows = parts.map((codes) => ({ codes, image: codes.images[0] as CodedImage }));
  const column = (name: string, value: (row: (typeof rows)[number]) => unknown): ColumnSource => ({
    name,
    data: rows.map(value),
    offsetIndex: false,
  });
  return [
    column("name", ({ image }) => image.name),
    column("width", ({ image }) => image.width),
    column("height", ({ image }) => image.height),
    column("grid_height", ({ codes }) => codes.shape[1]),
    column("grid_width", ({ codes }) => codes.shape[2]),
    column("codebooks", ({ codes }) => codes.shape[3]),
    column("indices", ({ codes }) => Array.from(codes.indices)),
    ...Object.entries(tileColumns).map(([name, field]) =>
      column(name, ({ image }) => image.tile?.[field] ?? null),
    ),
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
