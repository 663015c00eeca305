import { VqkitError } from "../core/errors.js";
import type { RunFolder } from "../runs/index.js";
import { FIGURE_NAMES, FIGURE_STYLES, type FigureName } from "./figures.js";
import {
  formatCount,
  formatFixed,
  formatItems,
  formatPercent,
  formatSignificant,
  NO_FIGURE,
} from "./format.js";
import { type Html, html } from "./html.js";
import { lineChart, type Series } from "./line-chart.js";
import { htmlPage, htmlTable, paragraphs, section } from "./page.js";
import { readPictures } from "./run-pictures.js";
import {
  type EvaluationRecord,
  type RunFigures,
  type RunRecord,
  readRunRecord,
  runName,
} from "./run-record.js";
import { runUsageReport } from "./run-usage.js";
import { readCurves, type TrainingCurves } from "./training-curves.js";
import { usageSection } from "./usage-html.js";

/**
 * A run as a page in one file: its figures beside the baselines', its curves, reconstructions, codebook usage,
 * configuration and conventions. A run that has not finished is shown as far as it went.
 *
 * @throws VqkitError("format" | "codes" | "file") for a file of the run that cannot be read
 */
export async function renderRunReport(run: RunFolder): Promise<string> {
  const [config, curves] = await Promise.all([run.readConfig(), readCurves(run)]);
  const record = await ifThere(readRunRecord(run));
  const usage = await ifThere(runUsageReport(run, { curves }));
  const title = titleOf(runName(run), record);
  return htmlPage(
    title,
    html`<h1>${title}</h1>
${record === undefined ? unfinished(curves) : summary(record)}
${charts(curves)}
${record === undefined ? null : await pictures(record)}
${usage === undefined ? null : usageSection(usage)}
${record === undefined ? null : conventions(record)}
${section("Configuration", html`<pre>${JSON.stringify(config, null, 2)}</pre>`)}`,
  );
}

/** Writes `report.html` into the run's folder and returns its path. @throws as `renderRunReport` */
export async function writeRunReport(run: RunFolder): Promise<string> {
  await run.writeFile("report", await renderRunReport(run));
  return run.path("report");
}

/** The value, or undefined when an unfinished run has not written it yet. */
async function ifThere<T>(value: Promise<T>): Promise<T | undefined> {
  try {
    return await value;
  } catch (error) {
    if (error instanceof VqkitError && error.code === "run") return undefined;
    throw error;
  }
}

function titleOf(name: string, record: RunRecord | undefined): string {
  if (record === undefined) return name;
  const { kind, codebookSize } = record.figures.quantizer;
  return `${name}: ${kind}, ${formatItems(codebookSize, "code")}`;
}

function unfinished({ last }: TrainingCurves): Html {
  const step = last?.step;
  const reached = typeof step === "number" ? ` Its metrics reach step ${formatCount(step)}.` : "";
  return html`<p>This run has not finished: it has no final figures.${reached}</p>`;
}

function summary({ figures }: RunRecord): Html {
  const { training, quantizer, final, heldOut, seed } = figures;
  const time = training.seconds === null ? "" : ` in ${formatDuration(training.seconds)}`;
  const speed =
    training.imagesPerSecond === null
      ? ""
      : `, ${formatSignificant(training.imagesPerSecond)} images a second`;
  const asked = quantizer.nominalCodebookSize;
  const size =
    asked === null || asked === quantizer.codebookSize
      ? ""
      : ` A codebook of ${formatCount(asked)} codes was asked for; ${quantizer.kind} has ${formatCount(quantizer.codebookSize)}.`;
  return html`${paragraphs([
    `${formatItems(training.steps, "step")}${time}${speed}; seed ${seed}.${size}`,
    `Measured on ${formatItems(final.images, heldOut ? "held-out image" : "image")}${heldOut ? "" : ", which were trained on too"}.`,
  ])}${figuresTable(figures)}`;
}

/** `95` → `1 min 35 s`. */
function formatDuration(seconds: number): string {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  return minutes < 60
    ? `${minutes} min ${whole % 60} s`
    : `${formatCount(Math.floor(minutes / 60))} h ${minutes % 60} min`;
}

const EVALUATED = FIGURE_NAMES.filter((name) => name !== "imagesPerSecond");

function figuresTable({ final, untrained, meanColour }: RunFigures): Html {
  const columns = [
    { title: "Trained", record: final },
    { title: "Untrained", record: untrained },
    { title: "Mean colour", record: meanColour },
  ].flatMap(({ title, record }) => (record === null ? [] : [{ title, record }]));
  return htmlTable(
    [{ title: "Figure" }, ...columns.map(({ title }) => ({ title, numeric: true }))],
    EVALUATED.map((name) => {
      const { title, unit } = FIGURE_STYLES[name];
      const heading = unit === "" ? title : `${title} (${unit})`;
      return [heading, ...columns.map(({ record }) => figureCell(record, name))];
    }),
  );
}

function figureCell(record: EvaluationRecord, name: Exclude<FigureName, "imagesPerSecond">): string {
  const value = record[name];
  if (value === null) return NO_FIGURE;
  const text = FIGURE_STYLES[name].format(value);
  const { samples, expectedUniformUsage } = record;
  if (name !== "usage" || samples === null || expectedUniformUsage === null) return text;
  return `${text} (uniform source, ${formatCount(samples)} indices: ${formatPercent(expectedUniformUsage)})`;
}

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
    formatY: formatPercent,
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

function charts({ curves }: TrainingCurves): Html {
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

async function pictures(record: RunRecord): Promise<Html> {
  const examples = await readPictures(record);
  const image = examples?.originals[0];
  if (examples === undefined || image === undefined) return html``;
  const { psnr } = record.figures.final;
  const mean = psnr === null ? "" : ` Mean PSNR over the whole set: ${formatFixed(psnr, 2)} dB.`;
  const width = image.width * examples.originals.length;
  const source = `data:image/png;base64,${Buffer.from(examples.png).toString("base64")}`;
  return section(
    "Reconstructions",
    html`<p>Originals above, reconstructions below.${mean}</p>
<img class="picture" alt="Originals above their reconstructions" style="width: ${enlarged(width)}px" src="${source}">`,
  );
}

/** Small crops are shown at twice their size. */
function enlarged(width: number): number {
  return width <= 560 ? 2 * width : width;
}

function conventions({ conventions: card }: RunRecord): Html {
  return section(
    "Conventions",
    htmlTable(
      [{ title: "Of" }, { title: "How it was measured" }],
      Object.entries(card).map(([name, value]) => [name, String(value)]),
    ),
  );
}
