import type { EvaluationFigures } from "../evaluation/index.js";
import { formatCount, formatExpectation, formatPercent, NO_FIGURE } from "./format.js";
import { textTable } from "./text-table.js";

/** The figures of an evaluation, one line each, beside those of baselines; null columns are left out. */
export function renderFiguresTable(columns: Readonly<Record<string, EvaluationFigures | null>>): string {
  const shown = Object.entries(columns).flatMap(([name, figures]) =>
    figures === null ? [] : [{ name, figures }],
  );
  const head = ["", ...shown.map(({ name }) => name)];
  const rows = LINES.map(([label, text]) => [
    label,
    ...shown.map(({ figures }) => text(figures) ?? NO_FIGURE),
  ]);
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
          : `${formatExpectation(expected)} in ${formatCount(samples)} indices`,
    ],
    ["perplexity", ({ perplexity }) => perplexity?.toFixed(1)],
    ["bits per pixel", ({ bitsPerPixel }) => bitsPerPixel?.toFixed(4)],
  ];

function describeUsage({ usage, used }: EvaluationFigures): string | undefined {
  if (usage === null || used === null) return undefined;
  return `${formatPercent(usage)} (${formatCount(used)})`;
}
