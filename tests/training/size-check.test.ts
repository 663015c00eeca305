import { mkdir } from "node:fs/promises";
import path from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { encodingBytes, forwardBytes, resolveModel, trainingStepBytes } from "../../src/autoencoder/index.js";
import { OversizeError } from "../../src/core/oversize.js";
import { findImages } from "../../src/data/index.js";
import { passFault } from "../../src/tokenizer/size-check.js";
import { resolveRun } from "../../src/training/run-config.js";
import { checkMemory, checkSize, enlargementWarnings } from "../../src/training/size-check.js";
import { noise, temporaryFolder } from "../data/temporary.js";

const folder = await temporaryFolder();
let files: readonly string[];

/** Three images of 24×40, two of 60×80. */
beforeAll(async () => {
  const dir = path.join(folder, "photos");
  await mkdir(dir);
  const sizes = [24, 24, 24, 60, 60].map((height) => ({ height, width: height === 24 ? 40 : 80 }));
  for (const [i, size] of sizes.entries()) {
    await noise(i, size)
      .image.png()
      .toFile(path.join(dir, `${i}.png`));
  }
  files = await findImages(dir);
});

const ENOUGH = 1e15;
const run = (data: object, more: object = {}) =>
  resolveRun({
    model: { preset: "tiny" },
    quantizer: { kind: "fsq" },
    data: { images: folder, ...data },
    ...more,
  });

async function failure(check: Promise<unknown>): Promise<OversizeError> {
  const error = await check.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(OversizeError);
  return error as OversizeError;
}

describe("crops that enlarge the images more than twice", () => {
  test.each([
    // The middle one of 24, 24, 24, 60, 60 rows is 24×40: 24 rows become 56, or 40 columns 96; 24 rows are resized to 60.
    { data: { cropSize: [56, 40] }, path: "data.cropSize", factor: 56 / 24, to: "93×56" },
    { data: { cropSize: [24, 96] }, path: "data.cropSize", factor: 96 / 40, to: "96×58" },
    { data: { cropSize: [16, 16], resize: 60 }, path: "data.resize", factor: 60 / 24, to: "100×60" },
  ])("are refused: $data", async ({ data, path: field, factor, to }) => {
    const error = await failure(checkSize(run(data), files, { memory: ENOUGH }));
    expect(error).toMatchObject({ code: "config", path: field, bytesNeeded: null });
    expect(error.enlargement).toBeCloseTo(factor, 1);
    expect(error.message).toContain(
      `times that of the middle one of 5 images: 40×24 would become ${to}. Choose a smaller size, or confirm this one (option allowOversize).`,
    );
    const confirmed = await checkSize(run(data, { allowOversize: true }), files, { memory: ENOUGH });
    expect(confirmed?.median.from).toEqual({ height: 24, width: 40 });
    expect(enlargementWarnings(confirmed)).toHaveLength(1);
  });

  test.each([
    { data: { cropSize: [48, 80] }, enlarged: 4 },
    { data: { cropSize: [24, 40] }, enlarged: 0 },
    { data: { cropSize: [32, 32] }, enlarged: 3 },
  ])("are not these: $data", async ({ data, enlarged }) => {
    const found = await checkSize(run(data), files, { memory: ENOUGH });
    expect(found).toMatchObject({ looked: 5 });
    if (enlarged === 4) expect(found?.enlarged).toBeGreaterThanOrEqual(3);
    else expect(found?.enlarged).toBe(enlarged);
    expect(enlargementWarnings(found)).toHaveLength(enlarged === 0 ? 0 : 1);
  });

  test("are told together with the memory that they take", async () => {
    const error = await failure(checkSize(run({ cropSize: 4096 }), files, { memory: 16e9 }));
    expect(error.enlargement).toBeGreaterThan(100);
    expect(error.bytesNeeded).toBeGreaterThan(100e9);
    expect(error.message).toMatch(
      /^data\.cropSize: expected at most twice .+ A training step with 16 crops of 4096×4096 takes at least \d+ GB of memory, and the machine has 16\.0 GB\. /,
    );
    expect(error.message).not.toContain("\n");
  });
});

describe("memory", () => {
  test("that does not suffice is told before an image is looked at", async () => {
    const config = run({ cropSize: 48 }, { batchSize: 1000 });
    const bytes = trainingStepBytes(config.model, [48, 48], 1000);
    expect(() => checkMemory(config, { memory: bytes })).not.toThrow();
    expect(() => checkMemory(config, { memory: bytes - 1 })).toThrow(OversizeError);
    expect(() => checkMemory({ ...config, allowOversize: true }, { memory: 0 })).not.toThrow();
    expect(() => checkMemory({ ...config, device: "webgpu" }, { memory: 0 })).not.toThrow();
  });

  test.each([
    // Peak of the process over that of its start, as measured with vq and 2 steps, on which all factors rest.
    { model: { preset: "small" }, side: 64, batch: 32, measured: 4.3e8 },
    { model: { preset: "small" }, side: 128, batch: 16, measured: 7.58e8 },
    { model: { preset: "small" }, side: 256, batch: 16, measured: 1.96e9 },
    { model: { preset: "small" }, side: 512, batch: 8, measured: 4.65e9 },
    { model: { preset: "base", baseWidth: 64 }, side: 128, batch: 4, measured: 7.0e8 },
    { model: { preset: "vqgan", baseWidth: 64 }, side: 128, batch: 4, measured: 1.73e9 },
    { model: { preset: "base" }, side: 256, batch: 8, measured: 5.31e9 },
    { model: { preset: "base" }, side: 256, batch: 12, measured: 7.49e9 },
    { model: { preset: "base", baseWidth: 64 }, side: 512, batch: 4, measured: 4.67e9 },
  ] as const)(
    "of a step is a little less than it was measured: $model $side",
    ({ model, side, batch, measured }) => {
      const bytes = trainingStepBytes(resolveModel(model), [side, side], batch);
      expect(bytes / measured).toBeLessThan(1);
      expect(bytes / measured).toBeGreaterThan(0.7);
    },
  );

  test("of a step of a narrow network is less than it was measured", () => {
    const bytes = trainingStepBytes(resolveModel({ preset: "tiny" }), [512, 512], 16);
    expect(bytes / 3.76e9).toBeLessThan(0.7);
    expect(bytes / 3.76e9).toBeGreaterThan(0.4);
  });

  test.each([
    { preset: "tiny", side: 2048, encoding: 57, reconstruction: 142 },
    { preset: "small", side: 1536, encoding: 214, reconstruction: 450 },
  ] as const)("of a pass without training too: $preset", ({ preset, side, encoding, reconstruction }) => {
    const model = resolveModel({ preset });
    for (const [bytes, measured] of [
      [encodingBytes(model, [side, side]), encoding],
      [forwardBytes(model, [side, side], 1), reconstruction],
    ] as const) {
      expect(bytes / side ** 2 / measured).toBeLessThan(1.01);
      expect(bytes / side ** 2 / measured).toBeGreaterThan(0.7);
    }
  });

  test("of one image at its own size: larger ones are refused by name", () => {
    const model = resolveModel({ preset: "small" });
    const memory = encodingBytes(model, [800, 1000]);
    expect(passFault({ height: 800, width: 1000 }, { model, memory })).toBeUndefined();
    expect(passFault({ height: 804, width: 1000 }, { model, memory })).toMatch(
      /^an image that is too large: encoding 1000×804 pixels at once takes at least 0\.2 GB of memory, and the machine has 0\.2 GB \(the policy "tile" needs less\)$/,
    );
  });
});
