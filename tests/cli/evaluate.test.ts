import { createHash } from "node:crypto";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { distanceModel, featureModel } from "../evaluation/stand-in-networks.js";
import { vqkit, writeImages } from "./harness.js";

const shared = path.join(tmpdir(), `vqkit-evaluate-${process.pid}`);
const photos = path.join(shared, "photos");
const model = path.join(shared, "model");
const networks = { lpips: path.join(shared, "lpips.onnx"), fid: path.join(shared, "fid.onnx") };
const withNetworks = ["--lpips", networks.lpips, "--fid", networks.fid, "--threads", "1"];

beforeAll(async () => {
  await mkdir(photos, { recursive: true });
  await writeImages(photos, 3);
  await writeFile(networks.lpips, distanceModel());
  await writeFile(networks.fid, featureModel());
  const { code, stderr } = await vqkit([
    ...["train", photos, "--out", model, "--quantizer", "fsq", "--levels", "4,6", "--preset", "tiny"],
    ...["--downsampling-factor", "2", "--set", "model.baseWidth=8", "--crop-size", "16x24"],
    ...["--steps", "4", "--batch-size", "4", "--threads", "1"],
  ]);
  expect(stderr).not.toContain("error");
  expect(code).toBe(0);
});

afterAll(() => rm(shared, { recursive: true, force: true }));

describe("evaluate", () => {
  test("--lpips and --fid: the figures, their networks in the card, and a warning of few images", async () => {
    const { code, stdout, stderr } = await vqkit(["evaluate", model, photos, "--json", ...withNetworks]);
    expect(code).toBe(0);
    expect(stderr).toContain("warning: FID of 3 images");
    const result = JSON.parse(stdout) as {
      figures: { images: number; lpips: number; fid: number; fidFeatures: number; msSsim: null };
      notMeasured: Record<string, string>;
      warnings: string[];
      geometry: Record<string, number>;
      conventions: Record<string, string>;
    };
    expect(result.figures).toMatchObject({ images: 3, fidFeatures: 2, msSsim: null });
    expect(result.figures.lpips).toBeGreaterThan(0);
    expect(result.figures.fid).toBeGreaterThan(0);
    expect(result.geometry).toMatchObject({ imageHeight: 16, imageWidth: 24, gridHeight: 8, gridWidth: 12 });
    expect(Object.keys(result.notMeasured)).toEqual(["msSsim"]);
    expect(result.warnings).toHaveLength(1);
    const digest = createHash("sha256").update(featureModel()).digest("hex");
    expect(result.conventions.fid).toContain(digest);
    expect(result.conventions).not.toHaveProperty("msSsim");
  });

  test("says of each figure its unit, what it was counted in, why it is missing, and its convention", async () => {
    const { code, stdout } = await vqkit(["evaluate", model, photos, "--fid", networks.fid, "--quiet"]);
    expect(code).toBe(0);
    for (const expected of [
      /PSNR +[\d.]+ dB/,
      /FID +[\d.]+ of 3 images/,
      /^3 crops of 16×24 pixels; 0 reproduced in every byte\. MSE [\d.]+ squared 8-bit steps\.$/m,
      /^Usage: \d+ of 24 codes of the codebook in 288 indices, 8×12 a crop\.$/m,
      /^Bits per pixel: [\d.]+ bits of entropy × 96 positions × 1 \/ 384 pixels\.$/m,
      /^Not measured: msSsim: needs sides of at least 161 pixels, the images are 16x24\.$/m,
      /^Not measured: lpips: .*--lpips/m,
      /^ {2}psnr: all channels, range 255, in dB/m,
      /^ {2}fid: squared Frechet distance/m,
    ]) {
      expect(stdout).toMatch(expected);
    }
    expect(stdout).not.toMatch(/^\W*LPIPS/m);
  });

  test("a file that is no such network ends the command before anything is measured", async () => {
    const swapped = await vqkit(["evaluate", model, photos, "--lpips", networks.fid]);
    expect(swapped.code).toBe(1);
    expect(swapped.stderr).toMatch(/^error: [^\n]*expected 2 inputs and 1 output, got 1 and 1\.[^\n]+\n$/);
    const missing = await vqkit(["evaluate", model, photos, "--fid", path.join(shared, "none.onnx")]);
    expect(missing.code).toBe(1);
    expect(missing.stderr).toMatch(/^error: [^\n]*none\.onnx: could not read[^\n]+\n$/);
  });
});
