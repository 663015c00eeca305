import { describe, expect, it } from "vitest";
import { formatFigure, formatSpread } from "../../src/reports/figures.js";
import {
  formatCount,
  formatExpectation,
  formatFixed,
  formatItems,
  formatPercent,
  formatSignificant,
  formatTick,
} from "../../src/reports/format.js";

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
    [3e8, "3e+8"],
  ])("tick %d", (value, text) => {
    expect(formatTick(value)).toBe(text);
  });
});

describe("figures", () => {
  it("of one run stand alone", () => {
    expect(formatSpread("psnr", { mean: 21.337, std: null, values: [21.337] })).toBe("21.34");
    expect(formatSpread("usage", { mean: 0.046, std: null, values: [0.046] })).toBe("4.6 %");
    expect(formatSpread("quantizationError", { mean: 1078.5, std: null, values: [1078.5] })).toBe("1,079");
  });

  it("of several have a deviation of as many decimals", () => {
    expect(formatSpread("psnr", { mean: 21.337, std: 0.5, values: [20.837, 21.837] })).toBe("21.34 ± 0.50");
    expect(formatSpread("usage", { mean: 0.046, std: 0.012, values: [] })).toBe("4.6 ± 1.2 %");
    expect(formatSpread("usage", { mean: 0.002, std: 0.0004, values: [] })).toBe("0.20 ± 0.04 %");
    expect(formatSpread("quantizationError", { mean: 0.3634, std: 0.0102, values: [] })).toBe(
      "0.363 ± 0.010",
    );
  });

  it("without meaning are a dash", () => {
    expect(formatSpread("usage", null)).toBe("–");
    expect(formatFigure("psnr", null)).toBe("–");
  });
});
