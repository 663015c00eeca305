/** Shards as they are compressed and named, and which image of a sample is taken. */
import { execFile } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { findSources, type LeftOut, openFileList, openSource } from "../../../src/data/index.js";
import { tarItems } from "../../../src/data/sources/tar-shard.js";
import { storedAsZstandard, zstandardFrame } from "../../files/zstandard-data.js";
import { temporaryFolder } from "../temporary.js";
import { outcomes, someBytes, type TarEntry, tarBytes } from "./shards.js";

const folder = await temporaryFolder();
const path = join(folder, "shard");
const content = (i: number): Uint8Array => someBytes(i, 300 + 211 * i);
const three: readonly TarEntry[] = [0, 1, 2].flatMap((i): TarEntry[] => [
  [`${i}.jpg`, content(i)],
  [`${i}.json`, "{}"],
]);
const plainTar = await tarBytes(three);
const expected = [0, 1, 2].map((i) => [`s/${i}`, content(i)]);

async function read(bytes: Uint8Array, imageKey?: string) {
  await writeFile(path, bytes);
  const leftOut: LeftOut[] = [];
  const options = { path, name: "s", onLeftOut: (each: LeftOut) => void leftOut.push(each) };
  const items = await outcomes(tarItems({ ...options, ...(imageKey === undefined ? {} : { imageKey }) }));
  return { items, leftOut: leftOut.map(({ file, ...rest }) => rest) };
}

/** Skipped by decoders, whatever it holds. */
const skippable = Buffer.concat([Uint8Array.of(0x5a, 0x2a, 0x4d, 0x18, 3, 0, 0, 0), Uint8Array.of(1, 2, 3)]);
const half = 512 * Math.floor(plainTar.length / 1024) + 100;

