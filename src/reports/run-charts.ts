import { EPOCH_SO_FAR, evaluationImages, lastSteps, ONE_BATCH, stepsInWindow } from "../core/usage-words.js";
import { type Chart, chartColumns, lineChart, type Series } from "../drawing/charts/index.js";
import { type Html, html, section } from "../drawing/index.js";
import type { TrainingCurves } from "./records/training-curves.js";

interface ChartFields {
  readonly title: string;
  readonly series: Readonly<Record<string, string>>;
  readonly yScale?: "log";
  readonly isPercent?: boolean;
  readonly yIncludes?: readonly number[];
  /** Whether what one step shows is noisy. */
  readonly isNoisy?: boolean;
}

const RECONSTRUCTION_LOSSES = { l1Loss: "L1", l2Loss: "L2", huberLoss: "Huber", ssimLoss: "1 − SSIM" };

/** The losses beside the reconstruction: a quantizer's usual ones, then what else stands among the fields weighted and not. */
function otherLosses(fields: readonly string[]): string[] {
  const weighted = fields.flatMap((field) => /^weighted([A-Z].*)Loss$/.exec(field)?.[1] ?? []);
  const names = weighted.map((name) => name.charAt(0).toLowerCase() + name.slice(1));
  const others = names.filter(
    (name) => fields.includes(`${name}Loss`) && !(`${name}Loss` in RECONSTRUCTION_LOSSES),
  );
  return [...new Set(["codebook", "commitment", "entropy", ...others])];
}

/** The charts, and the fields of metrics.jsonl that each draws. */
function chartsOf({ curves, last }: TrainingCurves, heldOut?: boolean): readonly ChartFields[] {
  const fields = [...curves.keys()];
  const losses = otherLosses(fields);
  const weighted = losses.map((name) => [
    `weighted${name.charAt(0).toUpperCase()}${name.slice(1)}Loss`,
    name,
  ]);
  return [
    {
      title: "Losses, weighted",
      series: {
        totalLoss: "total",
        reconstructionLoss: "reconstruction",
        ...(Object.fromEntries(weighted) as Record<string, string>),
      },
      yScale: "log",
      isNoisy: true,
    },
    {
      title: "Reconstruction losses, unweighted",
      series: RECONSTRUCTION_LOSSES,
      yScale: "log",
      isNoisy: true,
    },
    {
      title: "Losses beside the reconstruction, unweighted",
      series: Object.fromEntries(losses.map((name) => [`${name}Loss`, name])),
      yScale: "log",
      isNoisy: true,
    },
    ...countedCharts(lastSteps(stepsInWindow(last)), evaluationImages(heldOut)),
    ...CHARTS,
  ];
}

/** The charts whose figures depend on what they were counted on. */
function countedCharts(window: string, evaluation: string): readonly ChartFields[] {
  return [
    {
      title: "Codebook usage",
      series: {
        usageBatch: ONE_BATCH,
        usageWindow: window,
        usageEpoch: EPOCH_SO_FAR,
        evaluationUsage: evaluation,
      },
      isPercent: true,
      yIncludes: [0],
      isNoisy: true,
    },
    {
      title: "Perplexity",
      series: {
        perplexityBatch: ONE_BATCH,
        perplexityWindow: window,
        perplexityEpoch: EPOCH_SO_FAR,
        evaluationPerplexity: evaluation,
      },
      yScale: "log",
      isNoisy: true,
    },
    {
      title: "Quantization error",
      series: { quantizationError: ONE_BATCH, evaluationQuantizationError: evaluation },
      yScale: "log",
      isNoisy: true,
    },
    { title: `PSNR on ${evaluation} (dB)`, series: { evaluationPsnr: "PSNR" } },
    { title: `SSIM on ${evaluation}`, series: { evaluationSsim: "SSIM", evaluationMsSsim: "MS-SSIM" } },
    {
      title: `Reconstruction loss on ${evaluation}`,
      series: { evaluationReconstructionLoss: "loss" },
      yScale: "log",
    },
    { title: `Bits per pixel on ${evaluation}`, series: { evaluationBitsPerPixel: "bits per pixel" } },
  ];
}

const CHARTS: readonly ChartFields[] = [
  { title: "Gradient norm before clipping", series: { gradientNorm: "norm" }, yScale: "log", isNoisy: true },
  { title: "Learning rate", series: { learningRate: "learning rate" }, yIncludes: [0] },
  { title: "Images a second", series: { imagesPerSecond: "images a second" }, yIncludes: [0], isNoisy: true },
  { title: "Seconds since the start", series: { elapsedSeconds: "seconds" }, yIncludes: [0] },
];

/** Numbers of indices, which stand beside the figures that they belong to; and what only a weight sets apart. */
function needsNoChart(field: string): boolean {
  return field.startsWith("samples") || /^weighted.+Loss$/.test(field);
}

/** A smoothed curve averages so many of the points kept. */
const SMOOTH = 31;

/** What a page knows besides the metrics. */
interface TrainingContext {
  /** Whether the evaluation's images were kept out of training. */
  readonly heldOut?: boolean | undefined;
}

/** A chart of each figure that the metrics of a run have; figures known by their name alone come last. */
export function trainingCharts(all: TrainingCurves, { heldOut }: TrainingContext = {}): Chart[] {
  const { curves, records } = all;
  const fields = [...curves.keys()];
  const charts = chartsOf(all, heldOut);
  const drawn = new Set(charts.flatMap(({ series }) => Object.keys(series)));
  const others = fields.filter((field) => !drawn.has(field) && !needsNoChart(field));
  return [
    ...charts,
    ...others.map((field): ChartFields => ({ title: field, series: { [field]: field }, isNoisy: true })),
  ].flatMap(({ title, series, isNoisy = false, ...options }) => {
    const present = Object.entries(series).flatMap(([field, name]): Series[] => {
      const points = curves.get(field);
      return points === undefined ? [] : [{ name, points }];
    });
    const [only] = present;
    // A dot by itself, of the first evaluation, is no curve yet: pages write its figures.
    if (only === undefined || (records > 1 && present.every(({ points }) => points.length < 2))) return [];
    // Without a key, the title says which of the figures it is.
    const isOneOf = present.length === 1 && Object.keys(series).length > 1;
    const smooth = isNoisy ? SMOOTH : 1;
    const shown = isOneOf ? `${title}: ${only.name}` : title;
    return [lineChart(present, { title: shown, xTitle: "step", smooth, ...options })];
  });
}

/** What the metrics of a run recorded, drawn; nothing for a run without metrics. */
export function trainingSection(curves: TrainingCurves, context: TrainingContext = {}): Html {
  const drawn = trainingCharts(curves, context);
  if (drawn.length === 0) return html``;
  return section(
    "Training",
    html`<p class="soft">Pale: as recorded, thinned evenly where there are more than 1,200 records. Full: the mean of ${SMOOTH} neighbouring points (the geometric mean on logarithmic axes). Pointer, finger or arrow keys read what was recorded.</p>
${chartColumns(drawn)}`,
  );
}
