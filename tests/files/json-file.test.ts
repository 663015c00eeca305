import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parseJson, readJsonFile } from "../../src/files/index.js";
import { temporaryFolder } from "../runs/temporary-folder.js";

const text = '{"name": "\u00e9", "counts": [3, 0, 7]}';
const value = { name: "\u00e9", counts: [3, 0, 7] };
const utf16 = Buffer.from(`\ufeff${text}`, "utf16le");

describe("a JSON file that an editor has saved", () => {
  test.each<[string, Buffer]>([
    ["UTF-8", Buffer.from(text)],
    ["UTF-8 with its mark", Buffer.from(`\ufeff${text}`)],
    ["UTF-16, little-endian", utf16],
    ["UTF-16, big-endian", Buffer.from(utf16).swap16()],
  ])("is read in %s", async (_, bytes) => {
    const path = join(await temporaryFolder(), "usage.json");
    await writeFile(path, bytes);
    expect(await readJsonFile(path)).toEqual(value);
  });

  test.each<[string, Buffer]>([
    ["UTF-32", Buffer.from([0xff, 0xfe, 0, 0, 0x31, 0, 0, 0])],
    ["Latin-1", Buffer.from(text, "latin1")],
    ["half a surrogate pair", Buffer.from([0xff, 0xfe, 0x22, 0, 0, 0xd8, 0x22, 0])],
    ["UTF-16 without its mark", utf16.subarray(2)],
  ])("is refused in %s, in one line", async (_, bytes) => {
    const path = join(await temporaryFolder(), "usage.json");
    await writeFile(path, bytes);
    await expect(readJsonFile(path)).rejects.toMatchObject({
      code: "format",
      message: expect.stringMatching(/usage\.json: expected JSON in UTF-8: [^\n]+$/),
    });
  });

  test("inside another file there is UTF-8 only", () => {
    expect(() => parseJson(utf16, "header")).toThrow(/^header: expected JSON in UTF-8/);
  });
});
