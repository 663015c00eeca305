import { copyFile, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { Readable } from "node:stream";
import { describe, expect, test } from "vitest";
import { readFileList } from "../../cli/file-list.js";
import { temporaryFolder, vqkit } from "./harness.js";
import { modelAndPhotos } from "./model-and-photos.js";

const { photos, model } = await modelAndPhotos("fsq", 5);

const names = ["café/image3.png", "café/image0.png"];
const lines = `${names.join("\r\n\r\n")}\n`;

describe("a list of names", () => {
  test.each<[string, Buffer]>([
    ["UTF-8", Buffer.from(lines)],
    ["UTF-8 with its mark", Buffer.from(`\ufeff${lines}`)],
    ["UTF-16, little-endian", Buffer.from(`\ufeff${lines}`, "utf16le")],
    ["UTF-16, big-endian", Buffer.from(`\ufeff${lines}`, "utf16le").swap16()],
    ["UTF-16 with NUL between names", Buffer.from(`\ufeff${names.join("\0")}\0`, "utf16le")],
  ])("is read in %s, from a file and from standard input", async (_, bytes) => {
    const file = path.join(await temporaryFolder(), "list.txt");
    await writeFile(file, bytes);
    // Cut in the middle of a character.
    const stdin = Readable.from([bytes.subarray(0, 7), bytes.subarray(7)]);
    expect(await readFileList(file, undefined)).toEqual(names);
    expect(await readFileList("-", stdin)).toEqual(names);
  });

  test("is encoded where PowerShell wrote it, in its order and under its names", async () => {
    const dir = await temporaryFolder();
    await mkdir(path.join(dir, "café"));
    for (const name of names) await copyFile(path.join(photos, path.basename(name)), path.join(dir, name));
    const list = path.join(dir, "list.txt");
    await writeFile(list, `\ufeff${names.map((name) => path.join(dir, name)).join("\r\n")}\r\n`, "utf16le");
    const out = path.join(dir, "codes");
    const { code, stderr } = await vqkit(["encode", model, "--files-from", list, "--out", out, "--quiet"]);
    expect([code, stderr]).toEqual([0, ""]);
    const written = (await readFile(path.join(out, "images.jsonl"), "utf8")).trim().split("\n");
    expect(written.map((line) => JSON.parse(line).name)).toEqual(["image3.png", "image0.png"]);
  });

  test("is refused in UTF-32, in one line, and nothing is left", async () => {
    const dir = await temporaryFolder();
    const list = path.join(dir, "list.txt");
    await writeFile(list, Buffer.from([0xff, 0xfe, 0, 0, 0x61, 0, 0, 0]));
    const outcome = await vqkit(["encode", model, "--files-from", list, "--out", path.join(dir, "codes")]);
    expect(outcome).toEqual({
      code: 2,
      stdout: "",
      stderr: `error: --files-from ${list}: expected text in UTF-8 or UTF-16, got UTF-32. Save it as UTF-8.\n`,
    });
    expect(await readdir(dir)).toEqual(["list.txt"]);
  });
});
