import {
  formatCount,
  formatExpectation,
  formatItems,
  formatPercent,
  NO_FIGURE,
  textTable,
} from "../drawing/index.js";
import type { EvaluationFigures } from "../evaluation/figures/index.js";

/** The figures of an evaluation, one line each, beside those of baselines; null columns are left out. */
export function renderFiguresTable(columns: Readonly<Record<string, EvaluationFigures | null>>): string {
  const shown = Object.entries(columns).flatMap(([name, figures]) =>
    figures === null ? [] : [{ name, figures }],
  );
  const head = ["", ...shown.map(({ name }) => name)];
  const rows = LINES.flatMap(([label, text]) => {
    const cells = shown.map(({ figures }) => text(figures));
    const isLeftOut = WHERE_MEASURED.includes(label) && cells.every((cell) => cell === undefined);
    return isLeftOut ? [] : [[label, ...cells.map((cell) => cell ?? NO_FIGURE)]];
  });
  return textTable([head, ...rows]);
}

/** Lines of figures that need large images or networks: not shown where no column has them. */
const WHERE_MEASURED: readonly string[] = ["MS-SSIM", "LPIPS", "FID"];

const LINES: readonly (readonly [label: string, text: (figures: EvaluationFigures) => string | undefined])[] =
  [
    ["PSNR", ({ psnr }) => (psnr === null ? undefined : `${psnr.toFixed(2)} dB`)],
    ["SSIM", ({ ssim }) => ssim?.toFixed(4)],
    ["MS-SSIM", ({ msSsim }) => msSsim?.toFixed(4)],
    ["LPIPS", ({ lpips }) => lpips?.toFixed(4)],
    [
      "FID",
      ({ fid, images }) =>
        fid === null ? undefined : `${fid.toFixed(2)} of ${formatItems(images, "image")}`,
    ],
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
