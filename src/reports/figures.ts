// Not by the layer's index, which loads TensorFlow.js: reports compute nothing.
import { evaluatedFigures } from "../evaluation/figures.js";
import type { Spread } from "../metrics/index.js";
import { formatFixed, formatPercent, NO_FIGURE } from "./format.js";

/** The figures that a comparison sets side by side. */
export const FIGURE_NAMES = [...evaluatedFigures, "imagesPerSecond"] as const;

export type FigureName = (typeof FIGURE_NAMES)[number];

interface FigureStyle {
  readonly title: string;
  /** The title where there is little room. */
  readonly shortTitle: string;
  /** How many decimals a value of this size is written with. */
  readonly decimals: (value: number) => number;
}

export const FIGURE_STYLES: Readonly<Record<FigureName, FigureStyle>> = {
  psnr: { title: "PSNR (dB)", shortTitle: "PSNR dB", decimals: () => 2 },
  ssim: { title: "SSIM", shortTitle: "SSIM", decimals: () => 3 },
  reconstructionLoss: { title: "Reconstruction loss", shortTitle: "Recon. loss", decimals: () => 4 },
  quantizationError: { title: "Quantization error", shortTitle: "Quant. error", decimals: threeDigits },
  usage: { title: "Usage", shortTitle: "Usage", decimals: (value) => (value < 0.00995 ? 2 : 1) },
  perplexity: { title: "Perplexity", shortTitle: "Perplexity", decimals: () => 1 },
  bitsPerPixel: { title: "Bits per pixel", shortTitle: "Bits/px", decimals: () => 3 },
  imagesPerSecond: { title: "Images per second", shortTitle: "Images/s", decimals: threeDigits },
};

/** `21.34`; `–` where the figure has no meaning. */
export function formatFigure(name: FigureName, value: number | null): string {
  if (value === null) return NO_FIGURE;
  return name === "usage" ? formatPercent(value) : formatFixed(value, FIGURE_STYLES[name].decimals(value));
}

/** `21.34 ± 0.12` over several runs, both with the mean's decimals; `21.34` for one. */
export function formatSpread(name: FigureName, value: Spread | null): string {
  if (value === null || value.std === null) return formatFigure(name, value?.mean ?? null);
  const decimals = FIGURE_STYLES[name].decimals(value.mean);
  const [scale, unit] = name === "usage" ? [100, " %"] : [1, ""];
  return `${formatFixed(scale * value.mean, decimals)} ± ${formatFixed(scale * value.std, decimals)}${unit}`;
}

/** Three significant digits, but no more than eight decimals. */
function threeDigits(value: number): number {
  if (value === 0) return 0;
  return Math.min(8, Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value)))));
}
