import { formatTick } from "./format.js";
import { type Html, html } from "./html.js";
import { lineChart, type Series } from "./line-chart.js";
import { section } from "./page.js";
import type { TrainingCurves } from "./training-curves.js";

interface Chart {
  readonly title: string;
  readonly series: Readonly<Record<string, string>>;
  readonly yScale?: "log";
  readonly formatY?: (value: number) => string;
  readonly yIncludes?: readonly number[];
}

/** The charts, and the fields of metrics.jsonl that each draws. */
const CHARTS: readonly Chart[] = [
  {
    title: "Losses, weighted",
    series: {
      totalLoss: "total",
      reconstructionLoss: "reconstruction",
      weightedCodebookLoss: "codebook",
      weightedCommitmentLoss: "commitment",
    },
    yScale: "log",
  },
  {
    title: "Codebook usage",
    series: { usageWindow: "window", usageBatch: "batch", evaluationUsage: "evaluation" },
    formatY: (usage) => `${formatTick(100 * usage)} %`,
    yIncludes: [0],
  },
  {
    title: "Perplexity",
    series: { perplexityWindow: "window", perplexityBatch: "batch", evaluationPerplexity: "evaluation" },
    yScale: "log",
  },
  { title: "Quantization error", series: { quantizationError: "batch" }, yScale: "log" },
  { title: "PSNR on the evaluation set (dB)", series: { evaluationPsnr: "PSNR" } },
  { title: "Gradient norm before clipping", series: { gradientNorm: "norm" }, yScale: "log" },
  { title: "Learning rate", series: { learningRate: "learning rate" }, yIncludes: [0] },
];

/** What the metrics of a run recorded, drawn; nothing for a run without metrics. */
export function trainingSection({ curves }: TrainingCurves): Html {
  const drawn = CHARTS.flatMap(({ title, series, ...options }) => {
    const present = Object.entries(series).flatMap(([field, name]): Series[] => {
      const points = curves.get(field);
      return points === undefined ? [] : [{ name, points }];
    });
    return present.length === 0 ? [] : [lineChart(present, { title, xTitle: "step", ...options })];
  });
  if (drawn.length === 0) return html``;
  return section("Training", html`<div class="columns">${drawn}</div>`);
}
