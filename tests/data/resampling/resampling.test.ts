import { readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import type { RgbImage } from "../../../src/data/index.js";
import {
  type AxisWeights,
  admPreparation,
  albumentationsPreparation,
  linearWeights,
  resampleFloats,
  smoothWeights,
  torchvisionPreparation,
} from "../../../src/data/resampling/index.js";

/** By tools/make_resampling_reference.py: Pillow 13.0, torchvision 0.29, PyTorch 2.15 in float64. */
const reference = JSON.parse(readFileSync(path.join(import.meta.dirname, "reference.json"), "utf8")) as {
  readonly squares: readonly {
    readonly from: readonly [number, number];
    readonly side: number;
    readonly adm: string;
    readonly torchvision: string;
  }[];
  readonly floats: readonly {
    readonly from: readonly [number, number];
    readonly to: readonly [number, number];
    readonly bicubic: string;
    readonly centres: string;
    readonly corners: string;
  }[];
};

/** The same formula as there. */
function image(height: number, width: number): RgbImage {
  const pixels = new Uint8Array(height * width * 3);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let c = 0; c < 3; c++) {
        pixels[(y * width + x) * 3 + c] = (37 * x + 91 * y + 53 * c + 7 * x * y + 3 * x * x * c) % 256;
      }
    }
  }
  return { pixels, height, width };
}

const bytes = (text: string) => new Uint8Array(Buffer.from(text, "base64"));
const floats = (text: string) => new Float32Array(bytes(text).buffer);

describe("squares, to the byte", () => {
  test.each(reference.squares)("of $from at $side", ({ from: [height, width], side, adm, torchvision }) => {
    const original = image(height, width);
    expect(admPreparation.prepare(original, side)).toEqual({ pixels: bytes(adm), height: side, width: side });
    expect(torchvisionPreparation.prepare(original, side).pixels).toEqual(bytes(torchvision));
  });

  test("the two ways differ where an image is halved first, and where the margin is odd", () => {
    const original = image(75, 101);
    const [a, b] = [admPreparation, torchvisionPreparation].map((each) => each.prepare(original, 16).pixels);
    expect(a).not.toEqual(b);
  });
});

describe("in floating point", () => {
  const ways: Readonly<Record<"bicubic" | "centres" | "corners", (from: number, to: number) => AxisWeights>> =
    {
      bicubic: (from, to) => smoothWeights(from, to, "bicubic"),
      centres: (from, to) => linearWeights(from, to, "centres"),
      corners: (from, to) => linearWeights(from, to, "corners"),
    };
  for (const { from, to, ...expected } of reference.floats) {
    test.each(["bicubic", "centres", "corners"] as const)(`of ${from} to ${to}: %s`, (name) => {
      const [height, width] = from;
      const way = ways[name];
      const values = resampleFloats(image(height, width), {
        rows: way(height, to[0]),
        columns: way(width, to[1]),
      });
      const wanted = floats(expected[name]);
      expect(values.length).toBe(wanted.length);
      // Between the passes values are rounded to float32, which PyTorch's and numpy's float64 are not: 255·2^-24 twice.
      const worst = values.reduce(
        (most, value, i) => Math.max(most, Math.abs(value - (wanted[i] as number))),
        0,
      );
      expect(worst).toBeLessThan(name === "bicubic" ? 2e-5 : 5e-5);
    });
  }
});

test("bilinear sampling without antialiasing: two pixels that are three apart, by hand", () => {
  // 2×7 → side 4: scale 2, 4×14; the crop begins at column 5. Column 5 lies at (5.5/2 − 0.5) = 2.25 of the seven.
  const original = image(2, 7);
  const { pixels } = albumentationsPreparation.prepare(original, 4);
  const at = (row: number, column: number) => original.pixels[(row * 7 + column) * 3] as number;
  // Row 0 lies at (0.5/2 − 0.5) = −0.25, which is clamped to 0.
  expect(pixels[0]).toBe(Math.floor(0.75 * at(0, 2) + 0.25 * at(0, 3) + 0.5));
  // Row 1 lies at 0.25, column 6 at 2.75.
  const upper = 0.25 * at(0, 2) + 0.75 * at(0, 3);
  const lower = 0.25 * at(1, 2) + 0.75 * at(1, 3);
  expect(pixels[(4 + 1) * 3]).toBe(Math.floor(0.75 * upper + 0.25 * lower + 0.5));
});

test("a kernel's weights sum to 1, and reach as far as a smaller image's samples are wide", () => {
  const { starts, weights } = smoothWeights(10, 4, "bicubic");
  for (const each of weights) expect(each.reduce((a, b) => a + b)).toBeCloseTo(1, 12);
  // Scale 2.5, support 5: output 1 has its centre at 3.75, and inputs from trunc(−0.75) = 0 to trunc(9.25) = 9.
  expect([starts[1], weights[1]?.length]).toEqual([0, 9]);
});
