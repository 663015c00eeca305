import { describe, expect, it } from "vitest";
import { Random } from "../../src/core/random.js";
import {
  compareImages,
  type EightBitImages,
  meanColourImages,
  meanImageFigures,
} from "../../src/metrics/index.js";

function images(
  count: number,
  [height, width]: [number, number],
  byte: (i: number) => number,
): EightBitImages {
  return {
    pixels: Uint8Array.from({ length: count * height * width * 3 }, (_, i) => byte(i)),
    count,
    height,
    width,
  };
}

function noise(count: number, size: [number, number], seed: number): EightBitImages {
  const random = new Random(seed, "pixels");
  return images(count, size, () => random.integer(256));
}

/** SSIM by its definition: every 11×11 window on its own, weights exp(-r²/2σ²) over both axes at once. */
function naiveSsim(a: EightBitImages, b: EightBitImages): number {
  const { height, width } = a;
  const channels = [0, 1, 2].map((c) => {
    const values: number[] = [];
    for (let top = 0; top + 11 <= height; top++) {
      for (let left = 0; left + 11 <= width; left++) values.push(windowSsim(a, b, [top, left, c]));
    }
    return values.reduce((sum, value) => sum + value, 0) / values.length;
  });
  return channels.reduce((sum, value) => sum + value, 0) / 3;
}

function windowSsim(a: EightBitImages, b: EightBitImages, [top, left, c]: [number, number, number]): number {
  const cells: { w: number; x: number; y: number }[] = [];
  for (let i = 0; i < 11; i++) {
    for (let j = 0; j < 11; j++) {
      const at = ((top + i) * a.width + left + j) * 3 + c;
      const w = Math.exp(-((i - 5) ** 2 + (j - 5) ** 2) / 4.5);
      cells.push({ w, x: a.pixels[at] as number, y: b.pixels[at] as number });
    }
  }
  const total = cells.reduce((sum, { w }) => sum + w, 0);
  const average = (f: (cell: { x: number; y: number }) => number): number =>
    cells.reduce((sum, cell) => sum + (cell.w / total) * f(cell), 0);
  const mx = average(({ x }) => x);
  const my = average(({ y }) => y);
  const vx = average(({ x }) => (x - mx) ** 2);
  const vy = average(({ y }) => (y - my) ** 2);
  const vxy = average(({ x, y }) => (x - mx) * (y - my));
  const [c1, c2] = [6.5025, 58.5225]; // (0.01·255)², (0.03·255)²
  return ((2 * mx * my + c1) * (2 * vxy + c2)) / ((mx ** 2 + my ** 2 + c1) * (vx + vy + c2));
}

