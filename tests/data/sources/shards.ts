import { writeFile } from "node:fs/promises";
import { parquetWriteBuffer } from "hyparquet-writer";
import { type Header, pack } from "tar-stream";
import { loadItem, type SourceItem } from "../../../src/data/image-source.js";
import { ImageError } from "../../../src/data/index.js";

/** One entry of a tar file: its content, or what kind of other thing it is. */
export type TarEntry = readonly [name: string, content: Uint8Array | string | Partial<Header>];

export async function tarBytes(entries: readonly TarEntry[]): Promise<Buffer> {
  const archive = pack();
  for (const [name, content] of entries) {
    if (typeof content === "string" || content instanceof Uint8Array)
      archive.entry({ name }, Buffer.from(content));
    else archive.entry({ name, ...content });
  }
  archive.finalize();
  const parts: Uint8Array[] = [];
  for await (const part of archive) parts.push(part as Uint8Array);
  return Buffer.concat(parts);
}

export async function writeTar(path: string, entries: readonly TarEntry[]): Promise<void> {
  await writeFile(path, await tarBytes(entries));
}

type ParquetOptions = Omit<Parameters<typeof parquetWriteBuffer>[0], "columnData">;

/** A Parquet file of two columns: `label`, and images as the library "datasets" writes them. */
export function imageParquet(
  rows: readonly (Uint8Array | null)[],
  { name = "image", ...options }: ParquetOptions & { readonly name?: string } = {},
): Buffer {
  const data = rows.map((bytes, i) => (bytes === null ? null : { bytes, path: `${i}.png` }));
  const buffer = parquetWriteBuffer({
    schema: [
      { name: "root", num_children: 2 },
      { name: "label", type: "INT32", repetition_type: "REQUIRED" },
      { name, num_children: 2, repetition_type: "OPTIONAL" },
      { name: "bytes", type: "BYTE_ARRAY", repetition_type: "OPTIONAL" },
      { name: "path", type: "BYTE_ARRAY", converted_type: "UTF8", repetition_type: "OPTIONAL" },
    ],
    columnData: [
      { name: "label", data: Int32Array.from(rows, (_, i) => i) },
      { name, data },
    ],
    ...options,
  });
  return Buffer.from(buffer);
}

/** What an item turned out to be: the bytes of its image, or why it has none. */
export type Outcome = readonly [name: string, content: Uint8Array | string];

/** Reads all items; anything thrown that is no `ImageError` is thrown. */
export async function outcomes(items: AsyncIterable<SourceItem>): Promise<Outcome[]> {
  const read: Outcome[] = [];
  for await (const item of items) {
    try {
      const { source } = await loadItem(item);
      if (!(source instanceof Uint8Array)) throw new TypeError("expected bytes");
      read.push([item.name, Uint8Array.from(source)]);
    } catch (error) {
      if (!(error instanceof ImageError)) throw error;
      read.push([
        item.name,
        error.message.replace(
          "expected a readable image (jpg, jpeg, jpe, jfif, png, webp, avif, tif, tiff, gif), ",
          "",
        ),
      ]);
    }
  }
  return read;
}

/** `length` bytes that depend on the seed. */
export function someBytes(seed: number, length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * (seed + 3) + seed * seed) % 251);
}
