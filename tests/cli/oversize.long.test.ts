import { describe, test } from "vitest";
import { modelAndPhotos } from "./model-and-photos.js";
import { expectOversizeRefused, FSQ, TINY } from "./oversized.js";

const { photos } = await modelAndPhotos("fsq", 3);
const COMPARE = ["--quantizers", "fsq,vq", "--codebook-size", "16"];

describe("a size that enlarges the images more than twice needs --allow-oversize, and nothing is written without:", () => {
  test.each<[string, (out: string) => string[], string]>([
    ["train", (out) => ["train", photos, ...TINY, ...FSQ, "--crop-size", "64", "--out", out], "--crop-size"],
    [
      "train --resize",
      (out) => ["train", photos, ...TINY, ...FSQ, "--crop-size", "16", "--resize", "64", "--out", out],
      "--resize",
    ],
    [
      "compare",
      (out) => ["compare", photos, ...TINY, ...COMPARE, "--crop-size", "64", "--out", out],
      "--crop-size",
    ],
  ])("%s", (_, args, flag) => expectOversizeRefused(args, flag));
});
