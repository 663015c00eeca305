/** What `train` and `evaluate` take for images beside image files. */
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { RunFolder } from "../../src/runs/index.js";
import { temporaryFolder, vqkit } from "./harness.js";
import { imageSources } from "./image-sources.js";
import { SMALL } from "./resumed-program.js";

const { at } = await imageSources();
const two = ["--steps", "2", "--json"];

describe("train", () => {
  test("takes a list of shards, tables and images; config.json has what decides on them", async () => {
    const out = path.join(await temporaryFolder(), "run");
    const from = ["--files-from", at("list.txt"), "--image-key", "photo.png", "--column", "picture"];
    const { code, stdout, stderr } = await vqkit(["train", ...from, ...SMALL, ...two, "--out", out]);
    expect({ code, error: /error: .*/.exec(stderr)?.[0] }).toEqual({ code: 0, error: undefined });
    // Three rows, one file and two samples: 20 % of 6 are 1.
    expect(stderr).toContain("images     5 to train on, 1 held out for evaluation");
    expect(stderr).toContain("left out, images beside the one of their sample: 1 (1 depth.png)");
    expect(JSON.parse(stdout).leftOut).toEqual([
      { what: "images beside the one of their sample", count: 1, endings: { "depth.png": 1 } },
    ]);
    expect((await (await RunFolder.open(out)).readConfig()).data).toMatchObject({
      ...{ images: null, filesFrom: at("list.txt"), imageKey: "photo.png", column: "picture" },
      ...{ heldOut: 0.2, shuffleBuffer: null },
    });
  });

  test("says that compressed shards need a shuffle buffer", async () => {
    const { code, stderr } = await vqkit(["train", at("a.tar.gz"), ...SMALL, "--quiet"]);
    expect(code).toBe(2);
    expect(stderr).toMatch(
      /^error: data\.shuffleBuffer: expected the number of images to draw from, got none: [^\n]*a\.tar\.gz is compressed [^\n]* \(--shuffle-buffer\), or decompress the shard\.\n$/,
    );
  });

  test.each([
    [["--files-from", "list.txt", "photos"], "--files-from: expected no other images, got photos too."],
    [
      ["--files-from", "-"],
      "--files-from -: expected a file, got standard input, which cannot be read again.",
    ],
    [["--files-from", "none.txt"], "--files-from: expected a readable file, got ENOENT for none.txt."],
    [["photos", "--shuffle-buffer", "0"], "--shuffle-buffer: expected an integer >= 1, got 0."],
    [
      ["a.tar", "--image-key", "a/b"],
      '--image-key: expected an ending such as "jpg", or several as "jpg;png", got "a/b".',
    ],
  ])("refuses %j in one line", async (args, message) => {
    const { code, stderr } = await vqkit(["train", ...args, ...SMALL]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^error: [^\n]+\n$/);
    expect(stderr).toContain(message);
  });
});

describe("evaluate", () => {
  test("measures the images of shards as those of files, compressed ones too", async () => {
    const model = path.join(await temporaryFolder(), "run");
    await vqkit(["train", at("image0.png"), ...SMALL, ...two, "--out", model, "--quiet"]);
    const figures = async (...images: string[]) => {
      const { code, stdout, stderr } = await vqkit([
        "evaluate",
        model,
        ...images,
        "--json",
        "--quiet",
        "--threads",
        "1",
      ]);
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      return (JSON.parse(stdout) as { figures: object }).figures;
    };
    const key = ["--image-key", "photo.png"];
    const expected = await figures(at("image0.png"), at("image2.png"));
    expect(await figures(at("a.tar"), ...key)).toEqual(expected);
    expect(await figures(at("a.tar.gz"), ...key)).toEqual(expected);
    await writeFile(at("two.txt"), `${at("image0.png")}\n${at("image2.png")}\n`);
    expect(await figures("--files-from", at("two.txt"))).toEqual(expected);
  });

  test("needs images, in one way", async () => {
    const { code, stderr } = await vqkit([
      "evaluate",
      "model.safetensors",
      "photos",
      "--files-from",
      "list.txt",
    ]);
    expect([code, stderr]).toEqual([
      2,
      "error: --files-from: expected no other images, got photos too. Give one or the other.\n",
    ]);
  });
});
