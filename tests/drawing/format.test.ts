import { describe, expect, it } from "vitest";
import {
  formatCount,
  formatExpectation,
  formatFixed,
  formatItems,
  formatPercent,
  formatSignificant,
  formatTick,
} from "../../src/drawing/format.js";
import {
  formatDifference,
  formatDifferenceInterval,
  formatEstimate,
  formatFigure,
  formatInterval,
} from "../../src/reports/figures.js";

describe("numbers in reports", () => {
  it.each([
    [0, "0 %"],
    [1, "100 %"],
    [0.000_05, "<0.01 %"],
    [0.001_953, "0.20 %"],
    [0.031_25, "3.1 %"],
    [0.982, "98.2 %"],
    [0.999_6, "99.96 %"],
    [0.999_95, ">99.99 %"],
  ])("percent of %d", (fraction, text) => {
    expect(formatPercent(fraction)).toBe(text);
  });

  it("a uniform source never shows all of its codes", () => {
    expect(formatExpectation(1)).toBe(">99.99 %");
    expect(formatExpectation(0.6321)).toBe("63.2 %");
    expect(formatExpectation(0)).toBe("0 %");
  });

  it("counts and decimals", () => {
    expect(formatCount(65_536)).toBe("65,536");
    expect(formatCount(512.25)).toBe("512.3");
    expect(formatFixed(1234.5, 2)).toBe("1,234.50");
    expect(formatItems(1, "image")).toBe("1 image");
    expect(formatItems(2000, "image")).toBe("2,000 images");
  });

  it.each([
    [0, "0"],
    [0.001_234, "0.00123"],
    [46.92, "46.9"],
    [279.3, "279"],
    [41_234, "41,200"],
    [0.000_012_34, "1.23e-5"],
    [-2.5, "-2.50"],
  ])("three significant digits of %d", (value, text) => {
    expect(formatSignificant(value)).toBe(text);
  });

  it.each([
    [0, "0"],
    [0.000_200_000_01, "0.0002"],
    [1000, "1,000"],
    [0.000_002, "2e-6"],
    [11.82, "11.82"],
    [101_500, "101,500"],
    [3e8, "3e+8"],
  ])("tick %d", (value, text) => {
    expect(formatTick(value)).toBe(text);
  });
});

describe("figures", () => {
  /** A mean with an interval of so much on either side. */
  const around = (mean: number, half: number) => ({
    mean,
    interval: { low: mean - half, high: mean + half },
  });

  it("of one run stand alone", () => {
    expect(formatEstimate("psnr", { mean: 21.337, interval: null })).toBe("21.34");
    expect(formatEstimate("usage", { mean: 0.046, interval: null })).toBe("4.6 %");
    expect(formatEstimate("quantizationError", { mean: 1078.5, interval: null })).toBe("1,079");
    expect(formatInterval("psnr", { mean: 21.337, interval: null })).toBe("");
  });

  it("of several have half of an interval, of as many decimals", () => {
    expect(formatEstimate("psnr", around(21.337, 0.5))).toBe("21.34 ± 0.50");
    expect(formatEstimate("usage", around(0.046, 0.012))).toBe("4.6 ± 1.2 %");
    expect(formatEstimate("usage", around(0.002, 0.0004))).toBe("0.20 ± 0.04 %");
    expect(formatEstimate("quantizationError", around(0.3634, 0.0102))).toBe("0.363 ± 0.010");
  });

  it("have intervals, which may leave the range of the figure", () => {
    expect(formatInterval("psnr", around(21.337, 0.5))).toBe("20.84 to 21.84");
    expect(formatInterval("usage", around(0.046, 0.06))).toBe("−1.4 to 10.6 %");
  });

  it("have differences with a sign, never rounded to nothing", () => {
    expect(formatDifference("psnr", around(1.316, 0.08))).toBe("+1.32 ± 0.08");
    expect(formatDifference("psnr", around(-12.3, 3))).toBe("−12.30 ± 3.00");
    expect(formatDifference("usage", around(0.0533, 0.02))).toBe("+5.3 ± 2.0 points");
    expect(formatDifference("ssim", { mean: -0.000_123, interval: null })).toBe("−0.000123");
    expect(formatDifference("ssim", around(0, 0.2))).toBe("0.000 ± 0.200");
  });

  it("have differences as fine as their intervals", () => {
    expect(formatDifference("perplexity", around(-0.0273, 8.419))).toBe("0.0 ± 8.4");
    expect(formatDifference("usage", around(-0.1406, 0))).toBe("−14.1 ± 0.0 points");
    expect(formatDifference("imagesPerSecond", around(1.32, 144.91))).toBe("+1 ± 145");
    expect(formatDifferenceInterval("usage", around(0.05, 0.1))).toBe("−5.0 to +15.0");
    expect(formatDifferenceInterval("psnr", { mean: 1, interval: null })).toBe("");
  });

  it("without meaning are a dash", () => {
    expect(formatEstimate("usage", null)).toBe("–");
    expect(formatDifference("usage", null)).toBe("–");
    expect(formatFigure("psnr", null)).toBe("–");
  });
});