describe("a compressed shard is read by what it holds, whatever it is called:", () => {
  it.each<[string, Uint8Array]>([
    ["gzip", gzipSync(plainTar)],
    [
      "gzip in several members",
      Buffer.concat([gzipSync(plainTar.subarray(0, half)), gzipSync(plainTar.subarray(half))]),
    ],
    ["gzip with zeros behind it", Buffer.concat([gzipSync(plainTar), new Uint8Array(512)])],
    ["Zstandard", storedAsZstandard(plainTar, 1000)],
    [
      "Zstandard in several frames",
      Buffer.concat([
        storedAsZstandard(plainTar.subarray(0, half)),
        skippable,
        storedAsZstandard(plainTar.subarray(half)),
      ]),
    ],
    [
      "Zstandard that begins with a frame to be skipped",
      Buffer.concat([skippable, storedAsZstandard(plainTar)]),
    ],
    ["no compression", plainTar],
  ])("%s", async (_, bytes) => {
    expect(await read(bytes)).toEqual({ items: expected, leftOut: [] });
  });

  it.each<[string, Uint8Array, RegExp]>([
    [
      "bzip2",
      Buffer.from("BZh91AY&SY and so on", "latin1"),
      /from its beginning \(compressed with bzip2; known: gzip, Zstandard\)/,
    ],
    ["xz", Buffer.from("\xfd7zXZ\0 and so on", "latin1"), /compressed with xz; known/],
    ["LZ4", Buffer.from("\x04\x22\x4d\x18 and so on", "latin1"), /compressed with LZ4; known/],
    ["a zip archive", Buffer.from("PK\x03\x04 and so on", "latin1"), /compressed with zip; known/],
    ["Brotli, which has no mark", brotliCompressSync(plainTar), /from its beginning \(/],
    [
      "gzip of what is no archive",
      gzipSync(Buffer.alloc(3000, "text")),
      /from its beginning \(Invalid tar header/,
    ],
    ["a window of 256 MB", zstandardFrame([plainTar], { windowLog: 28 }), /from its beginning \(/],
  ])("%s is refused with its name or its fault", async (_, bytes, message) => {
    expect((await read(bytes)).items).toEqual([["s", expect.stringMatching(message)]]);
  });

  it.each<[string, Uint8Array]>([
    ["gzip", gzipSync(plainTar, { level: 0 })],
    ["Zstandard", storedAsZstandard(plainTar, 700)],
  ])("%s that is cut short or damaged names the last whole sample", async (_, bytes) => {
    const { items } = await read(bytes.subarray(0, 512 + 512 + 512 + 512 + 512 + 400));
    expect(items[0]).toEqual(expected[0]);
    expect(items.at(-1)).toEqual(["s", expect.stringMatching(/cannot be read behind 0 \(/)]);
  });

  it("gzip with a wrong checksum is told, behind what was whole when it was found", async () => {
    const large = [0, 1, 2].map((i): TarEntry => [`${i}.jpg`, someBytes(i, 40_000)]);
    const bytes = gzipSync(await tarBytes(large));
    bytes.writeUInt32LE(0xdeadbeef, bytes.length - 8);
    const { items } = await read(bytes);
    expect(items[0]?.[0]).toBe("s/0");
    expect(items.at(-1)).toEqual([
      "s",
      expect.stringMatching(/cannot be read behind \d \(incorrect data check\)/),
    ]);
  });

  it("endings: .tar, .tar.gz, .tgz, .tar.zst in any case are looked for in folders", async () => {
    const dir = join(folder, "endings");
    await mkdir(dir);
    const files: [string, Uint8Array][] = [
      ["a.tar", gzipSync(plainTar)],
      ["b.tar.gz", gzipSync(plainTar)],
      ["c.TGZ", plainTar],
      ["d.tar.zst", storedAsZstandard(plainTar)],
      ["e.gz", gzipSync(plainTar)],
      ["f.zst", storedAsZstandard(plainTar)],
    ];
    for (const [name, bytes] of files) await writeFile(join(dir, name), bytes);
    const found = (await findSources(dir)).map((file) => file.split("/").at(-1));
    expect(found).toEqual(["a.tar", "b.tar.gz", "c.TGZ", "d.tar.zst"]);
    const names = (await outcomes(await openSource(dir))).map(([name]) => name);
    expect(names).toHaveLength(12);
    expect(names.slice(3, 6)).toEqual(["b.tar.gz/0", "b.tar.gz/1", "b.tar.gz/2"]);
  });
});

describe("archives without the mark of ustar, as Unix version 7 wrote them,", () => {
  /** The header of an archive of that time: no mark, no owner's name, type NUL. */
  const asVersion7 = (bytes: Buffer): Buffer => {
    const copy = Buffer.from(bytes);
    for (let at = 0; at + 512 <= copy.length; ) {
      const header = copy.subarray(at, at + 512);
      if (header.every((byte) => byte === 0)) break;
      const size = Number.parseInt(header.toString("latin1", 124, 135), 8);
      header.fill(0, 156, 157);
      header.fill(0, 257);
      header.write("        ", 148, "latin1");
      const sum = header.reduce((total, byte) => total + byte, 0);
      header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
      at += 512 + 512 * Math.ceil(size / 512);
    }
    return copy;
  };

  it("are read, compressed or not", async () => {
    const old = asVersion7(plainTar);
    expect(old.includes("ustar")).toBe(false);
    expect((await read(old)).items).toEqual(expected);
    expect((await read(gzipSync(old))).items).toEqual(expected);
  });

  it("are still held to their checksums", async () => {
    const old = asVersion7(plainTar);
    old[3] = 1;
    expect((await read(old)).items).toEqual([
      ["s", expect.stringMatching(/from its beginning \(Invalid tar header/)],
    ]);
  });

  it("come from the program tar, where it is there", async (context) => {
    const dir = join(folder, "v7");
    await mkdir(dir);
    for (const i of [0, 1, 2]) await writeFile(join(dir, `${i}.jpg`), content(i));
    const file = join(folder, "v7.tar");
    const names = ["0.jpg", "1.jpg", "2.jpg"];
    try {
      await promisify(execFile)("tar", ["--format=v7", "-cf", file, "-C", dir, ...names]);
    } catch {
      context.skip("no tar that writes this format");
    }
    expect(await outcomes(tarItems({ path: file, name: "s" }))).toEqual(expected);
  });
});

describe("several images of a sample", () => {
  const entries: readonly TarEntry[] = [
    ["0.depth.png", content(0)],
    ["0.image.jpg", content(1)],
    ["0.mask.png", content(2)],
    ["0.txt", "text"],
    ["1.image.JPG", content(3)],
    ["1.depth.png", content(4)],
    ["2.depth.png", content(5)],
    ["3.json", "{}"],
  ];
  const others = "images beside the one of their sample";

  it("leave all but one out, counted by ending", async () => {
    const { items, leftOut } = await read(await tarBytes(entries));
    expect(items.map(([name, bytes]) => [name, bytes.length])).toEqual(
      [0, 3, 5].map((i, sample) => [`s/${sample}`, content(i).length]),
    );
    expect(leftOut).toEqual([
      { what: others, count: 3, endings: { "depth.png": 1, "image.jpg": 1, "mask.png": 1 } },
      { what: "samples without an image", count: 1 },
    ]);
  });

  it.each<[string, readonly (readonly [string, number])[], object, object[]]>([
    [
      "image.jpg",
      [
        ["s/0", 1],
        ["s/1", 3],
      ],
      { "depth.png": 3, "mask.png": 1 },
      [{ what: "samples without image.jpg", count: 2 }],
    ],
    [
      "mask.png; .IMAGE.jpg;depth.png",
      [
        ["s/0", 2],
        ["s/1", 3],
        ["s/2", 5],
      ],
      { "depth.png": 2, "image.jpg": 1 },
      [{ what: "samples without mask.png, image.jpg, depth.png", count: 1 }],
    ],
    [
      "depth.png",
      [
        ["s/0", 0],
        ["s/1", 4],
        ["s/2", 5],
      ],
      { "image.jpg": 2, "mask.png": 1 },
      [{ what: "samples without depth.png", count: 1 }],
    ],
  ])("are chosen from by --image-key %s", async (key, taken, endings, missing) => {
    const { items, leftOut } = await read(await tarBytes(entries), key);
    expect(items).toEqual(taken.map(([name, i]) => [name, content(i)]));
    const count = Object.values(endings).reduce((sum: number, each) => sum + (each as number), 0);
    expect(leftOut).toEqual([{ what: others, count, endings }, ...missing]);
  });

  it("may have an ending that is no image's by its name", async () => {
    const { items } = await read(
      await tarBytes([
        ["a.photo", content(1)],
        ["a.jpg", content(2)],
      ]),
      "photo",
    );
    expect(items).toEqual([["s/a", content(1)]]);
  });

  it("say what there is where nothing is called so", async () => {
    const { items } = await read(await tarBytes(entries), "webp");
    expect(items).toEqual([
      [
        "s",
        expect.stringContaining(
          "a tar shard without images called webp (endings of its images: depth.png, image.jpg, mask.png).",
        ),
      ],
    ]);
  });

  it("count a name that is there twice, and not what a link or a broken end leaves open", async () => {
    const bytes = await tarBytes([
      ["0.png", content(0)],
      ["0.png", content(1)],
      ["1.png", { type: "symlink", linkname: "0.png" }],
      ["1.txt", "text"],
      ["2.png", content(2)],
    ]);
    const { items, leftOut } = await read(bytes);
    expect(items.map(([name]) => name)).toEqual(["s/0", 's/"1.png"', "s/2"]);
    expect(items[0]?.[1]).toEqual(content(0));
    expect(leftOut).toEqual([{ what: others, count: 1, endings: { png: 1 } }]);
    const cut = await read(bytes.subarray(0, bytes.length - 1024 - 300));
    expect(cut.leftOut).toEqual([{ what: others, count: 1, endings: { png: 1 } }]);
  });

  it.each(["", ";", "jpg;;png", "a/b"])("refuses the key %j before anything is read", (imageKey) => {
    expect(() => openFileList([join(folder, "none.tar")], { imageKey })).toThrow(
      expect.objectContaining({ name: "ConfigError", path: "imageKey" }),
    );
  });
});
