import { formatFixed, formatPercent, formatSignificant } from "./format.js";

/** The figures that a comparison sets side by side. */
export const FIGURE_NAMES = [
  "psnr",
  "ssim",
  "reconstructionLoss",
  "quantizationError",
  "usage",
  "perplexity",
  "bitsPerPixel",
  "imagesPerSecond",
] as const;

export type FigureName = (typeof FIGURE_NAMES)[number];

/** How a figure is named and written. */
export interface FigureStyle {
  readonly title: string;
  /** "" for a bare number. */
  readonly unit: string;
  readonly format: (value: number) => string;
  /** Which way is better; undefined where neither is. */
  readonly better?: "high" | "low";
}

export const FIGURE_STYLES: Readonly<Record<FigureName, FigureStyle>> = {
  psnr: { title: "PSNR", unit: "dB", format: (value) => formatFixed(value, 2), better: "high" },
  ssim: { title: "SSIM", unit: "", format: (value) => formatFixed(value, 3), better: "high" },
  reconstructionLoss: {
    title: "Reconstruction loss",
    unit: "",
    format: (value) => formatFixed(value, 4),
    better: "low",
  },
  quantizationError: {
    title: "Quantization error",
    unit: "",
    format: (value) => formatSignificant(value, 3),
    better: "low",
  },
  usage: { title: "Usage", unit: "", format: formatPercent, better: "high" },
  perplexity: { title: "Perplexity", unit: "", format: (value) => formatFixed(value, 1), better: "high" },
  bitsPerPixel: { title: "Bits/pixel", unit: "", format: (value) => formatFixed(value, 3) },
  imagesPerSecond: { title: "Images/s", unit: "", format: (value) => formatSignificant(value, 3) },
};
