import { type FileMetaData, parquetMetadata, type RowGroup } from "hyparquet";
import { z } from "zod";
import { parseConfig } from "../../core/config.js";
import { messageOf, VqkitError } from "../../core/errors.js";
import { type BoundedReader, parseJson, withReader } from "../../files/index.js";
import { type IndexArray, indexArray, type TilePlace } from "../codes.js";
import { type EntryCodes, indexFault, type LayoutReader } from "./layout.js";
import { asFormatError, type CodeManifest, checkSameCodes, parseManifest } from "./manifest.js";
import { readRows } from "./parquet-rows.js";
import { manifestKey, schemaFault, tileColumns } from "./parquet-schema.js";

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
});
type Row = z.output<typeof rowSchema>;

interface Group {
  readonly rows: number;
  /** Number of its first row. */
  readonly start: number;
  readonly group: RowGroup;
}

/** Reads a table of codes row group by row group, in memory bounded by one of them. */
export class ParquetReader implements LayoutReader {
  /** As that of a folder; the file says all of it itself. */
  readonly manifest: CodeManifest;
  readonly #path: string;
  readonly #metadata: FileMetaData;
  readonly #groups: readonly Group[];
  /** The row group that was read last, for neighbours in `entry`. */
  #last: { readonly group: Group; readonly rows: readonly unknown[] } | undefined;

  private constructor(path: string, metadata: FileMetaData, manifest: CodeManifest) {
    this.#path = path;
    this.#metadata = metadata;
    this.manifest = manifest;
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
      const text = metadata.key_value_metadata?.find(({ key }) => key === manifestKey)?.value;
      if (text === undefined) {
        throw new VqkitError(
          "format",
          `${path}: expected the key "${manifestKey}" in the metadata, got a table without it. It has no codes, or was written anew by a program that drops it.`,
        );
      }
      const fault = faultOf(path, metadata);
      if (fault !== undefined) {
        throw new VqkitError("format", `${path}: expected the columns of codes, got ${fault}.`);
      }
      const manifest = parseManifest(parseText(text, path), `${path} metadata`);
      if (metadata.num_rows !== BigInt(manifest.entries)) {
        throw new VqkitError(
          "format",
          `${path}: expected ${manifest.entries} rows as its metadata say, got ${metadata.num_rows}. Rows were added or removed.`,
        );
      }
      return new ParquetReader(path, metadata, manifest);
    });
  }

  /** @throws VqkitError("format") when the folder's manifest says something else */
  checkManifest(manifest: CodeManifest): void {
    checkSameCodes(this.#path, { found: this.manifest, expected: manifest });
  }

  async *entries(): AsyncGenerator<EntryCodes, void, undefined> {
    for (const group of this.#groups) {
      for (const [i, row] of (await this.#read(group)).entries()) yield this.#parse(row, group.start + i);
    }
  }

  async entry(index: number): Promise<EntryCodes> {
    const group = this.#groups.find(({ start, rows }) => index >= start && index < start + rows);
    if (group === undefined) {
      throw new VqkitError("format", `${this.#path}: expected a row ${index}, got fewer rows.`);
    }
    if (this.#last?.group !== group) this.#last = { group, rows: await this.#read(group) };
    return this.#parse(this.#last.rows[index - group.start], index);
  }

  async #read({ group, start, rows }: Group): Promise<readonly unknown[]> {
    return withReader(this.#path, async (reader) => {
      try {
        return await readRows(reader, this.#metadata, group);
      } catch (error) {
        throw damaged(`${this.#path} rows ${start}..${start + rows - 1}`, error);
      }
    });
  }

  #parse(value: unknown, index: number): EntryCodes {
    try {
      const row = parseConfig(rowSchema, value, "");
      return {
        image: imageOf(row),
        gridHeight: row.grid_height,
        gridWidth: row.grid_width,
        indices: this.#indices(row),
      };
    } catch (error) {
      throw asFormatError(error, `${this.#path} row ${index}`);
    }
  }

  #indices({ name, grid_height, grid_width, codebooks, indices: values }: Row): IndexArray {
    const { codebookSize, numCodebooks } = this.manifest;
    if (codebooks !== numCodebooks || values.length !== grid_height * grid_width * codebooks) {
      throw new VqkitError(
        "format",
        `image ${JSON.stringify(name)}: expected ${grid_height}×${grid_width}×${numCodebooks} indices, got ${values.length} of ${codebooks} codebooks.`,
      );
    }
    const indices = indexArray(codebookSize, values.length);
    const shape = [grid_height, grid_width, codebooks] as const;
    for (let at = 0; at < indices.length; at++) {
      const value = values[at] as number;
      if (!(value >= 0 && value < codebookSize)) throw indexFault(value, { name, at, shape, codebookSize });
      indices[at] = value;
    }
    return indices;
  }
}

function imageOf(row: Row): EntryCodes["image"] {
  const { name, width, height } = row;
  const values = Object.entries(tileColumns).map(
    ([column, field]) => [field, row[column as keyof typeof tileColumns]] as const,
  );
  if (values.every(([, value]) => value === null)) return { name, width, height };
  if (values.some(([, value]) => value === null)) {
    throw new VqkitError(
      "format",
      `image ${JSON.stringify(name)}: expected all columns of a tile's place, got some.`,
    );
  }
  return { name, width, height, tile: Object.fromEntries(values) as unknown as TilePlace };
}

/** The end of the file, which says where everything else is. */
async function readMetadata(reader: BoundedReader): Promise<FileMetaData> {
  const { path, size } = reader;
  if (size < 12) throw new VqkitError("format", `${path}: expected a Parquet file, got ${size} bytes.`);
  const tail = await reader.read(size - 8, 8);
  const length = new DataView(tail.buffer).getUint32(0, true);
  if (length > size - 12) {
    throw new VqkitError(
      "format",
      `${path}: expected Parquet metadata at the end of the file, got none. The file is cut short or damaged.`,
    );
  }
  try {
    return parquetMetadata(await reader.read(size - 8 - length, length + 8));
  } catch (error) {
    throw damaged(path, error);
  }
}

/** A damaged file may not even say what its columns are. */
function faultOf(path: string, metadata: FileMetaData): string | undefined {
  try {
    return schemaFault(metadata);
  } catch (error) {
    throw damaged(path, error);
  }
}

function parseText(text: string, path: string): unknown {
  try {
    const fields = parseJson(Buffer.from(text), path);
    // The metadata leave the version out; version 2 said `images` for `entries`.
    const formatVersion = "images" in (fields as object) ? 2 : 3;
    return { format: "vqkit-codes", formatVersion, ...(fields as object) };
  } catch (error) {
    throw damaged(path, error);
  }
}

/** What the library says of a file is not an error of the program. */
function damaged(where: string, error: unknown): unknown {
  if (error instanceof VqkitError) return error;
  const reason = messageOf(error).replace(/\s+/g, " "); // it may quote the file, line breaks included
  return new VqkitError("format", `${where}: expected a Parquet file that can be read (${reason}).`, {
    cause: error,
  });
}
