import { cp, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { VqkitError } from "../../../src/core/errors.js";
import { Random } from "../../../src/core/random.js";
import { formats } from "../../../src/tokenizer/code-files/formats.js";
import { type CodeFormat, codeFormats, openCodes, writeCodes } from "../../../src/tokenizer/index.js";
import { temporaryFolder } from "../../runs/temporary-folder.js";
import { anyBatches } from "./arbitrary.js";
import { collect, editFile, faultOf, oneByOne, smallBatches, written } from "./samples.js";

describe.each(codeFormats)("format %s", (format) => {
  it("gives back what was written, in order and one by one", async () => {
    const folder = await temporaryFolder();
    let run = 0;
    await fc.assert(
      fc.asyncProperty(anyBatches, fc.integer({ min: 1, max: 5 }), async (batches, batchSize) => {
        const dir = join(folder, String(run++));
        const written = oneByOne(batches);
        const manifest = await writeCodes(dir, batches, { format, shardBytes: 9000 });
        expect(manifest).toMatchObject({ layout: format, entries: written.length });
        const read = await collect(dir, batchSize);
        expect(read.every(({ images }) => images.length <= batchSize)).toBe(true);
        expect(oneByOne(read)).toEqual(written);
        const reader = await openCodes(dir);
        expect(reader.manifest).toEqual(manifest);
        for (const [i, image] of written.entries()) expect(await reader.readEntry(i)).toEqual(image);
        await expect(reader.readEntry(written.length)).rejects.toThrow(RangeError);
        expect((await readdir(dir)).filter((name) => name.startsWith("."))).toEqual([]);
      }),
      { numRuns: 40, seed: 7 },
    );
  });
});

describe.each(codeFormats)("a folder of format %s", (format) => {
  it("shows any byte that is missing at the end of any file", async () => {
    const dir = await written(format);
    const copy = join(await temporaryFolder(), "copy");
    for (const file of (await readdir(dir)).filter((name) => name !== "manifest.json")) {
      const { length } = await readFile(join(dir, file));
      for (const size of [0, 1, Math.floor(length / 2), length - 1]) {
        await cp(dir, copy, { recursive: true });
        await truncate(join(copy, file), size);
        expect(await faultOf(copy), `${file} of ${size} bytes`).toMatchObject({ code: "format" });
        await rm(copy, { recursive: true });
      }
    }
  });

  it("is read, or refused with a plain error, whatever bytes are wrong", async () => {
    const dir = await written(format);
    const random = new Random(5, "damage", format);
    for (const file of await readdir(dir)) {
      const path = join(dir, file);
      const bytes = await readFile(path);
      for (let run = 0; run < 60; run++) {
        const damaged = Buffer.from(bytes);
        for (let i = 0; i <= run % 3; i++) damaged[random.integer(bytes.length)] = random.integer(256);
        await writeFile(path, damaged);
        const fault = await faultOf(dir);
        if (fault !== undefined) expect(fault, String(fault)).toBeInstanceOf(VqkitError);
        else for (const { indices } of await collect(dir)) expect(Math.max(...indices)).toBeLessThan(13);
      }
      await writeFile(path, bytes);
    }
    expect(await collect(dir)).toEqual(smallBatches);
  });
});

describe("an index that the codebook does not have", () => {
  it.each<[CodeFormat, (dir: string) => Promise<void>]>([
    ["jsonl", (dir) => editFile(dir, "codes.jsonl", (text) => text.replace("[1,2,6,12", "[1,2,6,13"))],
    ["npy", (dir) => editFile(dir, "codes-2x3.npy", (text) => text.replace("\x06\0\x0c\0", "\x06\0\x0d\0"))],
    [
      "tar",
      (dir) => editFile(dir, "codes-000000.tar", (text) => text.replace("\x06\0\x0c\0", "\x06\0\x0d\0")),
    ],
    [
      "parquet",
      (dir) =>
        editFile(dir, "codes.parquet", (text) =>
          text.replace('"codebookSize":13', '"codebookSize":12').replace("vqkit", "vqkit"),
        ),
    ],
  ])("is named with its image and place in format %s", async (format, damage) => {
    const dir = await written(format);
    await damage(dir);
    if (format === "parquet") {
      const path = join(dir, "manifest.json");
      await writeFile(path, (await readFile(path, "utf8")).replace('"codebookSize":13', '"codebookSize":12'));
    }
    await expect(collect(dir)).rejects.toMatchObject({
      code: "format",
      message: expect.stringMatching(
        format === "parquet"
          ? /image "one\.jpg", row 0, column 0, codebook 0: expected an index in 0\.\.11, got 12\./
          : /image "two\.jpg", row 1, column 0, codebook 0: expected an index in 0\.\.12, got 13\./,
      ),
    });
  });
});

describe("the list of formats", () => {
  it.each(codeFormats)("knows the files of %s, and those of no other format", async (format) => {
    const dir = await written(format);
    const names = (await readdir(dir)).filter((name) => name !== "manifest.json");
    expect(names.length).toBeGreaterThan(0);
    for (const name of names) {
      expect(codeFormats.filter((each) => formats[each].isFile(name))).toEqual([format]);
      const strangers = [`${name}.old`, `x${name}`, `../${name}`];
      expect(strangers.filter((each) => formats[format].isFile(each))).toEqual([]);
    }
  });

  it("is what the command line and the documents name", async () => {
    const cli = await readFile(join(import.meta.dirname, "../../../docs/cli.md"), "utf8");
    const names = `${codeFormats.slice(0, -1).join(", ")} or ${codeFormats.at(-1)}`;
    expect(cli).toContain(names);
    const text = await readFile(join(import.meta.dirname, "../../../docs/formats.md"), "utf8");
    expect([...text.matchAll(/^## (\w+)$/gm)].map(([, name]) => name)).toEqual(codeFormats);
  });
});
