import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { JsonLineIndex, readJsonLines } from "../../src/files/index.js";
import { temporaryFolder } from "../runs/temporary-folder.js";

const maxLine = 100_000;

async function fileOf(text: string): Promise<string> {
  const path = join(await temporaryFolder(), "lines.jsonl");
  await writeFile(path, text);
  return path;
}

async function collect(path: string, limit = maxLine): Promise<unknown[]> {
  const read: unknown[] = [];
  for await (const line of readJsonLines(path, { maxLine: limit })) read.push(line);
  return read;
}

describe("readJsonLines", () => {
  it("gives each object with the place of its line, also of lines over several reads", async () => {
    const long = "é".repeat(80_000); // 160,000 bytes: a line over three reads of 64 KB
    const path = await fileOf(`{"a":1}\n{"b":"${long}"}\n{"c":3}\n`);
    expect(await collect(path, 200_000)).toEqual([
      { value: { a: 1 }, line: 1, offset: 0 },
      { value: { b: long }, line: 2, offset: 8 },
      { value: { c: 3 }, line: 3, offset: 8 + 8 + 160_000 + 1 },
    ]);
  });

  it("refuses a line that is torn, too long, or no object", async () => {
    const torn = await fileOf('{"a":1}\n{"b":2}');
    await expect(collect(torn)).rejects.toMatchObject({
      code: "format",
      message: `${torn} line 2: expected an end of line. The file is cut short.`,
    });
    await expect(collect(await fileOf(" ".repeat(70_000)), 60_000)).rejects.toThrow(
      /line 1: expected at most 60000 bytes/,
    );
    await expect(collect(await fileOf('{"a":1}\n[2]\n'))).rejects.toThrow(/line 2: expected a JSON object/);
  });
});

describe("JsonLineIndex", () => {
  it("finds any line", async () => {
    // Lines of many lengths, more than are between two places that the index keeps.
    const texts = Array.from({ length: 700 }, (_, i) =>
      JSON.stringify({ i, pad: "x".repeat((i * 37) % 300) }),
    );
    const path = await fileOf(`${texts.join("\n")}\n`);
    const index = new JsonLineIndex(path, { maxLine });
    for (const i of [699, 0, 255, 256, 257, 511, 512, 300]) {
      expect((await index.read(i)).value).toEqual(JSON.parse(texts[i] as string));
    }
    for (const i of [700, 768, 5000]) await expect(index.read(i)).rejects.toMatchObject({ code: "format" });
  });
});
