import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { exportOnnx } from "../../../src/export/index.js";
import { quantizerFacts } from "../../../src/quantizers/index.js";
import * as tf from "../../../src/tf/index.js";
import { runFolder, variants } from "../models.js";

/** The names of all variants. */
export const variantNames = Object.keys(variants) as (keyof typeof variants)[];

/** Those that `npm test` writes: of each kind one. The long tests write the others. */
export const first: typeof variantNames = [
  "vq, relu",
  "simvq, group norm, silu, factor 8",
  "residual",
  "multi-scale",
  "lfq",
  "fsq in Open-MAGVIT2's layout, on 0..1",
  "fsq",
];

/** Those that it writes with float32 pixels too. */
export const withFloats: typeof variantNames = ["fsq"];

/** That a variant, exported into `folder` with pixels of a type, finds the live model's indices on images of four sizes. */
export async function expectSameIndices(
  folder: string,
  name: keyof typeof variants,
  pixels: "uint8" | "float32",
): Promise<void> {
  const variant = variants[name];
  const run = await runFolder(folder, variant);
  const out = join(folder, `${name}-${pixels}`);
  const before = tf.memory().numTensors;
  const result = await exportOnnx(run, { out, pixels, threads: 1 });
  expect(tf.memory().numTensors).toBe(before);
  expect(result.roundTrip).toMatchObject({ images: 4, differingIndices: 0 });
  expect(result.roundTrip.largestPixelDifference).toBeLessThanOrEqual(1);
  // Of the four sizes three are no multiples of the factor: ⌈64/f⌉·⌈96/f⌉ + ⌈67/f⌉·⌈45/f⌉ + …
  const factor = "downsamplingFactor" in variant.model ? variant.model.downsamplingFactor : 4;
  const sizes = [
    [64, 96],
    [67, 45],
    [121, 203],
    [250, 187],
  ] as const;
  const cells = sizes.map(([h, w]) => Math.ceil(h / factor) * Math.ceil(w / factor));
  const { numCodebooks = 1, scales } = quantizerFacts(variant.quantizer) ?? {};
  // The codes of a sequence are the same number for each image.
  const length = scales?.reduce((sum, side) => sum + side ** 2, 0);
  const positions = cells.map((each) => length ?? each).reduce((a, b) => a + b);
  expect(result.roundTrip.indices).toBe(numCodebooks * positions);
  expect(existsSync(join(out, "encoder.onnx")) && existsSync(join(out, "decoder.onnx"))).toBe(true);
}
