import { expect, test } from "vitest";
import { vqkit } from "./harness.js";

const IMAGE = ["--image-size", "256", "--downsampling-factor", "16"];

test("plan prints a table of quantizers, and which sizes to compare", async () => {
  const { code, stdout } = await vqkit(["plan", ...IMAGE, "--codebook-size", "1024", "--images", "1000"]);
  expect(code).toBe(0);
  expect(stdout).toContain("256x256 pixels, a grid of 16x16: 256 positions. Budget: 2,560 bits an image");
  expect(stdout).toMatch(
    /^fsq \[8,5,5,5\] \(3\.00 \+ 2\.32 \+ 2\.32 \+ 2\.32\) +256 +1,000 of 1,024 +9\.966 /m,
  );
  expect(stdout).toMatch(/^vq +256 +1,024 +10\.000 +2560\.0 +0\.0391 +320 MB +512 MB +250 +100\.0 %$/m);
  expect(stdout).toMatch(
    /^- Matched size: compare fsq \[8,5,5,5\], which has 1,000 codes, with vq at 1,000/m,
  );
});

test("plan --json has the same as data", async () => {
  const { stdout } = await vqkit([
    "plan",
    ...IMAGE,
    "--bits-per-pixel",
    "0.05",
    "--codebooks",
    "2",
    "--json",
  ]);
  const plan = JSON.parse(stdout) as {
    positions: number;
    candidates: { quantizer: object; bitsPerPixel: number }[];
  };
  expect(plan.positions).toBe(256);
  // 0.05 · 65,536 / 256 = 12.8 bits a position, 6.4 a code: 84 codes.
  expect(plan.candidates[0]?.quantizer).toEqual({ kind: "residual", numQuantizers: 2, codebookSize: 84 });
  for (const { bitsPerPixel } of plan.candidates) expect(bitsPerPixel).toBeLessThanOrEqual(0.05);
});

test.each([
  [[...IMAGE], /^error: expected a budget/],
  [[...IMAGE, "--codebook-size", "1"], /^error: --codebook-size: expected an integer >= 2, got 1/],
  [
    [...IMAGE, "--bits-per-image", "9", "--bits-per-pixel", "1"],
    /^error: --bits-per-pixel: expected one budget/,
  ],
])("plan refuses %j", async (argv, message) => {
  const { code, stderr } = await vqkit(["plan", ...argv]);
  expect(code).toBe(2);
  expect(stderr).toMatch(message);
});
