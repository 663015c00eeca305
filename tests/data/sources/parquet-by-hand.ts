import { open } from "node:fs/promises";
import type { FileMetaData, PageHeader, SchemaElement } from "hyparquet";
import { ByteWriter } from "hyparquet-writer/src/bytewriter.js";
import { writePageHeader } from "hyparquet-writer/src/datapage.js";
import { writeMetadata } from "hyparquet-writer/src/metadata.js";

/** A page as it is to stand in the file; what its header does not say follows from the rest. */
export interface HandMadePage {
  readonly values: number;
  readonly body: Uint8Array;
  /** Bytes of zeros behind the body, which take no room on the disk. */
  readonly hole?: number;
  readonly encoding?: string;
  readonly header?: Partial<PageHeader>;
}

export interface HandMadeGroup {
  readonly rows: number;
  readonly pages: readonly HandMadePage[];
  readonly codec?: string;
  /** As the metadata of the column state it; default the rows. */
  readonly values?: number;
}

/** A column of bytes, never null. */
const REQUIRED: readonly SchemaElement[] = [
  { name: "root", num_children: 1 },
  { name: "image", type: "BYTE_ARRAY", repetition_type: "REQUIRED" },
];

/** Writes a Parquet file of one column page by page, right or wrong. */
export async function writeByHand(
  path: string,
  groups: readonly HandMadeGroup[],
  { schema = REQUIRED, rows }: { readonly schema?: readonly SchemaElement[]; readonly rows?: number } = {},
): Promise<void> {
  const file = await open(path, "w");
  let at = 0;
  const put = async (bytes: Uint8Array): Promise<void> => {
    await file.write(bytes, 0, bytes.length, at);
    at += bytes.length;
  };
  try {
    await put(Buffer.from("PAR1"));
    const rowGroups = [];
    for (const { rows: count, pages, codec = "UNCOMPRESSED", values = count } of groups) {
      const start = at;
      for (const page of pages) {
        await put(headerOf(page));
        await put(page.body);
        at += page.hole ?? 0;
      }
      rowGroups.push({
        num_rows: BigInt(count),
        total_byte_size: BigInt(at - start),
        columns: [
          {
            file_offset: BigInt(start),
            meta_data: {
              type: "BYTE_ARRAY",
              encodings: ["PLAIN"],
              path_in_schema: schema.slice(1).map(({ name }) => name),
              codec,
              num_values: BigInt(values),
              total_uncompressed_size: BigInt(at - start),
              total_compressed_size: BigInt(at - start),
              data_page_offset: BigInt(start),
            },
          },
        ],
      });
    }
    const total = groups.reduce((sum, group) => sum + group.rows, 0);
    const metadata = { version: 2, schema, num_rows: BigInt(rows ?? total), row_groups: rowGroups };
    const writer = new ByteWriter();
    writeMetadata(writer, { ...metadata, metadata_length: 0 } as unknown as FileMetaData);
    await put(Buffer.concat([writer.getBytes(), Buffer.from("PAR1")]));
  } finally {
    await file.close();
  }
}

function headerOf({ values, body, hole = 0, encoding = "PLAIN", header = {} }: HandMadePage): Uint8Array {
  const writer = new ByteWriter();
  const size = body.length + hole;
  const whole = {
    type: "DATA_PAGE",
    uncompressed_page_size: size,
    compressed_page_size: size,
    data_page_header: {
      num_values: values,
      encoding,
      definition_level_encoding: "RLE",
      repetition_level_encoding: "RLE",
    },
    ...header,
  };
  writePageHeader(writer, whole as PageHeader);
  return writer.getBytes();
}

/** Values with their lengths before them. */
export function plain(...values: readonly Uint8Array[]): Buffer {
  return Buffer.concat(values.flatMap((value) => [uint32(value.length), value]));
}

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}
