import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openCodes } from "../../../src/tokenizer/index.js";
import { collect, editFile, smallBatches, written } from "./samples.js";

describe("format jsonl", () => {
  it("writes a line an entry: its fields, the shape, a flat list of indices", async () => {
    const dir = await written("jsonl");
    expect((await readdir(dir)).sort()).toEqual(["codes.jsonl", "manifest.json"]);
    expect(await readFile(join(dir, "codes.jsonl"), "utf8")).toBe(
      `${[
        '{"name":"one.jpg","width":12,"height":8,"shape":[2,3,1],"indices":[12,0,3,7,5,11]}',
        '{"name":"two.jpg","width":12,"height":8,"tile":{"top":8,"left":0,"imageHeight":16,"imageWidth":12,"overlap":4},"shape":[2,3,1],"indices":[1,2,6,12,9,4]}',
        '{"name":"three.jpg","width":7,"height":4,"shape":[1,2,1],"indices":[8,10]}',
      ].join("\n")}\n`,
    );
    expect(await collect(dir)).toEqual(smallBatches);
  });

  it.each<[string, string, string, RegExp]>([
    [
      "another number of codebooks",
      "[1,2,1]",
      "[1,1,2]",
      /expected shape \[H,W,1\] and as many indices, got \[1,1,2\] and 2/,
    ],
    ["too few indices", "[8,10]", "[8]", /expected shape \[H,W,1\] and as many indices, got \[1,2,1\] and 1/],
    [
      "a fraction",
      "[8,10]",
      "[8,1.5]",
      /row 0, column 1, codebook 0: expected an index in 0\.\.12, got 1\.5/,
    ],
    [
      "an index below 0",
      "[8,10]",
      "[-1,10]",
      /row 0, column 0, codebook 0: expected an index in 0\.\.12, got -1/,
    ],
    ["a text", "[8,10]", '[8,"7"]', /row 0, column 1, codebook 0: expected an index in 0\.\.12, got "7"/],
  ])("refuses %s, with the line and the image", async (_, from, to, message) => {
    const dir = await written("jsonl");
    await editFile(dir, "codes.jsonl", (text) => text.replace(from, to));
    const reader = await openCodes(dir);
    await expect(reader.readEntry(2)).rejects.toMatchObject({
      code: "format",
      message: expect.stringMatching(
        new RegExp(`codes\\.jsonl line 3: image "three\\.jpg"[:,] ${message.source}`),
      ),
    });
    expect((await reader.readEntry(1)).images[0]?.name).toBe("two.jpg");
  });
});
