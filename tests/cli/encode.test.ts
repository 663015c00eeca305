import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { Readable, Writable } from "node:stream";
import { deflateSync } from "node:zlib";
import { parquetWriteBuffer } from "hyparquet-writer";
import sharp from "sharp";
import { describe, expect, test } from "vitest";
import { run } from "../../cli/program.js";
import { crc32 } from "../../src/files/crc32.js";
import { type TarEntry, writeTar } from "../data/sources/shards.js";
import { temporaryFolder, vqkit } from "./harness.js";
import { modelAndPhotos } from "./model-and-photos.js";

const { photos, model } = await modelAndPhotos("fsq", 5);

/** Every file of a folder, by name. */
async function filesOf(dir: string): Promise<Record<string, Buffer>> {
  const files: Record<string, Buffer> = {};
  for (const name of (await readdir(dir)).sort()) files[name] = await readFile(path.join(dir, name));
  return files;
}

/** A PNG whose header claims `side` × `side` pixels, with data for one. */
function pngThatClaims(side: number): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(side, 0);
  header.writeUInt32BE(side, 4);
  header.set([8, 2, 0, 0, 0], 8);
  const chunk = (type: string, data: Buffer) => {
    const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
    const ends = Buffer.alloc(8);
    ends.writeUInt32BE(data.length, 0);
    ends.writeUInt32BE(crc32(body), 4);
    return Buffer.concat([ends.subarray(0, 4), body, ends.subarray(4)]);
  };
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  const parts = [
    chunk("IHDR", header),
    chunk("IDAT", deflateSync(Buffer.alloc(4))),
    chunk("IEND", Buffer.alloc(0)),
  ];
  return Buffer.concat([signature, ...parts]);
}

/** A folder with one good image at each end and everything bad between them. */
async function badFolder(): Promise<string> {
  const dir = path.join(await temporaryFolder(), "bad");
  await mkdir(dir);
  const noise = sharp({ create: { width: 64, height: 48, channels: 3, background: "#28c" } });
  const jpeg = await noise.clone().jpeg({ quality: 95 }).toBuffer();
  const good = await noise.png().toBuffer();
  await writeFile(path.join(dir, "0-good.png"), good);
  await writeFile(path.join(dir, "1-huge.png"), pngThatClaims(100_000));
  await writeFile(path.join(dir, "2-text.jpg"), "This is no image.\n");
  await writeFile(path.join(dir, "3-torn.jpg"), jpeg.subarray(0, jpeg.length - 40));
  await writeFile(path.join(dir, "4-empty.png"), "");
  const entries: TarEntry[] = [
    ["../escape.png", good],
    ["inside.png", good],
  ];
  await writeTar(path.join(dir, "5-shard.tar"), entries);
  const table = parquetWriteBuffer({ columnData: [{ name: "id", data: [1, 2] }] });
  await writeFile(path.join(dir, "6-table.parquet"), Buffer.from(table));
  await writeFile(path.join(dir, "7-good.png"), good);
  return dir;
}

describe("encode with bad input", () => {
  test("names each with what is wrong, and encodes the rest", async () => {
    const dir = await badFolder();
    const out = path.join(path.dirname(dir), "codes");
    const { code, stdout, stderr } = await vqkit(["encode", model, dir, "--out", out, "--json"]);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ images: 3, skipped: 6 });
    for (const line of [
      /^skipped \S+1-huge\.png: 100000×100000 pixels, over the limit of 64000000 \(maxPixels\)$/m,
      /^skipped \S+2-text\.jpg: \S.*unsupported image format$/m,
      /^skipped \S+3-torn\.jpg: \S.*$/m,
      /^skipped \S+4-empty\.png: an empty file$/m,
      /^skipped \S+5-shard\.tar\/"\.\.\/escape\.png": a tar entry whose path leads out of its archive$/m,
      /^skipped \S+6-table\.parquet: a Parquet file without an image column \(columns: id\)$/m,
      /^6 images were skipped\.$/m,
    ]) {
      expect(stderr).toMatch(line);
    }
    const names = (await readFile(path.join(out, "images.jsonl"), "utf8")).trim().split("\n");
    expect(names.map((line) => (JSON.parse(line) as { name: string }).name)).toEqual([
      "0-good.png",
      "5-shard.tar/inside",
      "7-good.png",
    ]);
  });

  test("stops at the first with --strict, and leaves nothing", async () => {
    const dir = await badFolder();
    const out = path.join(path.dirname(dir), "codes");
    const { code, stderr } = await vqkit(["encode", model, dir, "--out", out, "--strict", "--quiet"]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^error: \S+1-huge\.png: expected a readable image [^\n]+\n$/);
    expect(await readdir(path.dirname(dir))).toEqual(["bad"]);
  });
});

