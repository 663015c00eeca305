import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type Codes, type TokenOptions, writeCodes } from "../../../src/tokenizer/index.js";
import { temporaryFolder } from "../../runs/temporary-folder.js";
import { fingerprint } from "./arbitrary.js";
import { codesOf, collect, editFile, faultOf, one, replaceFile, smallBatches } from "./samples.js";

/** The header's first ten numbers, whether the rest is 0, and the tokens of a part. */
async function partOf(dir: string, part: string) {
  const file = await readFile(join(dir, `${part}.bin`));
  const header = Array.from({ length: 256 }, (_, i) => file.readUInt32LE(4 * i));
  const bytes = header[4] as number;
  const tokens = Array.from({ length: (file.length - 1024) / bytes }, (_, i) =>
    file.readUIntLE(1024 + i * bytes, bytes),
  );
  return { header: header.slice(0, 10), isPadded: header.slice(10).every((n) => n === 0), tokens };
}

async function written(codes: readonly Codes[], tokens?: TokenOptions): Promise<string> {
  const dir = join(await temporaryFolder(), "codes");
  await writeCodes(dir, codes, { format: "bin", ...(tokens === undefined ? {} : { tokens }) });
  return dir;
}

/** Two codebooks of 10 codes, two positions. */
const pairs: Codes = {
  indices: Uint16Array.of(3, 9, 0, 1),
  shape: [1, 1, 2, 2],
  codebookSize: 10,
  images: [{ name: "a.jpg", width: 8, height: 4 }],
  fingerprint,
};

