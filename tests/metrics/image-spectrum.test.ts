import { describe, expect, it } from "vitest";
import { Random } from "../../src/core/random.js";
import { type SpectrumImage, spectrumFigures } from "../../src/metrics/image-spectrum.js";

const [width, height] = [48, 32];

function image(brightness: (x: number, y: number) => number): SpectrumImage {
  const pixels = Float64Array.from({ length: width * height * 3 }, (_, i) => {
    const at = Math.floor(i / 3);
    return brightness(at % width, Math.floor(at / width));
  });
  return { pixels, width, height };
}

const random = new Random(1, "image");
const noise = Array.from({ length: width * height }, () => random.normal());
const noisy = (x: number, y: number) => 128 + 20 * (noise[y * width + x] as number);
const textured = image(noisy);

describe("the spectrum of reconstructions", () => {
  it("is the originals' where they are the same", () => {
    expect(spectrumFigures([[textured, textured]])).toEqual({ sharpness: 1, checkerboard: 1 });
  });

  it("has a quarter of the power where the contrast is half, at all frequencies alike", () => {
    const flat = image((x, y) => 128 + 0.5 * (noisy(x, y) - 128));
    const { sharpness, checkerboard } = spectrumFigures([[textured, flat]]) ?? {};
    expect(sharpness).toBeCloseTo(0.25, 10);
    expect(checkerboard).toBeCloseTo(1, 10);
  });

  it("loses its upper half in a blur", () => {
    const blurred = image((x, y) => {
      const at = (dx: number, dy: number) => noisy((x + dx + width) % width, (y + dy + height) % height);
      return (at(0, 0) + at(1, 0) + at(0, 1) + at(1, 1) + at(-1, 0) + at(0, -1)) / 6;
    });
    expect(spectrumFigures([[textured, blurred]])?.sharpness).toBeLessThan(0.3);
  });

  it.each([
    ["every second pixel", (x: number, y: number) => ((x + y) % 2 === 0 ? 9 : -9)],
    ["every second column", (x: number) => (x % 2 === 0 ? 9 : -9)],
    ["every fourth pixel", (x: number) => (x % 4 < 2 ? 9 : -9)],
  ])("stands out with a pattern of %s", (_, pattern) => {
    const marked = image((x, y) => 128 + 0.3 * (noisy(x, y) - 128) + pattern(x, y));
    expect(spectrumFigures([[textured, marked]])?.checkerboard).toBeGreaterThan(16);
    // A pattern of another period is none of upsampling's.
    const other = image((x, y) => 128 + 0.3 * (noisy(x, y) - 128) + 3 * Math.sin((2 * Math.PI * x) / 16));
    expect(spectrumFigures([[textured, other]])?.checkerboard).toBeLessThan(4);
  });

  it("is not known of images under a block, nor of flat originals", () => {
    const small = { pixels: new Uint8Array(15 * 40 * 3), width: 40, height: 15 };
    expect(spectrumFigures([[small, small]])).toBeNull();
    const flat = image(() => 100);
    expect(spectrumFigures([[flat, textured]])).toBeNull();
    expect(spectrumFigures([])).toBeNull();
  });
});
