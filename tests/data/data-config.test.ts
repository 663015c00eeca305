import { describe, expect, it } from "vitest";
import { parseConfig } from "../../src/core/config.js";
import { ConfigError } from "../../src/core/errors.js";
import { dataConfigSchema } from "../../src/data/data-config.js";

const parse = (value: unknown) => parseConfig(dataConfigSchema, value, "data");

describe("dataConfigSchema", () => {
  it("fills in every default", () => {
    expect(parse({ images: "photos/" })).toEqual({
      images: "photos/",
      filesFrom: null,
      column: null,
      imageKey: null,
      shuffleBuffer: null,
      resize: null,
      cropSize: [64, 64],
      crop: "random",
      flip: true,
      heldOut: 0.2,
      splitSeed: null,
      evaluationCropsPerImage: 16,
      cacheMegabytes: 512,
      prefetch: 4,
      maxPixels: 64_000_000,
    });
  });

  it("survives JSON with other values than the defaults", () => {
    const config = parse({
      images: ["a/", "b/*.png"],
      column: "picture",
      imageKey: "jpg;png",
      shuffleBuffer: 10,
      resize: 96,
      cropSize: [32, 48],
      crop: "center",
      flip: false,
      heldOut: 0,
      splitSeed: 5,
      evaluationCropsPerImage: 3,
      cacheMegabytes: 0,
      prefetch: 0,
      maxPixels: 1000,
    });
    expect(config.cropSize).toEqual([32, 48]);
    expect(parse(JSON.parse(JSON.stringify(config)))).toEqual(config);
  });

  it("takes a list of files in the place of images", () => {
    const config = parse({ filesFrom: "list.txt" });
    expect(config).toMatchObject({ images: null, filesFrom: "list.txt" });
    expect(parse(JSON.parse(JSON.stringify(config)))).toEqual(config);
  });

  it("takes one number as a square crop", () => {
    expect(parse({ images: "a", cropSize: 32 }).cropSize).toEqual([32, 32]);
  });

  it.each([
    [
      {},
      "data.images",
      "data.images: expected a path, a glob pattern or a list of these, or data.filesFrom in its place, got nothing.",
    ],
    [{ images: "a", filesFrom: "b" }, "data.images", /got both images and filesFrom\.$/],
    [
      { images: "a", imageKey: "jpg;" },
      "data.imageKey",
      'data.imageKey: expected an ending such as "jpg", or several as "jpg;png", got "jpg;".',
    ],
    [
      { images: "a", shuffleBuffer: 0 },
      "data.shuffleBuffer",
      /^data\.shuffleBuffer: expected a.* >= 1, got 0\.$/,
    ],
    [{ images: [] }, "data.images", "data.images: expected >= 1 items, got []."],
    [{ images: "a", cropsize: 3 }, "data", /^data: unknown key "cropsize"\..* Did you mean "cropSize"\?$/],
    [{ images: "a", cropSize: 0 }, "data.cropSize", /^data\.cropSize: expected a.* >= 1, got 0\.$/],
    [
      { images: "a", cropSize: "64" },
      "data.cropSize",
      'data.cropSize: expected an integer >= 1 or [height, width], got "64".',
    ],
    [
      { images: "a", cropSize: [4, 2.5] },
      "data.cropSize[1]",
      "data.cropSize[1]: expected an integer, got 2.5.",
    ],
    [{ images: "a", resize: 0 }, "data.resize", /^data\.resize: expected a.* >= 1, got 0\.$/],
    [
      { images: "a", crop: "centre" },
      "data.crop",
      'data.crop: expected "random" or "center", got "centre". Did you mean "center"?',
    ],
    [{ images: "a", heldOut: 1 }, "data.heldOut", "data.heldOut: expected a number < 1, got 1."],
    [{ images: "a", heldOut: -0.1 }, "data.heldOut", "data.heldOut: expected a number >= 0, got -0.1."],
    [{ images: "a", prefetch: 65 }, "data.prefetch", /^data\.prefetch: expected a.* <= 64, got 65\.$/],
  ])("refuses %j", (value, path, message) => {
    let error: unknown;
    try {
      parse(value);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(ConfigError);
    expect((error as ConfigError).path).toBe(path);
    if (typeof message === "string") expect((error as ConfigError).message).toBe(message);
    else expect((error as ConfigError).message).toMatch(message);
  });
});