describe("encode", () => {
  test.each(["npy", "packed"])(
    "that was interrupted goes on with --resume to the same files: %s",
    async (format) => {
      const dir = await temporaryFolder();
      const encode = ["encode", model, photos, "--format", format, "--batch-size", "1", "--out"];
      const [whole, parts] = [path.join(dir, "whole"), path.join(dir, "parts")];
      expect((await vqkit([...encode, whole])).code).toBe(0);
      const { Interrupted } = await import("../../cli/errors.js");
      const interrupted = AbortSignal.abort(new Interrupted("Interrupted."));
      const first = await vqkit([...encode, parts, "--quiet"], interrupted);
      expect([first.code, first.stderr]).toEqual([
        130,
        "Interrupted after 1 of 5 images. To resume: the same command with --resume.\n",
      ]);
      expect(await readdir(parts)).not.toContain("manifest.json");
      const without = await vqkit([...encode, parts]);
      expect([without.code, without.stderr]).toEqual([1, expect.stringContaining("--resume")]);
      const second = await vqkit([...encode, parts, "--quiet", "--resume"], interrupted);
      expect(second.stderr).toMatch(/^Interrupted after 2 of 5 images\./);
      const third = await vqkit([...encode, parts, "--resume", "--json"]);
      expect(third.code).toBe(0);
      expect(third.stderr).toContain("resuming after image 2\n");
      expect(JSON.parse(third.stdout)).toMatchObject({ images: 5, skipped: 0 });
      expect(await filesOf(parts)).toEqual(await filesOf(whole));
    },
  );

  test("that is finished says so to --resume, unless it was made otherwise", async () => {
    const out = path.join(await temporaryFolder(), "codes");
    const encode = ["encode", model, photos, "--out", out, "--quiet"];
    const tile = ["--policy", "tile", "--size", "16", "--overlap", "8"];
    expect((await vqkit([...encode, ...tile])).stdout).toBe(
      `40 tiles of 5 images as indices in 0..239 (latent grids: 40 of 4×4). Written: ${out}\n`,
    );
    const before = await filesOf(out);
    const again = await vqkit([...encode, ...tile, "--resume"]);
    expect(again).toEqual({
      code: 0,
      stdout: `Nothing is left to do. ${out}: 40 tiles as indices in 0..239 (latent grids: 40 of 4×4).\n`,
      stderr: "",
    });
    const json = await vqkit([...encode, ...tile, "--resume", "--json"]);
    expect(JSON.parse(json.stdout)).toMatchObject({ dir: out, images: null, skipped: null, entries: 40 });
    const otherwise = await vqkit([...encode, "--resume"]);
    expect([otherwise.code, otherwise.stderr]).toEqual([
      1,
      expect.stringMatching(/expected policy "tile" as in the finished codes, got "native"/),
    ]);
    expect(await filesOf(out)).toEqual(before);
  });

  test("names the most frequent sizes, and leaves out images of too many pixels", async () => {
    const dir = await temporaryFolder();
    const images = path.join(dir, "images");
    await mkdir(images);
    // Grids of 1×1 to 1×9, the last size twice; the tallest has 400 pixels.
    const widths = [4, 8, 12, 16, 20, 24, 28, 32, 36, 36];
    for (const [i, width] of widths.entries()) {
      const size = { width, height: 4, channels: 3, background: "#b53" } as const;
      await sharp({ create: size })
        .png()
        .toFile(path.join(images, `${i}.png`));
    }
    const tall = { width: 4, height: 100, channels: 3, background: "#b53" } as const;
    await sharp({ create: tall }).png().toFile(path.join(images, "tall.png"));
    const encode = ["encode", model, images, "--max-pixels", "399", "--out"];
    const { code, stdout, stderr } = await vqkit([...encode, path.join(dir, "codes")]);
    expect([code, stdout]).toEqual([
      0,
      "10 images as indices in 0..239 (latent grids: 2 of 1×9, 1 of 1×1, 1 of 1×2, 1 of 1×3, 1 of 1×4, 1 of 1×5, " +
        `3 of 3 other sizes). Written: ${path.join(dir, "codes")}\n`,
    ]);
    expect(stderr).toMatch(/^skipped \S+tall\.png: 4×100 pixels, over the limit of 399 \(maxPixels\)$/m);
  });

  test.each(["npy", "parquet"])("%s codes do not depend on the size of batches", async (format) => {
    const dir = await temporaryFolder();
    const tile = ["--format", format, "--policy", "tile", "--size", "8", "--overlap", "4"];
    const encode = (name: string, size: string) =>
      vqkit(["encode", model, photos, ...tile, "--batch-size", size, "--out", path.join(dir, name)]);
    for (const size of ["1", "7"]) expect((await encode(size, size)).code).toBe(0);
    expect(await filesOf(path.join(dir, "1"))).toEqual(await filesOf(path.join(dir, "7")));
  });

  test("that is interrupted before a row group of Parquet is full says that nothing is kept", async () => {
    const dir = path.join(await temporaryFolder(), "codes");
    const { Interrupted } = await import("../../cli/errors.js");
    const encode = [
      "encode",
      model,
      photos,
      "--batch-size",
      "2",
      "--format",
      "parquet",
      "--quiet",
      "--out",
      dir,
    ];
    const { code, stderr } = await vqkit(encode, AbortSignal.abort(new Interrupted("Interrupted.")));
    expect([code, stderr]).toEqual([
      130,
      "Interrupted after 2 of 5 images. Too few to keep in this format: the same command begins anew.\n",
    ]);
    expect(await readdir(path.dirname(dir))).toEqual([]);
  });

  test("refuses to resume with other settings, and leaves what is there", async () => {
    const dir = path.join(await temporaryFolder(), "codes");
    const { Interrupted } = await import("../../cli/errors.js");
    const encode = ["encode", model, photos, "--batch-size", "1", "--out", dir];
    await vqkit(encode, AbortSignal.abort(new Interrupted("Interrupted.")));
    const before = await filesOf(dir);
    const { code, stderr } = await vqkit([...encode, "--resume", "--size", "16"]);
    expect([code, stderr]).toEqual([1, expect.stringMatching(/expected policy "native" .* got "crop"/)]);
    expect(await filesOf(dir)).toEqual(before);
  });

  test("reads names from a file, or from standard input, in their order", async () => {
    const dir = await temporaryFolder();
    const files = [3, 0, 4].map((i) => path.join(photos, `image${i}.png`));
    await writeFile(path.join(dir, "list.txt"), `${files.join("\r\n")}\r\n\r\n`);
    const namesIn = async (out: string) =>
      (await readFile(path.join(out, "images.jsonl"), "utf8"))
        .trim()
        .split("\n")
        .map((line) => (JSON.parse(line) as { name: string }).name);
    const a = path.join(dir, "a");
    expect(
      (await vqkit(["encode", model, "--files-from", path.join(dir, "list.txt"), "--out", a])).code,
    ).toBe(0);
    expect(await namesIn(a)).toEqual(["image3.png", "image0.png", "image4.png"]);
    const b = path.join(dir, "b");
    const sink = () => new Writable({ write: (_chunk, _encoding, done) => done() });
    const terminal = { stdin: Readable.from([files.join("\0")]), stdout: sink(), stderr: sink() };
    const { signal } = new AbortController();
    expect(await run(["encode", model, "--files-from", "-", "--out", b], { ...terminal, signal })).toBe(0);
    expect(await namesIn(b)).toEqual(await namesIn(a));
  });

  test("takes large images in tiles, and decode puts them together", async () => {
    const dir = await temporaryFolder();
    const [codes, images] = [path.join(dir, "codes"), path.join(dir, "images")];
    const tile = ["--policy", "tile", "--size", "16", "--overlap", "8"];
    const encoded = await vqkit(["encode", model, photos, ...tile, "--out", codes, "--json"]);
    expect(JSON.parse(encoded.stdout)).toMatchObject({
      // 24×40: 2 rows, and 4 columns at 0, 8, 16, 24.
      images: 5,
      entries: 5 * 8,
      settings: { policy: "tile", size: [16, 16], overlap: 8 },
    });
    expect((await vqkit(["decode", model, codes, "--out", images])).code).toBe(0);
    const [mark, ...names] = (await readdir(images)).sort();
    expect([mark, names]).toEqual([".vqkit.json", [0, 1, 2, 3, 4].map((i) => `image${i}.png`)]);
    expect(await sharp(path.join(images, "image2.png")).metadata()).toMatchObject({ width: 40, height: 24 });
  });

  test.each<[string, string[], RegExp]>([
    ["no images", [], /<images\.\.\.>: expected folders, glob patterns or files, or --files-from, got none/],
    ["two sources", [photos, "--files-from", "list"], /--files-from: expected no other images/],
    [
      "a list that is not there",
      ["--files-from", "list"],
      /--files-from list: expected a readable file, got ENOENT/,
    ],
    ["an unknown policy", [photos, "--policy", "cover"], /--policy: expected "native" or/],
    ["a policy without its size", [photos, "--policy", "pad"], /size: expected a size for the policy "pad"/],
    ["an overlap without tiles", [photos, "--size", "16", "--overlap", "4"], /--overlap: expected none with/],
    ["an unknown format", [photos, "--format", "zip"], /--format: expected "npy" or "jsonl"/],
  ])("refuses %s as wrong usage, and leaves nothing", async (_, args, message) => {
    const dir = await temporaryFolder();
    const { code, stderr } = await vqkit(["encode", model, ...args, "--out", path.join(dir, "codes")]);
    expect(stderr).toMatch(message);
    expect(stderr.trim().split("\n")).toHaveLength(1);
    expect(code).toBe(2);
    expect(await readdir(dir)).toEqual([]);
  });
});
