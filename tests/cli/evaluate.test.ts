import { createHash } from "node:crypto";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  type EvaluationProtocol,
  evaluationProtocol,
  registerProtocol,
} from "../../src/evaluation/protocols/index.js";
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

describe("evaluate --protocol", () => {
  const llamagen = evaluationProtocol("llamagen");
  const three: EvaluationProtocol = {
    ...llamagen,
    name: "three-images",
    source: "tests/cli: three images of smooth colour",
    images: { set: "the test's images", count: 3, fileName: /image\d/, example: "image0.png" },
    side: 16,
    fid: { ...llamagen.fid, features: 2 },
    differences: ["SSIM is not covered"],
  };
  registerProtocol(three);
  const command = [
    "evaluate",
    model,
    photos,
    "--protocol",
    "three-images",
    "--fid",
    networks.fid,
    "--threads",
    "1",
  ];

  test("cuts images as it says, and its name stands in the card, the JSON and below the table", async () => {
    const { code, stdout } = await vqkit([...command, "--json", "--quiet"]);
    expect(code).toBe(0);
    const result = JSON.parse(stdout) as {
      figures: { images: number; psnr: number; fid: number };
      geometry: Record<string, number>;
      protocol: { name: string; figures: string[]; fidReference: string };
      conventions: Record<string, string>;
    };
    expect(result.protocol).toMatchObject({
      name: "three-images",
      figures: ["psnr", "fid"],
      imageCount: 3,
      fidReference: "the same images, prepared alike",
    });
    expect(result.geometry).toMatchObject({ imageHeight: 16, imageWidth: 16 });
    expect(result.conventions.protocol).toMatch(
      /^three-images \(psnr, fid\): 3 images of the test's images at 16x16/,
    );
    expect(result.conventions.resize).toContain("center_crop_arr");
    expect(result.conventions.fid).toContain("resized to 299x299 bilinearly, corners upon corners");

    // Without the name the same crops by our own kernel are other pixels, and no protocol is named.
    const own = ["--crop-size", "16", "--resize", "16", "--crops-per-image", "1", "--json", "--quiet"];
    const plain = JSON.parse((await vqkit(["evaluate", model, photos, ...own])).stdout) as typeof result;
    expect(plain.conventions.imagesDigest).not.toBe(result.conventions.imagesDigest);
    expect(plain.conventions).not.toHaveProperty("protocol");
    expect(plain).not.toHaveProperty("protocol");

    const text = await vqkit([...command, "--quiet"]);
    expect(text.stdout).toMatch(
      /^Protocol three-images covers psnr, fid here; [^\n]+\n {2}SSIM is not covered$/m,
    );
  });

  test.each([
    [
      "images of another number",
      ["--protocol", "llamagen"],
      /^error: images: expected the 50,000 images of ImageNet/,
    ],
    [
      "an unknown name",
      ["--protocol", "llamagan"],
      /^error: --protocol: Unknown protocol "llamagan"[^\n]+Did you mean "llamagen"\?/,
    ],
    [
      "another size",
      ["--protocol", "three-images", "--crop-size", "24"],
      /^error: --crop-size: expected 16 for protocol three-images, got 24\. Leave the flag out\./,
    ],
    [
      "several crops",
      ["--protocol", "three-images", "--crops-per-image", "4"],
      /^error: --crops-per-image: expected 1 for/,
    ],
    [
      "nothing to measure with",
      ["--protocol", "taming"],
      /^error: --fid: expected a network of features for protocol taming, got none\./,
    ],
    [
      "no reference",
      ["--protocol", "adm", "--fid", networks.fid],
      /^error: --fid-reference: expected mu and sigma of ADM's reference batch/,
    ],
    [
      "another network",
      ["--protocol", "clean-fid", "--fid", networks.fid],
      /^error: --fid: expected a network of 2048 features for protocol clean-fid, got 2\./,
    ],
  ])("%s: refused in a line", async (_, flags, message) => {
    const { code, stdout, stderr } = await vqkit(["evaluate", model, photos, ...flags, "--quiet"]);
    expect(code).not.toBe(0);
    expect(stdout).toBe("");
    expect(stderr).toMatch(message);
    expect(stderr.trimEnd().split("\n")).toHaveLength(1);
  });

  test("a broken image among them ends it", async () => {
    const folder = path.join(shared, "broken");
    await mkdir(folder, { recursive: true });
    await writeImages(folder, 2);
    await writeFile(path.join(folder, "image2.png"), "no image");
    const { code, stderr } = await vqkit([
      "evaluate",
      model,
      folder,
      "--protocol",
      "three-images",
      "--quiet",
    ]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/image2\.png: expected all images of protocol three-images to be readable/);
  });
});
