import { readdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { tiffFile } from "../data/image-files.js";
import { noise } from "../data/temporary.js";
import { temporaryFolder, vqkit } from "./harness.js";
import { modelAndPhotos } from "./model-and-photos.js";

const { photos, model } = await modelAndPhotos("fsq", 0);

/** Three files with something to say of how they are read, one without, and one that is broken. */
beforeAll(async () => {
  const size = { height: 40, width: 48 };
  const { pixels } = noise(5, { ...size, channels: 4 });
  const jpeg = await noise(6, size).image.jpeg().toBuffer();
  const file = (name: string): string => path.join(photos, name);
  await writeFile(file("a-nir.tif"), tiffFile(pixels, { ...size, channels: 4, photometric: 2, extra: [0] }));
  await writeFile(file("b-cut.jpg"), jpeg.subarray(0, -2));
  const half = pixels.subarray(0, 2 * size.height * size.width);
  await writeFile(file("c-grey.tif"), tiffFile(half, { ...size, channels: 2, photometric: 1, extra: [0] }));
  await writeFile(file("d-whole.jfif"), jpeg);
  await writeFile(file("e-whole.JPE"), jpeg);
  await writeFile(file("f-torn.jfif"), jpeg.subarray(0, -60));
});

const NOTES = [
  /^note \S+a-nir\.tif: 1 sample a pixel left out: the file does not say what it is \(ExtraSamples\)$/m,
  /^note \S+b-cut\.jpg: the end marker is missing, and nothing else$/m,
  /^note \S+c-grey\.tif: 1 sample a pixel left out: the file does not say what it is \(ExtraSamples\)$/m,
  /^3 images were read with a note\.$/m,
  /^skipped \S+f-torn\.jfif: VipsJpeg: premature end of JPEG image$/m,
  /^1 image was skipped\.$/m,
];

function expectNotes({ code, stdout, stderr }: Awaited<ReturnType<typeof vqkit>>): void {
  expect(code, stderr).toBe(0);
  for (const line of NOTES) expect(stderr).toMatch(line);
  expect(stderr.match(/^note \S+\.(?:tif|jpg):/gm)).toHaveLength(3);
  const { notes, broken } = JSON.parse(stdout) as Record<string, { file: string; note?: string }[]>;
  expect(notes?.map(({ file }) => path.basename(file))).toEqual(["a-nir.tif", "b-cut.jpg", "c-grey.tif"]);
  expect(notes?.[1]?.note).toBe("the end marker is missing, and nothing else");
  expect(broken?.map(({ file }) => path.basename(file))).toEqual(["f-torn.jfif"]);
}

describe("how images were read is told once for each, counted, and in the JSON of", () => {
  test("encode", async () => {
    const out = path.join(await temporaryFolder(), "codes");
    expectNotes(await vqkit(["encode", model, photos, "--out", out, "--json"]));
    const lines = (await readFile(path.join(out, "images.jsonl"), "utf8")).trim().split("\n");
    expect(lines.map((line) => (JSON.parse(line) as { name: string }).name)).toEqual(
      (await readdir(photos)).filter((name) => name !== "f-torn.jfif").sort(),
    );
  });

  test("evaluate", async () => {
    expectNotes(await vqkit(["evaluate", model, photos, "--crop-size", "32", "--json"]));
  });

  test("train, however often a file is decoded", async () => {
    const out = path.join(await temporaryFolder(), "run");
    const tiny = ["--preset", "tiny", "--quantizer", "fsq", "--levels", "4,4", "--crop-size", "16"];
    const run = ["--steps", "6", "--batch-size", "3", "--held-out", "0", "--set", "data.cacheMegabytes=0"];
    expectNotes(await vqkit(["train", photos, ...tiny, ...run, "--out", out, "--json"]));
  });
});
