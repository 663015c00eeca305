import { expect, it } from "vitest";
import { type EncodeOptions, parseEncodeOptions } from "../../src/tokenizer/encode-options.js";

const rest = { views: "one", cropRange: 1, batchSize: 16, maxPixels: 64_000_000, allowOversize: false };
const size = { height: 64, width: 96 };

it.each<[string, EncodeOptions, object]>([
  ["nothing", {}, { policy: "native" }],
  ["a size alone", { size: [64, 96] }, { policy: "crop", size }],
  [
    "one number for both sides",
    { size: 64, policy: "pad" },
    { policy: "pad", size: { height: 64, width: 64 } },
  ],
  // A quarter of 64 is 16; of 40 it is 10, and 8 is the multiple of 4 below.
  ["tiles", { size: [64, 96], policy: "tile" }, { policy: "tile", size, overlap: 16 }],
  [
    "small tiles",
    { size: 40, policy: "tile" },
    { policy: "tile", size: { height: 40, width: 40 }, overlap: 8 },
  ],
  [
    "tiles side by side",
    { size: [64, 96], policy: "tile", overlap: 0 },
    { policy: "tile", size, overlap: 0 },
  ],
])("completes %s", (_, options, expected) => {
  const settings = parseEncodeOptions(options, 4);
  expect(settings).toEqual({ ...expected, ...rest });
  expect(JSON.parse(JSON.stringify(settings))).toEqual(settings);
});

it.each<[EncodeOptions, object]>([
  [{ views: "flip" }, { policy: "native", views: "flip", cropRange: 1 }],
  [
    { size: [64, 96], views: "ten-crop" },
    { policy: "crop", size, views: "ten-crop", cropRange: 1.1 },
  ],
  [
    { size: [64, 96], views: "ten-crop", cropRange: 1.05 },
    { policy: "crop", size, views: "ten-crop", cropRange: 1.05 },
  ],
])("knows the views of %j", (options, expected) => {
  expect(parseEncodeOptions(options, 4)).toEqual({ ...rest, ...expected });
});

it.each<[EncodeOptions, string]>([
  [{ views: "ten-crop" }, 'views: expected the policy "crop" and a size for "ten-crop", got "native".'],
  [{ views: "flip", size: 64, policy: "tile" }, 'views: expected "one" with the policy "tile", got "flip".'],
  [
    { views: "flip", cropRange: 1.1 },
    'cropRange: expected none with the views "flip". Only "ten-crop" has one.',
  ],
  [
    { policy: "native", size: 64 },
    'size: expected none with the policy "native", got one. Choose another policy.',
  ],
  [{ policy: "pad" }, 'size: expected a size for the policy "pad", got none.'],
  [
    { size: [64, 90] },
    "size: expected a multiple of the model's downsampling factor 4 (nearest: 88 or 92), got 90.",
  ],
  [{ size: 64, overlap: 8 }, 'overlap: expected none with the policy "crop", got 8. Only "tile" has one.'],
  [{ size: [64, 32], policy: "tile", overlap: 20 }, "overlap: expected at most half a tile, 16, got 20."],
  [
    { size: 64, policy: "tile", overlap: 6 },
    "overlap: expected a multiple of the model's downsampling factor 4 (nearest: 4 or 8), got 6.",
  ],
  [
    { policy: "crops" } as object,
    'policy: expected "native" or "resize" or "crop" or "pad" or "tile", got "crops". Did you mean "crop"?',
  ],
])("refuses %j", (options, message) => {
  expect(() => parseEncodeOptions(options, 4)).toThrow(message);
});
