import type { EvaluationFigures } from "../src/index.js";
import { textTable } from "./text-table.js";

/** The figures of an evaluation, one line each, beside those of baselines; null columns are left out. */
export function figuresTable(columns: Readonly<Record<string, EvaluationFigures | null>>): string {
  const shown = Object.entries(columns).flatMap(([name, figures]) =>
    figures === null ? [] : [{ name, figures }],
  );
  const head = ["", ...shown.map(({ name }) => name)];
  const rows = LINES.map(([label, text]) => [label, ...shown.map(({ figures }) => text(figures) ?? "–")]);
  return textTable([head, ...rows]);
}

const LINES: readonly (readonly [label: string, text: (figures: EvaluationFigures) => string | undefined])[] =
  [
    ["PSNR", ({ psnr }) => (psnr === null ? undefined : `${psnr.toFixed(2)} dB`)],
    ["SSIM", ({ ssim }) => ssim?.toFixed(4)],
    ["reconstruction loss", ({ reconstructionLoss }) => reconstructionLoss.toPrecision(4)],
    ["quantization error", ({ quantizationError }) => quantizationError?.toPrecision(4)],
    ["codes used", describeUsage],
    [
      "a uniform source",
      ({ expectedUniformUsage: expected, samples }) =>
        expected === null || samples === null
          ? undefined
          : `${percent(expected)} in ${samples.toLocaleString("en-US")} indices`,
    ],
    ["perplexity", ({ perplexity }) => perplexity?.toFixed(1)],
    ["bits per pixel", ({ bitsPerPixel }) => bitsPerPixel?.toFixed(4)],
  ];

function describeUsage({ usage, used }: EvaluationFigures): string | undefined {
  if (usage === null || used === null) return undefined;
  return `${percent(usage)} (${used.toLocaleString("en-US", { maximumFractionDigits: 1 })})`;
}

function percent(fraction: number): string {
  return `${(100 * fraction).toFixed(1)} %`;
}
