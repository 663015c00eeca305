import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import type { LeftOut } from "../../../src/data/index.js";
import { indexTar } from "../../../src/data/indexed/tar-index.js";
import { tarItems } from "../../../src/data/sources/tar-shard.js";
import { someBytes, type TarEntry, tarBytes } from "../sources/shards.js";
import { temporaryFolder } from "../temporary.js";
import { backwards, readAtOnce, streamed } from "./contents.js";

const folder = await temporaryFolder();
const path = join(folder, "shard.tar");
const shard = { path, name: "shard.tar" };
const content = (i: number): Uint8Array => someBytes(i, 300 + 211 * i);

const plain = await tarBytes([
  ["0.json", "{}"],
  ["0.jpg", content(0)],
  ["1.png", content(1)],
  ["1.depth.png", content(2)],
  ["notes.txt", "text"],
  ["v1.0/cats/2.webp", content(3)],
]);

/** One header more before an entry, as GNU tar writes long names. */
async function longName(name: string, bytes: Uint8Array): Promise<Buffer> {
  const [long, entry] = [
    await tarBytes([["././@LongLink", `${name}\0`]]),
    await tarBytes([["short.jpg", bytes]]),
  ];
  const header = long.subarray(0, 512);
  header.write("L", 156, "latin1");
  header.write("        ", 148, "latin1");
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return Buffer.concat([long.subarray(0, long.length - 1024), entry]);
}

const entries = (...all: TarEntry[]) => tarBytes(all);
const archives: [string, Buffer][] = [
  ["samples with other entries, directories in names", plain],
  ["nothing but an end", await entries()],
  ["no image", await entries(["a.txt", "text"])],
  [
    "an image of no bytes, and one of a whole block",
    await entries(["a.jpg", ""], ["b.jpg", someBytes(4, 512)]),
  ],
  [
    "long names, as POSIX has them",
    await entries([`${"long/".repeat(60)}é.jpg`, content(2)], ["b.jpg", content(1)]),
  ],
  ["long names, as GNU tar has them", await longName(`${"l".repeat(200)}.jpg`, content(2))],
  [
    "a directory, a link and names that lead out",
    await entries(
      ["d.jpg/", { type: "directory" }],
      ["../a.jpg", content(1)],
      ["b.jpg", { type: "symlink", linkname: "c.jpg" }],
      ["c.jpg", content(2)],
      ["/d.png", content(2)],
    ),
  ],
  ["an entry behind the end", Buffer.concat([plain, await entries(["9.jpg", content(4)])])],
  ...[1, 300, 512, 900, 1536, 1600, 2600, plain.length - 1200, plain.length - 700].map(
    (length): [string, Buffer] => [`all but its first ${length} bytes`, plain.subarray(0, length)],
  ),
  ["a damaged header", Buffer.from(plain.map((byte, at) => (at === 1030 ? byte ^ 1 : byte)))],
];

describe("indexTar", () => {
  it.each(archives)("has the images of the stream: %s", async (_, bytes) => {
    await writeFile(path, bytes);
    const told: LeftOut[][] = [[], []];
    const expected = await streamed(tarItems({ ...shard, onLeftOut: (each) => told[0]?.push(each) }));
    const images = await indexTar({ ...shard, onLeftOut: (each) => told[1]?.push(each) });
    expect(images.sequential).toBeUndefined();
    expect(await backwards(images)).toEqual(expected);
    expect(told[1]).toEqual(told[0]);
    const some = Array.from({ length: images.length }, (_, i) => i).filter((i) => i % 2 === 1);
    expect(await readAtOnce(images, some)).toEqual(some.map((i) => expected[i]));
  });

  it("reads a compressed shard from its beginning, for one image or for several", async () => {
    await writeFile(path, gzipSync(plain));
    const images = await indexTar(shard);
    expect(images.sequential).toBe(path);
    const expected = await streamed(tarItems(shard));
    expect(expected.map(([name]) => name)).toEqual([`${path}/0`, `${path}/1`, `${path}/v1.0/cats/2`]);
    expect(await backwards(images)).toEqual(expected);
    expect(await readAtOnce(images, [0, 2])).toEqual([expected[0], expected[2]]);
  });

  it("takes the entry that is asked for", async () => {
    await writeFile(path, plain);
    const images = await indexTar({ ...shard, imageKey: "depth.png" });
    expect(await backwards(images)).toEqual([[`${path}/1`, [...content(2)]]]);
    await expect(indexTar({ ...shard, imageKey: "a/b" })).rejects.toMatchObject({ path: "imageKey" });
  });

  it("says what became of a shard that has changed since", async () => {
    await writeFile(path, plain);
    const seekable = await indexTar(shard);
    await writeFile(path, gzipSync(plain));
    const compressed = await indexTar(shard);
    await writeFile(path, gzipSync(await entries(["0.jpg", content(0)], ["other.png", content(1)])));
    await expect(seekable.load(1)).rejects.toMatchObject({ reason: /shorter than when it was opened/ });
    expect(await readAtOnce(compressed, [0, 1, 2])).toEqual([
      [`${path}/0`, [...content(0)]],
      [`${path}/1`, "a tar shard that has changed meanwhile"],
      [`${path}/v1.0/cats/2`, "a tar shard that has changed meanwhile"],
    ]);
  });

  it("knows images by their shard, their key and their size, wherever the shard lies", async () => {
    await writeFile(path, plain);
    const images = await indexTar(shard);
    expect([0, 1, 2].map((i) => images.identity(i))).toEqual([
      "shard.tar/0 300",
      "shard.tar/1 511",
      "shard.tar/v1.0/cats/2 933",
    ]);
    expect([...images.partLengths()]).toEqual([3]);
  });

  it("is one broken image for a file that is not there, in whatever order images are wanted", async () => {
    const images = await indexTar({ path: join(folder, "none.tar"), name: "none.tar" });
    expect(images.sequential).toBeUndefined();
    expect(await backwards(images)).toEqual([
      [join(folder, "none.tar"), "a tar shard that cannot be read from its beginning"],
    ]);
  });
});
