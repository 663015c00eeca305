import { describe, expect, it } from "vitest";
import { compareImages, type EightBitImages } from "../../src/metrics/index.js";

/** Smooth colour with a little noise, and a paler, noisier copy: images whose sides are odd at several scales. */
function pair(height: number, width: number): [EightBitImages, EightBitImages] {
  const base = (i: number) => {
    const [y, x, c] = [Math.floor(i / (3 * width)), Math.floor(i / 3) % width, i % 3];
    return 128 + 60 * Math.sin(x / 9 + c) + 50 * Math.cos(y / (13 + c));
  };
  const images = (value: (i: number) => number): EightBitImages => ({
    pixels: Uint8Array.from({ length: height * width * 3 }, (_, i) =>
      Math.max(0, Math.min(255, Math.round(value(i)))),
    ),
    count: 1,
    height,
    width,
  });
  return [
    images((i) => base(i) + ((i * 7919) % 31) - 15),
    images((i) => 0.8 * base(i) + 30 + ((i * 104_729) % 53) - 26),
  ];
}

describe("MS-SSIM", () => {
  it("equals numbers computed with numpy", () => {
    // float64; per window l = (2μxμy + C1)/(μx² + μy² + C1) and cs = (2σxy + C2)/(σx² + σy² + C2) from centred moments
    // with the 11×11 window over both axes at once (numpy.lib.stride_tricks.sliding_window_view, einsum); between
    // scales numpy.pad(mode="symmetric") to even sides and the mean of 2×2; Π mean(cs)^β · mean(l·cs)^β₅; the mean over
    // three channels. Sides 163×178 shrink to 82×89, 41×45, 21×23, 11×12.
    const [figures] = compareImages(...pair(163, 178));
    expect(figures?.ssim).toBeCloseTo(0.38903314781859244, 10);
    expect(figures?.msSsim).toBeCloseTo(0.8232110654806138, 10);
  });

  it("needs 161 pixels a side: 11 at the fifth scale", () => {
    expect(compareImages(...pair(160, 200))[0]?.msSsim).toBeNull();
    expect(compareImages(...pair(200, 160))[0]?.msSsim).toBeNull();
    expect(compareImages(...pair(161, 161))[0]?.msSsim).toBeGreaterThan(0);
  });

  it("of two flat images has the luminance of the coarsest scale alone", () => {
    const [flat] = pair(161, 170);
    const grey = (value: number) => ({ ...flat, pixels: flat.pixels.map(() => value) });
    const luminance = (2 * 50 * 80 + 6.5025) / (50 ** 2 + 80 ** 2 + 6.5025);
    expect(compareImages(grey(50), grey(80))[0]?.msSsim).toBeCloseTo(luminance ** 0.1333, 8);
  });

  it("is 1 for equal images, and 0 where contrast is reversed", () => {
    const [image] = pair(165, 161);
    expect(compareImages(image, image)[0]?.msSsim).toBe(1);
    const negative = { ...image, pixels: image.pixels.map((value) => 255 - value) };
    const [figures] = compareImages(image, negative);
    expect(figures?.ssim).toBeLessThan(0);
    expect(figures?.msSsim).toBe(0);
  });
});
