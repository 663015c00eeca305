/** The same few images in files, a tar shard, a compressed one and a Parquet file, and a list of some of them. */
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { gzipSync } from "node:zlib";
import { imageParquet, tarBytes } from "../data/sources/shards.js";
import { temporaryFolder } from "../data/temporary.js";
import { useEngine } from "../engine.js";
import { writeImages } from "./harness.js";

/** `image0.png` to `image5.png`; 0 and 2 in `a.tar` and `a.tar.gz`, 3 to 5 in `b.parquet`; `list.txt`. */
export async function imageSources(): Promise<{ readonly at: (name: string) => string }> {
  const shared = await temporaryFolder();
  const at = (name: string) => path.join(shared, name);
  await useEngine();
  await writeImages(shared, 6);
  const images = await Promise.all([0, 1, 2, 3, 4, 5].map((i) => readFile(at(`image${i}.png`))));
  const [a, b, c, ...rest] = images as [Buffer, Buffer, Buffer, Buffer];
  const shard = await tarBytes([
    ["0.depth.png", b],
    ["0.photo.png", a],
    ["1.photo.png", c],
  ]);
  await writeFile(at("a.tar"), shard);
  await writeFile(at("a.tar.gz"), gzipSync(shard));
  await writeFile(at("b.parquet"), imageParquet(rest, { name: "picture" }));
  const listed = ["b.parquet", "image1.png", "a.tar"].map((name) => `${at(name)}\n`);
  await writeFile(at("list.txt"), listed.join(""));
  return { at };
}
