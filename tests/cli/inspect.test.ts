import { readFile } from "node:fs/promises";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { temporaryFolder, vqkit, writeImages } from "./harness.js";

const small = [
  ...["--preset", "tiny", "--downsampling-factor", "2", "--set", "model.baseWidth=8", "--crop-size", "16x24"],
  ...["--code-dim", "8", "--codebook-size", "40", "--batch-size", "2", "--threads", "1"],
];

interface Inspection {
  images: number;
  latentVectors: number;
  codeDim: number;
  estimators: { estimator: string; radialShare: number; latents: { angle: number; normRatio: number } }[];
}

describe("inspect gradients", () => {
  test("a fresh model: table, JSON of the same figures, a plot, the same again", async () => {
    const dir = await temporaryFolder();
    await writeImages(dir, 3);
    const args = ["inspect", "gradients", "--fresh", "--images", dir, "--quantizer", "simvq", ...small];
    const plot = path.join(dir, "gradients.svg");
    const shown = await vqkit([...args, "--plot", plot]);
    expect(shown).toMatchObject({ code: 0, stderr: `Written: ${plot}\n` });
    expect(shown.stdout).toMatch(/^straight-through +0\.0° +1\.000 +0\.0° +1\.000 +[\d.]+ %/m);
    expect(shown.stdout).toContain("2 images, 192 latents of 8 numbers");
    expect(shown.stdout).toContain("12.5 % without preference");
    const svg = await readFile(plot, "utf8");
    expect(svg).toMatch(/^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg"/);
    for (const name of ["own", "straight-through", "rotation", "reflection"])
      expect(svg).toContain(`>${name}<`);
    expect(svg).not.toMatch(/NaN|undefined|Infinity/);

    const [first, again] = [await vqkit([...args, "--json"]), await vqkit([...args, "--json"])];
    expect(first.stdout).toBe(again.stdout);
    const inspection = JSON.parse(first.stdout) as Inspection;
    expect(inspection).toMatchObject({ images: 2, latentVectors: 192, codeDim: 8 });
    const [own, straight] = inspection.estimators;
    expect(own).toMatchObject({ estimator: "own", latents: { angle: 0, normRatio: 1 } });
    expect(straight).toEqual({ ...own, estimator: "straight-through" });
  });

  test("a run, on its own images", async () => {
    const dir = await temporaryFolder();
    await writeImages(dir, 3);
    const run = path.join(dir, "run");
    const trained = await vqkit([
      ...["train", dir, "--out", run, "--quantizer", "rotation", "--steps", "3", "--quiet"],
      ...small,
    ]);
    expect(trained.code).toBe(0);
    const { code, stdout } = await vqkit(["inspect", "gradients", run, "--json", "--threads", "1"]);
    expect(code).toBe(0);
    const { estimators } = JSON.parse(stdout) as Inspection;
    expect(estimators[0]).toEqual({ ...estimators[2], estimator: "own" });
    expect(estimators[2]?.estimator).toBe("rotation");
    const wrong = await vqkit(["inspect", "gradients", run, "--quantizer", "vq"]);
    expect(wrong).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^error: --quantizer: expected only with --fresh/),
    });
  });

  test("wants a run or --fresh with images", async () => {
    const neither = await vqkit(["inspect", "gradients"]);
    expect(neither).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^error: expected either a run folder or --fresh/),
    });
    const nothing = await vqkit(["inspect", "gradients", "--fresh"]);
    expect(nothing).toMatchObject({ code: 2, stderr: expect.stringMatching(/--images/) });
  });
});
