/** The readers of many images in one file, and the decompression beneath them. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { parquetWriteBuffer } from "hyparquet-writer";
import { VqkitError } from "../../src/core/errors.js";
import { loadItem, type SourceItem } from "../../src/data/image-source.js";
import type { IndexedImages } from "../../src/data/indexed/indexed-images.js";
import { JoinedImages } from "../../src/data/indexed/joined-images.js";
import { OpenGroups } from "../../src/data/indexed/open-groups.js";
import { indexParquet } from "../../src/data/indexed/parquet-index.js";
import { indexTar } from "../../src/data/indexed/tar-index.js";
import { parquetItems } from "../../src/data/sources/parquet-file.js";
import { tarItems } from "../../src/data/sources/tar-shard.js";
import { decodeHadoopLz4, decodeLz4Block } from "../../src/files/lz4.js";
import { decodeByScript } from "../../src/files/zstandard.js";
import { imageParquet, tarBytes } from "../data/sources/shards.js";
import { words } from "../files/words.js";
import { storedAsZstandard, zstandardFrame } from "../files/zstandard-data.js";
import { mutationsOf } from "./mutations.js";
import { oddTar } from "./structures.js";
import { check, type Target } from "./target.js";

/**
 * @param path where cases are written
 * @param folder that of the tests
 */
export async function sourceTargets(path: string, folder: string): Promise<Target[]> {
  const file = (name: string): Promise<Buffer> => readFile(join(folder, name));
  const whole = await tarBytes([
    ["0.jpg", Uint8Array.from({ length: 700 }, (_, i) => i % 251)],
    ["1.json", "{}"],
    ["1.png", Uint8Array.of(1, 2, 3)],
  ]);
  const written = await Promise.all(
    ["polars", "delta", "lists"].map((name) => file(`data/sources/${name}.parquet`)),
  );
  const [zst, lz4] = [await file("files/words.zst"), await file("files/words.lz4")];
  return [
    shard("image tar", path, { cases: fc.oneof(mutationsOf([whole]), oddTar), ratio: 1 }),
    shard("image tar in gzip", path, { cases: compressed(whole, gzipSync), ratio: 1040 }),
    shard("image tar in Zstandard", path, {
      cases: compressed(whole, (bytes) => storedAsZstandard(bytes, 300)),
      ratio: 2 ** 15,
    }),
    table("image Parquet", path, imageTables()),
    table("image Parquet of others", path, written),
    {
      name: "Zstandard",
      cases: mutationsOf([zst, zstandardFrame([words(), { byte: 7, count: 3000 }])]),
      read: async (bytes) => {
        // As each of the two files states it. What does not end takes 0.6 s.
        const length = bytes.length < 3500 ? words().length * 61 : words().length + 3000;
        decoded(() => decodeByScript(bytes, length), length);
      },
    },
    {
      name: "LZ4",
      cases: fc.oneof(mutationsOf([lz4]), fc.uint8Array({ maxLength: 40 })),
      read: async (bytes) => {
        for (const length of [words().length * 3, bytes.length, 7]) {
          decoded(() => decodeLz4Block(bytes, length), length);
          decoded(() => decodeHadoopLz4(bytes, length), length);
        }
      },
    },
  ];
}

/** Damaged before it is compressed, and behind; and whole archives that are odd. */
function compressed(
  whole: Uint8Array,
  compress: (bytes: Uint8Array) => Uint8Array,
): fc.Arbitrary<Uint8Array> {
  return fc.oneof(mutationsOf([compress(whole)]), mutationsOf([whole]).map(compress), oddTar.map(compress));
}

function shard(
  name: string,
  path: string,
  { cases, ratio }: { readonly cases: fc.Arbitrary<Uint8Array>; readonly ratio: number },
): Target {
  const read = async (bytes: Uint8Array): Promise<void> => {
    await writeFile(path, bytes);
    const most = bytes.length * ratio;
    const count = await readItems(tarItems({ path, name: "shard.tar" }), most);
    await readByNumber(await indexTar({ path, name: "shard.tar" }), { count, most });
  };
  return { name, cases, read };
}

function imageTables(): Uint8Array[] {
  const rows = [Uint8Array.of(1, 2, 3, 4), null, Uint8Array.from({ length: 300 }, (_, i) => i % 7)];
  const plain = parquetWriteBuffer({
    columnData: [{ name: "image", data: [rows[0], rows[2]], type: "BYTE_ARRAY" }],
    codec: "UNCOMPRESSED",
  });
  // One value in many more rows than bytes.
  const repeated = parquetWriteBuffer({
    columnData: [
      { name: "image", data: Array(2000).fill(rows[2]), type: "BYTE_ARRAY", encoding: "RLE_DICTIONARY" },
    ],
  });
  return [imageParquet(rows), new Uint8Array(plain), new Uint8Array(repeated)];
}

function table(name: string, path: string, files: readonly Uint8Array[]): Target {
  const read = async (bytes: Uint8Array): Promise<void> => {
    await writeFile(path, bytes);
    const most = bytes.length * 64;
    const count = await readItems(parquetItems({ path, name: "table.parquet" }), most);
    const parts = await indexParquet({ path, name: "table.parquet" }, new OpenGroups());
    await readByNumber(new JoinedImages(parts), { count, most });
  };
  return { name, cases: mutationsOf(files), read };
}

/** What is wrong with compressed bytes is any error; its reader makes a broken image of it. */
function decoded(decode: () => Uint8Array, length: number): void {
  let output: Uint8Array;
  try {
    output = decode();
  } catch (error) {
    check(error instanceof Error, "something else than an error");
    return;
  }
  check(output.length === length, "another number of bytes than asked for");
}

/** @param most bytes that one image may have */
async function readItems(items: AsyncIterable<SourceItem>, most: number): Promise<number> {
  let count = 0;
  for await (const item of items) {
    count++;
    try {
      const { source } = await loadItem(item);
      if (typeof source === "string") continue; // a file beside
      check(source instanceof Uint8Array && source.length <= most, "more bytes than the file can hold");
    } catch (error) {
      if (!(error instanceof VqkitError)) throw error;
    }
  }
  check(count > 0, "neither an image nor a broken one");
  return count;
}

/** As many images by their numbers, the last first: some are enough where there are many. */
async function readByNumber(
  images: IndexedImages,
  { count, most }: { readonly count: number; readonly most: number },
): Promise<void> {
  check(images.length === count, `${images.length} images by number, of ${count}`);
  const some = Array.from({ length: Math.min(count, 20) }, (_, i) => count - 1 - i);
  await readItems(images.read(some.filter((i) => images.sequential === undefined || i === some[0])), most);
}
