import { copyFile, mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { gzipSync } from "node:zlib";
import { parquetWriteBuffer } from "hyparquet-writer";
import { beforeAll, describe, expect, test } from "vitest";
import { plain, uint32, writeByHand } from "../data/sources/parquet-by-hand.js";
import { type TarEntry, tarBytes } from "../data/sources/shards.js";
import { temporaryFolder as sharedFolder } from "../data/temporary.js";
import { useEngine } from "../engine.js";
import { storedAsZstandard } from "../files/zstandard-data.js";
import { modelFile, quantizers } from "../tokenizer/model.js";
import { temporaryFolder, vqkit, writeImages } from "./harness.js";

const shared = await sharedFolder();
let model: string;
let images: Buffer[];

beforeAll(async () => {
  await useEngine();
  model = await modelFile(shared, quantizers.fsq);
  await writeImages(shared, 4);
  images = await Promise.all([0, 1, 2, 3].map((i) => readFile(path.join(shared, `image${i}.png`))));
});

async function namesIn(out: string): Promise<string[]> {
  const lines = (await readFile(path.join(out, "images.jsonl"), "utf8")).trim().split("\n");
  return lines.map((line) => (JSON.parse(line) as { name: string }).name);
}

describe("shards with several images a sample", () => {
  const shards = async (): Promise<string> => {
    const dir = path.join(await temporaryFolder(), "shards");
    await mkdir(dir);
    const [a, b, c, d] = images as [Buffer, Buffer, Buffer, Buffer];
    const first: TarEntry[] = [
      ["0.depth.png", a],
      ["0.photo.png", b],
      ["1.photo.png", c],
      ["2.json", "{}"],
    ];
    await writeFile(path.join(dir, "a.tar.gz"), gzipSync(await tarBytes(first)));
    const second: TarEntry[] = [
      ["7.depth.png", a],
      ["7.photo.png", d],
    ];
    await writeFile(path.join(dir, "b.tar.zst"), storedAsZstandard(await tarBytes(second)));
    return dir;
  };

  test("take the first, and say what they leave out and how to choose", async () => {
    const dir = await shards();
    const out = path.join(path.dirname(dir), "codes");
    const { code, stdout, stderr } = await vqkit(["encode", model, dir, "--out", out]);
    expect([code, stdout]).toEqual([0, expect.stringContaining("3 images as indices")]);
    expect(stderr).toMatch(
      /^left out, images beside the one of their sample: 2 \(2 photo\.png\)\. --image-key chooses the image of a sample\.$/m,
    );
    expect(stderr).toMatch(/^left out, samples without an image: 1\.$/m);
    expect(await namesIn(out)).toEqual(["a.tar.gz/0", "a.tar.gz/1", "b.tar.zst/7"]);
  });

  test("take the one that --image-key names; --resume with another is refused", async () => {
    const dir = await shards();
    const out = path.join(path.dirname(dir), "codes");
    const encode = ["encode", model, dir, "--out", out, "--image-key"];
    const { code, stdout } = await vqkit([...encode, "photo.png", "--json"]);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      images: 3,
      skipped: 0,
      leftOut: [
        { what: "images beside the one of their sample", count: 2, endings: { "depth.png": 2 } },
        { what: "samples without photo.png", count: 1 },
      ],
      settings: { imageKey: "photo.png" },
    });
    const other = await vqkit([...encode, "depth.png", "--resume"]);
    expect(other.code).not.toBe(0);
    expect(other.stderr).toMatch(/^error: [^\n]*imageKey[^\n]*\n$/);
  });

  test("name what they have where nothing is called so, and refuse a key that is none", async () => {
    const dir = await shards();
    const out = path.join(path.dirname(dir), "codes");
    const none = await vqkit(["encode", model, dir, "--out", out, "--image-key", "jpg", "--quiet"]);
    expect([none.code, none.stderr]).toEqual([
      1,
      expect.stringMatching(
        /^error: [^\n]*none among 2\. The first: \S+a\.tar\.gz: a tar shard without images called jpg \(endings of its images: depth\.png, photo\.png\)\.\n$/,
      ),
    ]);
    const wrong = await vqkit(["encode", model, dir, "--out", out, "--image-key", "a/b"]);
    expect([wrong.code, wrong.stderr]).toEqual([
      2,
      expect.stringMatching(/^error: --image-key: expected an ending such as "jpg"[^\n]*\n$/),
    ]);
  });
});

describe("Parquet files", () => {
  test("with lists, with paths, and with a row group of more than 2 GiB beside other images", async () => {
    const dir = path.join(await temporaryFolder(), "tables");
    await mkdir(dir);
    const [a, b, c, d] = images as [Buffer, Buffer, Buffer, Buffer];
    const list = parquetWriteBuffer({
      schema: [
        { name: "root", num_children: 1 },
        { name: "views", converted_type: "LIST", repetition_type: "OPTIONAL", num_children: 1 },
        { name: "list", repetition_type: "REPEATED", num_children: 1 },
        { name: "element", type: "BYTE_ARRAY", repetition_type: "OPTIONAL" },
      ],
      columnData: [{ name: "views", data: [[a, b], [], [c]] }],
    });
    await writeFile(path.join(dir, "list.parquet"), new Uint8Array(list));
    const paths = parquetWriteBuffer({
      schema: [
        { name: "root", num_children: 1 },
        { name: "image", num_children: 2, repetition_type: "OPTIONAL" },
        { name: "bytes", type: "BYTE_ARRAY", repetition_type: "OPTIONAL" },
        { name: "path", type: "BYTE_ARRAY", converted_type: "UTF8", repetition_type: "OPTIONAL" },
      ],
      columnData: [
        {
          name: "image",
          data: [
            { bytes: null, path: "d.png" },
            { bytes: null, path: "/gone.png" },
          ],
        },
      ],
    });
    await writeFile(path.join(dir, "paths.parquet"), new Uint8Array(paths));
    await copyFile(path.join(shared, "image3.png"), path.join(dir, "d.png"));
    // A value of 1.25 GiB is no image that is read: it is broken, and the others are not.
    const hole = 1.25 * 2 ** 30;
    const page = (image: Buffer) => ({ values: 2, body: Buffer.concat([plain(image), uint32(hole)]), hole });
    await writeByHand(path.join(dir, "huge.parquet"), [{ rows: 4, pages: [page(a), page(d)] }]);
    const out = path.join(path.dirname(dir), "codes");
    const { code, stderr } = await vqkit(["encode", model, dir, "--out", out]);
    expect(code).toBe(0);
    expect(await namesIn(out)).toEqual([
      "d.png",
      "huge.parquet/0",
      "huge.parquet/2",
      "list.parquet/0/0",
      "list.parquet/0/1",
      "list.parquet/2/0",
      "paths.parquet/0",
    ]);
    for (const row of [1, 3]) {
      expect(stderr).toMatch(
        new RegExp(
          `^skipped \\S+huge\\.parquet row ${row} \\(image\\): a page that cannot be read \\(1342177280 bytes, over the limit of 1073741824\\)$`,
          "m",
        ),
      );
    }
    expect(stderr).toMatch(
      /^skipped \S+paths\.parquet row 1 \(image\): no bytes, and a path that leads out of the folder of the Parquet file, "\/gone\.png"$/m,
    );
    expect(stderr).toMatch(/^left out, rows without images: 1\.$/m);
    expect(stderr).toMatch(/^3 images were skipped\.$/m);
  });
});