describe("compareImages", () => {
  it("has the MSE and PSNR worked out by hand, image by image", () => {
    const a = images(2, [1, 2], () => 100);
    const b = images(2, [1, 2], () => 100);
    b.pixels.set([110, 100, 100, 100, 100, 96], 0); // (100 + 16) / 6
    b.pixels.set([99, 101, 99, 101, 99, 101], 6); // 1
    const [first, second] = compareImages(a, b);
    expect(first?.mse).toBeCloseTo(116 / 6, 12);
    expect(first?.psnr).toBeCloseTo(10 * Math.log10((65_025 * 6) / 116), 12);
    expect(second?.psnr).toBeCloseTo(48.1308036086791, 10); // 20·log10(255)
  });

  it("black against white: 0 dB", () => {
    const [figures] = compareImages(
      images(1, [3, 2], () => 0),
      images(1, [3, 2], () => 255),
    );
    expect(figures).toEqual({ mse: 65_025, psnr: 0, ssim: null, msSsim: null });
  });

  it("identical images: no finite PSNR, SSIM exactly 1", () => {
    const a = noise(1, [13, 12], 1);
    expect(compareImages(a, a)).toEqual([{ mse: 0, psnr: null, ssim: 1, msSsim: null }]);
  });

  it("SSIM of two flat images has only its luminance term", () => {
    const [figures] = compareImages(
      images(1, [11, 14], () => 50),
      images(1, [11, 14], () => 80),
    );
    expect(figures?.ssim).toBeCloseTo((2 * 50 * 80 + 6.5025) / (50 ** 2 + 80 ** 2 + 6.5025), 9);
  });

  it("SSIM equals its definition on images that are not square", () => {
    const a = noise(1, [12, 15], 2);
    const random = new Random(2, "error");
    const b = {
      ...a,
      pixels: a.pixels.map((value, i) =>
        Math.max(0, Math.min(255, value + (i % 3) * 20 - 10 + random.integer(40))),
      ),
    };
    expect(compareImages(a, b)[0]?.ssim).toBeCloseTo(naiveSsim(a, b), 10);
  });

  it("treats the images of a batch apart", () => {
    const a = noise(2, [12, 11], 3);
    const b = noise(2, [12, 11], 4);
    const size = 12 * 11 * 3;
    const alone = [0, 1].map((n) => {
      const part = (of: EightBitImages) => ({
        ...of,
        count: 1,
        pixels: of.pixels.slice(n * size, (n + 1) * size),
      });
      return compareImages(part(a), part(b))[0];
    });
    expect(compareImages(a, b)).toEqual(alone);
    expect(alone[0]).not.toEqual(alone[1]);
  });

  it("refuses images of other sizes or with bytes missing", () => {
    const a = noise(1, [4, 5], 5);
    const shape = expect.objectContaining({ code: "shape" });
    expect(() => compareImages(a, noise(1, [5, 4], 5))).toThrow(shape);
    expect(() => compareImages(a, { ...a, pixels: a.pixels.subarray(1) })).toThrow(shape);
    expect(() => meanColourImages({ ...a, height: 0, pixels: new Uint8Array() })).toThrow(shape);
  });
});

describe("meanImageFigures", () => {
  it("averages over images, and counts identical ones instead of averaging infinity", () => {
    const figures = meanImageFigures([
      { mse: 10, psnr: 30, ssim: 0.5, msSsim: 0.25 },
      { mse: 0, psnr: null, ssim: 1, msSsim: 1 },
      { mse: 20, psnr: 20, ssim: 0.75, msSsim: 0.625 },
    ]);
    expect(figures).toEqual({ images: 3, mse: 10, psnr: 25, ssim: 0.75, msSsim: 0.625, identical: 1 });
  });

  it("has null where no image has the figure, and refuses no images", () => {
    expect(meanImageFigures([{ mse: 0, psnr: null, ssim: null, msSsim: null }])).toEqual({
      images: 1,
      mse: 0,
      psnr: null,
      ssim: null,
      msSsim: null,
      identical: 1,
    });
    expect(() => meanImageFigures([])).toThrow(expect.objectContaining({ code: "numerics" }));
  });
});

describe("meanColourImages", () => {
  it("paints each image in its own rounded mean colour", () => {
    const pixels = Uint8Array.from([10, 0, 255, 11, 4, 250, 7, 7, 7, 1, 2, 3]);
    const painted = meanColourImages({ pixels, count: 2, height: 1, width: 2 });
    // means 10.5, 2, 252.5 and 4, 4.5, 5
    expect([...painted.pixels]).toEqual([11, 2, 253, 11, 2, 253, 4, 5, 5, 4, 5, 5]);
    expect(pixels[0]).toBe(10);
  });

  it("has the least squared error of all flat images", () => {
    const a = noise(1, [6, 7], 6);
    const baseline = compareImages(a, meanColourImages(a))[0]?.mse as number;
    for (const shift of [-3, 2]) {
      const flat = meanColourImages(a);
      flat.pixels.forEach((value, i) => {
        flat.pixels[i] = value + shift;
      });
      expect(compareImages(a, flat)[0]?.mse).toBeGreaterThan(baseline);
    }
  });
});
