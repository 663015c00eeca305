// Not by the layer's index, which loads TensorFlow.js: reports compute nothing.

import { formatCount, formatFixed, formatPercent, NO_FIGURE } from "../drawing/index.js";
import { evaluatedFigures } from "../evaluation/figures/index.js";
import type { Interval } from "../metrics/index.js";

/** The figures that a comparison sets side by side. */
export const FIGURE_NAMES = [...evaluatedFigures, "imagesPerSecond"] as const;

export type FigureName = (typeof FIGURE_NAMES)[number];

/**
 * Those that stand in tables side by side: speed does not, because runs that did not take turns on a quiet machine were
 * not measured alike.
 */
export const SHOWN_FIGURES = evaluatedFigures;

interface FigureStyle {
  readonly title: string;
  /** The title where there is little room. */
  readonly shortTitle: string;
  /** Which way is better where everything else is equal; absent where neither is. */
  readonly better?: "higher" | "lower";
  /** How many decimals a value of this size is written with. */
  readonly decimals: (value: number) => number;
}

export const FIGURE_STYLES: Readonly<Record<FigureName, FigureStyle>> = {
  psnr: { title: "PSNR (dB)", shortTitle: "PSNR dB", better: "higher", decimals: () => 2 },
  ssim: { title: "SSIM", shortTitle: "SSIM", better: "higher", decimals: () => 3 },
  reconstructionLoss: {
    title: "Reconstruction loss",
    shortTitle: "Recon. loss",
    better: "lower",
    decimals: () => 4,
  },
  quantizationError: {
    title: "Quantization error",
    shortTitle: "Quant. error",
    better: "lower",
    decimals: threeDigits,
  },
  usage: {
    title: "Usage",
    shortTitle: "Usage",
    better: "higher",
    decimals: (value) => (value < 0.00995 ? 2 : 1),
  },
  perplexity: { title: "Perplexity", shortTitle: "Perplexity", decimals: () => 1 },
  bitsPerPixel: { title: "Bits per pixel", shortTitle: "Bits/px", better: "lower", decimals: () => 3 },
  imagesPerSecond: { title: "Images per second", shortTitle: "Images/s", decimals: threeDigits },
};

/** `21.34`; `–` where the figure has no meaning. */
export function formatFigure(name: FigureName, value: number | null): string {
  if (value === null) return NO_FIGURE;
  return name === "usage" ? formatPercent(value) : formatFixed(value, FIGURE_STYLES[name].decimals(value));
}

/** A mean over runs, with its interval where there are several. */
interface Estimate {
  readonly mean: number;
  readonly interval: Interval | null;
}

/** `21.34 ± 0.12`, mean and half of its interval, both with the mean's decimals; `21.34` where there is no interval. */
export function formatEstimate(name: FigureName, value: Estimate | null): string {
  if (value === null || value.interval === null) return formatFigure(name, value?.mean ?? null);
  const decimals = FIGURE_STYLES[name].decimals(value.mean);
  const half = (value.interval.high - value.interval.low) / 2;
  const [scale, unit] = scaleOf(name);
  return `${formatFixed(scale * value.mean, decimals)} ± ${formatFixed(scale * half, decimals)}${unit}`;
}

/** `20.80 to 21.88`, with the mean's decimals; nothing where there is no interval. */
export function formatInterval(name: FigureName, { mean, interval }: Estimate): string {
  if (interval === null) return "";
  const decimals = FIGURE_STYLES[name].decimals(mean);
  const [scale, unit] = scaleOf(name);
  return `${signed(scale * interval.low, decimals)} to ${signed(scale * interval.high, decimals)}${unit}`;
}

/** A difference of two means, with its sign: `+1.32 ± 0.08`; of usage in percentage points. */
export function formatDifference(name: FigureName, value: Estimate | null): string {
  if (value === null) return NO_FIGURE;
  const decimals = differenceDecimals(name, value);
  const [scale] = scaleOf(name);
  const half = value.interval && (scale * (value.interval.high - value.interval.low)) / 2;
  const spread = half === null ? "" : ` ± ${formatFixed(half, decimals)}`;
  return `${signed(scale * value.mean, decimals, { plus: true })}${spread}${name === "usage" ? " points" : ""}`;
}

/** `+1.24 to +1.40`, with the decimals of the difference; nothing where there is no interval. */
export function formatDifferenceInterval(name: FigureName, value: Estimate): string {
  const { interval } = value;
  if (interval === null) return "";
  const decimals = differenceDecimals(name, value);
  const [scale] = scaleOf(name);
  const [low, high] = [interval.low, interval.high].map((end) =>
    signed(scale * end, decimals, { plus: true }),
  );
  return `${low} to ${high}`;
}

/** As many as a figure of this size has, and more where a difference without an interval would vanish. */
function differenceDecimals(name: FigureName, { mean, interval }: Estimate): number {
  const half = interval === null ? 0 : (interval.high - interval.low) / 2;
  const decimals = FIGURE_STYLES[name].decimals(Math.max(Math.abs(mean), half));
  const [scale] = scaleOf(name);
  const isLost = half === 0 && mean !== 0 && Math.abs(scale * mean) < 0.5 * 10 ** -decimals;
  return isLost ? threeDigits(scale * mean) : decimals;
}

/** Usage is a fraction that is written in percent. */
function scaleOf(name: FigureName): [scale: number, unit: string] {
  return name === "usage" ? [100, " %"] : [1, ""];
}

/** With a minus sign as long as a plus; nothing that rounds to 0 has a sign. */
function signed(value: number, decimals: number, { plus = false } = {}): string {
  const text = formatFixed(Math.abs(value), decimals);
  if (!/[1-9]/.test(text)) return text;
  return value < 0 ? `−${text}` : plus ? `+${text}` : text;
}

/** Three significant digits, but no more than eight decimals. */
function threeDigits(value: number): number {
  if (value === 0) return 0;
  return Math.min(8, Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value)))));
}

/** K, or Q × K where a position has several codes. */
export function formatCodes({
  codebookSize,
  numCodebooks,
}: {
  readonly codebookSize: number;
  readonly numCodebooks: number;
}): string {
  return `${numCodebooks === 1 ? "" : `${numCodebooks} × `}${formatCount(codebookSize)}`;
}
