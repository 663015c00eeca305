import { copyFile, readdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { codeFormats } from "../../src/tokenizer/index.js";
import { modelFile, quantizers } from "../tokenizer/model.js";
import { temporaryFolder, vqkit } from "./harness.js";
import { modelAndPhotos } from "./model-and-photos.js";

const { shared, photos, model } = await modelAndPhotos("vq", 3);
const codes = (format: string): string => path.join(shared, format);

beforeAll(async () => {
  for (const format of codeFormats) {
    // Tiles smaller than the images, so that every image comes in parts.
    const tiles = ["--policy", "tile", "--size", "16", "--overlap", "4"];
    const run = await vqkit(["encode", model, photos, ...tiles, "--format", format, "--out", codes(format)]);
    expect([run.code, run.stderr]).toEqual([0, expect.anything()]);
  }
});

async function decoded(source: string): Promise<Record<string, string>> {
  const out = path.join(await temporaryFolder(), "images");
  const run = await vqkit(["decode", model, source, "--out", out, "--json"]);
  expect(run.stderr).not.toMatch(/error/);
  expect(JSON.parse(run.stdout)).toEqual({ dir: out, images: 3, unwritten: [] });
  const [mark, ...names] = (await readdir(out)).sort();
  expect(mark).toBe(".vqkit.json");
  return Object.fromEntries(
    await Promise.all(
      names.map(async (name) => [name, (await readFile(path.join(out, name))).toString("hex")]),
    ),
  );
}

describe("codes of every format", () => {
  test("decode to the same images", async () => {
    const expected = await decoded(codes("npy"));
    expect(Object.keys(expected)).toEqual(["image0.png", "image1.png", "image2.png"]);
    for (const format of codeFormats) expect(await decoded(codes(format)), format).toEqual(expected);
    for (const file of ["packed/codes.vqc", "parquet/codes.parquet"]) {
      expect(await decoded(path.join(shared, file)), file).toEqual(expected);
    }
  });

  test("have the same usage", async () => {
    const usage = async (source: string) => {
      const { stdout } = await vqkit(["report", source, "--json"]);
      const { name: _, ...figures } = JSON.parse(stdout);
      return figures;
    };
    const expected = await usage(codes("npy"));
    for (const format of codeFormats) expect(await usage(codes(format)), format).toEqual(expected);
    expect(await usage(path.join(shared, "packed/codes.vqc"))).toEqual(expected);
  });
});

test("a packed file with one flipped bit is refused by the number of its entry, and nothing is written", async () => {
  const dir = await temporaryFolder();
  const file = path.join(dir, "codes.vqc");
  await copyFile(path.join(shared, "packed/codes.vqc"), file);
  const bytes = await readFile(file);
  const at = bytes.lastIndexOf("image2.png") + "image2.png".length;
  bytes[at] = (bytes[at] as number) ^ 1;
  await writeFile(file, bytes);
  const { code, stderr } = await vqkit(["decode", model, file, "--out", path.join(dir, "images"), "--quiet"]);
  expect(code).toBe(1);
  expect(stderr).toMatch(
    /^error: \S+codes\.vqc: entry \d+ of \d+: expected checksum [^\n]+ damaged there\.\n$/,
  );
  expect(await readdir(dir)).toEqual(["codes.vqc"]);
});

test("codes of another model are refused, naming both fingerprints", async () => {
  const other = await modelFile(shared, quantizers.vq, 6);
  for (const format of codeFormats) {
    const out = path.join(await temporaryFolder(), "images");
    const { code, stderr } = await vqkit(["decode", other, codes(format), "--out", out, "--quiet"]);
    const fingerprints = /expected those of model ([0-9a-f]{12}), got those of model ([0-9a-f]{12})\./.exec(
      stderr,
    );
    expect([code, fingerprints?.length], stderr).toEqual([1, 3]);
    expect(fingerprints?.[1]).not.toBe(fingerprints?.[2]);
    const { fingerprint } = JSON.parse(await readFile(path.join(codes(format), "manifest.json"), "utf8"));
    expect(fingerprint.startsWith(fingerprints?.[2])).toBe(true);
  }
});
