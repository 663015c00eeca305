import { execFile } from "node:child_process";
import { chmod, mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import sharp from "sharp";
import { expect, test } from "vitest";
import { temporaryFolder } from "../cli/harness.js";

/** In the place of Python with Pillow: answers by the name of the file, in the form of tools/pillow_pixels.py. */
const STAND_IN = `#!${process.execPath}
const answers = {
  "same.png": [2, 1, [10, 20, 30, 40, 50, 60]],
  "close.png": [2, 1, [10, 22, 30, 40, 50, 58]],
  "different.png": [2, 1, [10, 20, 30, 40, 50, 66]],
  "turned.png": [1, 2, [10, 20, 30, 40, 50, 60]],
  "other.bmp": [1, 1, [1, 2, 3]],
};
const lines = require("node:readline").createInterface({ input: process.stdin });
lines.on("line", (file) => {
  const answer = answers[require("node:path").basename(file)];
  if (answer === undefined) return process.stdout.write('{"error": "UnidentifiedImageError: no"}\\n');
  const [width, height, pixels] = answer;
  process.stdout.write(JSON.stringify({ format: "PNG", mode: "RGB", width, height }) + "\\n");
  process.stdout.write(Buffer.from(pixels));
});
`;

test("files are counted by how both readers agree, and those that differ are named", async () => {
  const dir = await temporaryFolder();
  const pictures = path.join(dir, "pictures");
  await mkdir(path.join(pictures, "below"), { recursive: true });
  const raw = { width: 2, height: 1, channels: 3 } as const;
  const png = await sharp(Buffer.from([10, 20, 30, 40, 50, 60]), { raw })
    .png()
    .toBuffer();
  for (const name of ["same.png", "close.png", "different.png", "turned.png", "below/alone.png"])
    await writeFile(path.join(pictures, name), png);
  await writeFile(path.join(pictures, "other.bmp"), "BM and no more");
  await writeFile(path.join(pictures, "notes.txt"), "no picture");
  const python = path.join(dir, "python");
  await writeFile(python, STAND_IN);
  await chmod(python, 0o755);
  const { stdout } = await promisify(execFile)(process.execPath, [
    ...["tools/pillow-pictures.mjs", pictures, python],
  ]);
  const lines = stdout.trimEnd().split("\n");
  expect(lines.slice(0, 2)).toEqual([
    // |66 − 60| of six samples: 6 at most, 1 in the mean.
    "different\tPNG\tdifferent.png\tby at most 6, 1.00 in the mean (RGB)",
    "different\tPNG\tturned.png\t2×1 here, 1×2 by Pillow",
  ]);
  expect(lines[2]).toMatch(/^refused by vqkit\tPNG\tother\.bmp\t./);
  expect(lines.slice(3).map((line) => line.trim())).toEqual([
    ...["1 same", "1 close", "2 different", "1 refused by vqkit", "1 refused by Pillow", "1 refused by both"],
    "7 files",
  ]);
});
