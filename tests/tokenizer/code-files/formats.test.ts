import { cp, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { formats } from "../../../src/tokenizer/code-files/formats.js";
import { type CodeFormat, codeFormats } from "../../../src/tokenizer/index.js";
import { temporaryFolder } from "../../runs/temporary-folder.js";
import { expectReadOrRefused, expectRoundTrips } from "./format-checks.js";
import { collect, editFile, faultOf, written } from "./samples.js";

it.each(codeFormats)("format %s gives back what was written, in order and one by one", (format) =>
  expectRoundTrips(format, 8),
);

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

  it("is read, or refused with a plain error, whatever bytes are wrong", () =>
    expectReadOrRefused(format, 12));
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