describe("format bin", () => {
  it("has each image behind its begin token, codebooks apart, with llm.c's header", async () => {
    // Offset 100: codebook 0 has the tokens 100..109, codebook 1 110..119; the begin token follows.
    const dir = await written([pairs], { offset: 100, validation: 0 });
    expect(await partOf(dir, "train")).toEqual({
      header: [20240520, 1, 5, 0, 2, 121, 100, 120, 10, 2],
      isPadded: true,
      tokens: [120, 103, 119, 100, 111],
    });
    expect((await readdir(dir)).sort()).toEqual(["entries.jsonl", "manifest.json", "train.bin"]);
    expect(JSON.parse(await readFile(join(dir, "entries.jsonl"), "utf8"))).toEqual({
      name: "a.jpg",
      width: 8,
      height: 4,
      shape: [1, 2, 2],
      part: "train",
      at: 0,
    });
    expect(await collect(dir)).toEqual([pairs]);
  });

  it("has the begin token that is given, or none", async () => {
    const given = await partOf(await written([pairs], { offset: 3, begin: 0, validation: 0 }), "train");
    expect(given.tokens).toEqual([0, 6, 22, 3, 14]);
    expect(given.header.slice(2)).toEqual([5, 0, 2, 23, 3, 0, 10, 2]);
    const none = await written([pairs, pairs], { begin: null, validation: 0 });
    const { header, tokens } = await partOf(none, "train");
    expect(tokens).toEqual([3, 19, 0, 11, 3, 19, 0, 11]);
    expect(header.slice(2)).toEqual([8, 0, 2, 20, 0, 2 ** 32 - 1, 10, 2]);
    expect(await collect(none)).toEqual([
      {
        ...pairs,
        indices: Uint16Array.of(3, 9, 0, 1, 3, 9, 0, 1),
        shape: [2, 1, 2, 2],
        images: [...pairs.images, ...pairs.images],
      },
    ]);
  });

  // One codebook of 10 codes at an offset, and the begin token behind them: size = offset + 11.
  it.each([
    [65_525, 65_536, 2, 20240520, 1],
    [65_526, 65_537, 4, 20240801, 7],
  ])("at the offset %i has %i tokens of %i bytes", async (offset, size, bytes, magic, version) => {
    const dir = await written([one], { offset, validation: 0 });
    const { header, tokens } = await partOf(dir, "train");
    expect(header).toEqual([magic, version, 7, 0, bytes, size, offset, offset + 10, 10, 1]);
    expect(tokens).toEqual([offset + 10, ...[3, 1, 4, 1, 5, 9].map((index) => index + offset)]);
    expect(await collect(dir)).toEqual([one]);
  });

  it("has a sequence of scales one behind another", async () => {
    const sequence: Codes = {
      ...one,
      indices: Uint16Array.of(9, 1, 2, 3, 4),
      shape: [1, 1, 5, 1],
      scales: [1, 2],
    };
    const dir = await written([sequence], { validation: 0 });
    expect((await partOf(dir, "train")).tokens).toEqual([10, 9, 1, 2, 3, 4]);
    expect(await collect(dir)).toEqual([sequence]);
  });

  it("parts images by their names alone, all entries of an image together", async () => {
    const names = Array.from({ length: 40 }, (_, i) => `${i % 20}.jpg`);
    const share = (name: string) =>
      Number.parseInt(createHash("sha256").update(name).digest("hex").slice(0, 12), 16) / 2 ** 48;
    const codes = {
      ...codesOf({ seed: 4, count: 40 }),
      images: names.map((name) => ({ name, width: 12, height: 8 })),
    };
    const dir = await written([codes], { validation: 0.3 });
    const lines = (await readFile(join(dir, "entries.jsonl"), "utf8")).trimEnd().split("\n");
    const entries = lines.map((line) => JSON.parse(line) as { part: string; at: number });
    expect(entries.map(({ part }) => part)).toEqual(
      names.map((name) => (share(name) < 0.3 ? "val" : "train")),
    );
    // 2·3·2 indices and a begin token an entry.
    for (const part of ["train", "val"]) {
      const places = entries.filter((entry) => entry.part === part).map(({ at }) => at);
      expect(places.length).toBeGreaterThan(3);
      expect(places).toEqual(places.map((_, i) => 13 * i));
      expect((await partOf(dir, part)).tokens).toHaveLength(13 * places.length);
    }
    expect(await collect(dir)).toEqual([codes]);
    const [first] = await collect(await written([codes], { validation: 1 }));
    expect(first).toEqual(codes);
  });

  it.each<[TokenOptions, string]>([
    [{ offset: 5, begin: 24 }, "tokens.begin: expected a token beside those of the codes, 5..24, got 24."],
    [{ offset: 2 ** 32 - 21 }, "bin: expected fewer than 2^32 tokens, got 4294967296. Use another format."],
    [{ validation: 1.5 }, "tokens.validation: expected a number <= 1, got 1.5."],
    [{ offset: -1 }, "tokens.offset: expected an integer >= 0, got -1."],
  ])("refuses %j", async (tokens, message) => {
    await expect(written([pairs], tokens)).rejects.toThrow(message);
  });

  it("is the only one with tokens", async () => {
    const dir = join(await temporaryFolder(), "codes");
    await expect(writeCodes(dir, [one], { format: "npy", tokens: { offset: 7 } })).rejects.toThrow(
      'tokens: expected a format of tokens with it (bin), got "npy".',
    );
  });

  it("names what is wrong in it", async () => {
    const dir = await written(smallBatches, { validation: 0 });
    const text = await readFile(join(dir, "train.bin"), "latin1");
    const message = async (): Promise<string> => ((await faultOf(dir)) as Error).message;
    const put = async (at: number, character: string): Promise<void> =>
      replaceFile(
        dir,
        "train.bin",
        Buffer.from(text.slice(0, at) + character + text.slice(at + 1), "latin1"),
      );
    // 6 indices behind a begin token, 13; token 7 begins the second image.
    await put(1024 + 2 * 9, "\x0e");
    expect(await message()).toMatch(
      /train\.bin: token 9, of image "two\.jpg": expected one of a code, got 14\./,
    );
    await put(1024 + 2 * 7, "\x0c");
    expect(await message()).toMatch(/token 7, of image "two\.jpg": expected the begin token 13, got 12\./);
    await put(8, "\x01");
    expect(await message()).toMatch(
      /train\.bin: header: expected 17 as number 2, as the manifest and the file's length say, got 1\./,
    );
    await replaceFile(dir, "train.bin", Buffer.from(text, "latin1"));
    await editFile(dir, "entries.jsonl", (lines) => lines.replace('"at":7', '"at":70'));
    expect(await message()).toMatch(/train\.bin: expected \d+ bytes, got 1058\. The file is cut short\./);
  });
});
