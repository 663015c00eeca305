import { readdir } from "node:fs/promises";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { temporaryFolder, vqkit } from "./harness.js";
import { modelAndPhotos } from "./model-and-photos.js";
import { ENLARGED, expectOversizeRefused, FSQ, TINY } from "./oversized.js";

const { photos, model } = await modelAndPhotos("fsq", 3);

describe("a size that enlarges the images more than twice needs --allow-oversize, and nothing is written without:", () => {
  test.each<[string, (out: string) => string[], string]>([
    [
      "train with the default size",
      (out) => ["train", photos, ...TINY, ...FSQ, "--out", out],
      "data.cropSize",
    ],
    ["encode", (out) => ["encode", model, photos, "--quiet", "--size", "64", "--out", out], "--size"],
    [
      "encode --policy resize",
      (out) => ["encode", model, photos, "--quiet", "--size", "64", "--policy", "resize", "--out", out],
      "--size",
    ],
  ])("%s", (_, args, flag) => expectOversizeRefused(args, flag));

  test("evaluate", async () => {
    const evaluate = ["evaluate", model, photos, "--quiet", "--crop-size", "64"];
    const refused = await vqkit(evaluate);
    expect([refused.code, refused.stdout]).toEqual([2, ""]);
    expect(refused.stderr).toMatch(ENLARGED);
    expect((await vqkit([...evaluate, "--allow-oversize"])).code).toBe(0);
  });
});

describe("memory that does not suffice is told with the figure, and nothing is written:", () => {
  const BATCH = ["--batch-size", "100000000", "--crop-size", "16"];
  test.each<[string, (out: string) => string[]]>([
    ["train", (out) => ["train", photos, ...TINY, ...FSQ, ...BATCH, "--out", out]],
    [
      "compare",
      (out) => [
        "compare",
        photos,
        ...TINY,
        "--quantizers",
        "fsq",
        "--codebook-size",
        "16",
        ...BATCH,
        "--out",
        out,
      ],
    ],
    ["evaluate", () => ["evaluate", model, photos, "--quiet", ...BATCH]],
  ])("%s", async (_, args) => {
    const dir = await temporaryFolder();
    const { code, stdout, stderr } = await vqkit(args(path.join(dir, "out")));
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toMatch(
      /^error: --crop-size: expected a size that memory suffices for: a (training step|pass) with 100000000 crops of 16×16 takes at least [\d,]+ GB of memory, and the machine has [\d.,]+ GB\. Choose a smaller size, or confirm this one \(--allow-oversize\)\.\n$/,
    );
    expect(await readdir(dir)).toEqual([]);
  });
});

test("encode with --overwrite leaves earlier codes where the size is refused", async () => {
  const out = path.join(await temporaryFolder(), "codes");
  expect((await vqkit(["encode", model, photos, "--quiet", "--out", out])).code).toBe(0);
  const before = await readdir(out);
  const again = ["encode", model, photos, "--quiet", "--size", "96", "--out", out, "--overwrite"];
  expect((await vqkit(again)).code).toBe(2);
  expect(await readdir(out)).toEqual(before);
});
