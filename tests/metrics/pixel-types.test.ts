import { describe, expect, test } from "vitest";
import { pixelsToTensor } from "../../src/autoencoder/index.js";
import { toSharp } from "../../src/data/index.js";
import { compareImages, meanColourImages } from "../../src/metrics/index.js";

const SIZE = { count: 1, height: 1, width: 2 };
const good = { ...SIZE, pixels: Uint8Array.from([1, 2, 3, 4, 5, 6]) };

/** The same six numbers in arrays that pixels may come in by mistake. */
const others: [string, unknown][] = [
  ["Float32Array", Float32Array.from(good.pixels, (v) => v / 255)],
  ["Uint16Array", Uint16Array.from(good.pixels)],
  ["Int8Array", Int8Array.from(good.pixels)],
  ["Array", [...good.pixels]],
  ["ArrayBuffer", good.pixels.buffer],
];

describe.each(others)("pixels of the type %s are refused", (type, given) => {
  const pixels = given as Uint8Array;
  const odd = { ...SIZE, pixels };

  test.each<[string, string, () => unknown]>([
    ["compareImages", "originals.pixels", () => compareImages(odd, good)],
    ["compareImages", "reconstructions.pixels", () => compareImages(good, odd)],
    ["meanColourImages", "images.pixels", () => meanColourImages(odd)],
    ["pixelsToTensor", "pixels", () => pixelsToTensor(odd)],
    ["toSharp", "image.pixels", () => toSharp(odd)],
  ])("by %s: %s", (_, where, use) => {
    expect(use).toThrow(
      expect.objectContaining({
        code: "data",
        message: `${where}: expected bytes (a Uint8Array), got ${type}.`,
      }),
    );
  });
});
