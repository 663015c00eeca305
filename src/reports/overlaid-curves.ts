import { axisX, axisY, dot, gridX, gridY, line, type Markish, type PlotOptions } from "@observablehq/plot";
import { evaluationImages, lastSteps, stepsInWindow } from "../core/usage-words.js";
import {
  type Chart,
  type ChartTable,
  draw,
  fileName,
  logTicks,
  type Point,
  rightMargin,
  showsMoreOn,
  smoothed,
} from "../drawing/charts/index.js";
import { formatTick, SERIES_COLOURS, seriesColour } from "../drawing/index.js";
import type { TrainingCurves } from "./records/training-curves.js";

/** Curves that stand together: those of a run, or of a row's seeds. */
export interface NamedCurves {
  readonly name: string;
  /** One entry a run. */
  readonly curves: readonly TrainingCurves[];
}

/** What is said of all curves of a chart. */
export interface OverlayContext {
  /** Of the titles and of the files' names; default none. */
  readonly suffix?: string;
  /** Whether the evaluation's images were kept out of training; undefined where that is not known of all. */
  readonly heldOut?: boolean | undefined;
}

interface OverlayField {
  /** What its files are called after. */
  readonly name: string;
  readonly title: (counted: { readonly window: string; readonly evaluation: string }) => string;
  /** Of metrics.jsonl. */
  readonly field: string;
  readonly yScale: "linear" | "log";
  readonly isPercent?: boolean;
  /** Whether what one step shows is noisy. */
  readonly isNoisy?: boolean;
}

const FIELDS: readonly OverlayField[] = [
  {
    name: "Reconstruction loss",
    title: () => "Reconstruction loss",
    field: "reconstructionLoss",
    yScale: "log",
    isNoisy: true,
  },
  {
    name: "Evaluation PSNR (dB)",
    title: ({ evaluation }) => `PSNR on ${evaluation} (dB)`,
    field: "evaluationPsnr",
    yScale: "linear",
  },
  {
    name: "Codebook usage, window",
    title: ({ window }) => `Codebook usage of ${window}`,
    field: "usageWindow",
    yScale: "linear",
    isPercent: true,
  },
  {
    name: "Perplexity, window",
    title: ({ window }) => `Perplexity of ${window}`,
    field: "perplexityWindow",
    yScale: "log",
  },
  {
    name: "Quantization error, batch",
    title: () => "Quantization error of each batch",
    field: "quantizationError",
    yScale: "log",
    isNoisy: true,
  },
  {
    name: "Gradient norm before clipping",
    title: () => "Gradient norm before clipping",
    field: "gradientNorm",
    yScale: "log",
    isNoisy: true,
  },
];

/** A noisy curve is drawn as the mean of so many of the points kept. */
const SMOOTH = 15;

/** One name's curves in one chart. */
interface OverlaySeries {
  readonly name: string;
  readonly colour: string;
  /** One entry a run. */
  readonly curves: readonly (readonly Point[])[];
  /** Their mean at each step that all have. */
  readonly mean: readonly Point[];
}

/** So many names stand in one chart; `overlaidCharts` takes no more. */
export const MOST_OVERLAID = SERIES_COLOURS;

/**
 * Curves of several runs over each other, a chart for each figure that any of them has recorded: of a name with several
 * runs their mean, and pale each by itself.
 *
 * @param rows at most `MOST_OVERLAID`, whose order gives their colours
 */
export function overlaidCharts(
  rows: readonly NamedCurves[],
  { suffix = "", heldOut }: OverlayContext = {},
): Chart[] {
  const windows = new Set(rows.flatMap(({ curves }) => curves.map(({ last }) => stepsInWindow(last))));
  const [only] = windows;
  const counted = {
    window: lastSteps(windows.size === 1 ? only : undefined),
    evaluation: evaluationImages(heldOut),
  };
  return FIELDS.flatMap((field) => {
    const series = rows.flatMap((row, i) => seriesOf(row, field, i));
    const [name, title] = [field.name, field.title(counted)].map((text) => `${text}${suffix}`);
    return series.length === 0 ? [] : [overlayChart(series, field, { name, title } as ChartNames)];
  });
}

function seriesOf({ name, curves }: NamedCurves, { field }: OverlayField, i: number): OverlaySeries[] {
  const found = curves.flatMap((each) => {
    const shown = (each.curves.get(field) ?? []).filter(([, value]) => Number.isFinite(value));
    return shown.length === 0 ? [] : [shown];
  });
  if (found.length === 0) return [];
  return [{ name, colour: seriesColour(i), curves: found, mean: meanCurve(found) }];
}

/** The mean of curves at each x that all of them have. */
export function meanCurve(curves: readonly (readonly Point[])[]): Point[] {
  const sums = new Map<number, { count: number; sum: number }>();
  for (const [x, y] of curves.flat()) {
    const { count, sum } = sums.get(x) ?? { count: 0, sum: 0 };
    sums.set(x, { count: count + 1, sum: sum + y });
  }
  return [...sums]
    .filter(([, { count }]) => count === curves.length)
    .map(([x, { sum }]): Point => [x, sum / curves.length])
    .sort(([a], [b]) => a - b);
}

interface ChartNames {
  readonly name: string;
  readonly title: string;
}

function overlayChart(
  series: readonly OverlaySeries[],
  field: OverlayField,
  { name, title }: ChartNames,
): Chart {
  const { yScale, isPercent = false } = field;
  const turned = yScale === "log" ? "linear" : "log";
  const all = series.flatMap(({ curves }) => curves.map((points) => ({ points })));
  const svg = drawn(series, field, title);
  return {
    name: `curves-${fileName(name)}`,
    title,
    svg,
    ...(svg !== undefined && showsMoreOn(turned, all)
      ? { scales: { drawn: yScale, other: drawn(series, { ...field, yScale: turned }, title) as string } }
      : {}),
    reading: { isPercent },
    keys: series.map(({ name: key, colour }) => ({ name: key, colour })),
    table: tableOf(series),
  };
}

/** Nothing where no point can be seen on such an axis. */
function drawn(series: readonly OverlaySeries[], field: OverlayField, title: string): string | undefined {
  const { yScale, isPercent = false } = field;
  const can = ([, y]: Point): boolean => yScale === "linear" || y > 0;
  const shown = series.map((each) => ({
    ...each,
    curves: each.curves.map((points) => points.filter(can)),
    mean: each.mean.filter(can),
  }));
  const ys = shown.flatMap(({ curves }) => curves.flat().map(([, y]) => y));
  if (ys.length === 0) return undefined;
  const domain = domainOf(ys, yScale);
  const yTicks = yScale === "log" ? logTicks(domain) : 5;
  const percent = (value: number): string => `${formatTick(100 * value)} %`;
  const [, end] = extent(shown.flatMap(({ curves }) => curves.flat().map(([step]) => step)));
  return draw(title, {
    marginRight: rightMargin(end),
    x: { label: "step" },
    y: { type: yScale, domain, label: null, nice: yScale === "linear" },
    marks: [
      gridY({ stroke: "var(--line)", strokeOpacity: 1, ticks: yTicks }),
      gridX({ stroke: "var(--line)", strokeOpacity: 0.5, ticks: 5 }),
      axisX({ ticks: 5, tickFormat: formatTick, tickSize: 0, label: "step", labelArrow: "none" }),
      axisY({ ticks: yTicks, tickFormat: isPercent ? percent : formatTick, tickSize: 0, label: null }),
      ...shown.flatMap((each) => marks(each, field)),
    ],
  } satisfies PlotOptions);
}

/** A range that holds all values, also where they are all equal. */
function domainOf(ys: readonly number[], yScale: "linear" | "log"): [number, number] {
  const [low, high] = extent(ys);
  const isFlat = high === low || (yScale === "log" && high / low < 1.01);
  return isFlat ? [low - Math.abs(low || 1) / 2, high + Math.abs(high || 1) / 2] : [low, high];
}

function marks(
  { curves, mean, colour }: OverlaySeries,
  { yScale, isNoisy = false }: OverlayField,
): Markish[] {
  const shape = (points: readonly Point[]): readonly Point[] =>
    isNoisy && points.length >= 2 * SMOOTH ? smoothed(points, SMOOTH, yScale) : points;
  const alone = curves.length === 1;
  const pale = alone
    ? isNoisy
      ? curves // as recorded, behind the smoothed one
      : []
    : curves.map(shape);
  const full = shape(mean);
  const [only] = full;
  return [
    ...pale.map((points) => line(points, { stroke: colour, strokeWidth: 1, strokeOpacity: 0.25 })),
    full.length === 1 && only !== undefined
      ? dot([only], { fill: colour, r: 3 })
      : line(full, { stroke: colour, strokeWidth: 1.8, strokeLinejoin: "round" }),
  ];
}

function extent(values: readonly number[]): [low: number, high: number] {
  return values.reduce<[number, number]>(
    ([low, high], value) => [Math.min(low, value), Math.max(high, value)],
    [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
  );
}

/** One line a step, the mean of each name; fractions as they were recorded. */
function tableOf(series: readonly OverlaySeries[]): ChartTable {
  const lines = new Map<number, (number | null)[]>();
  for (const [i, { mean }] of series.entries()) {
    for (const [step, value] of mean) {
      const cells = lines.get(step) ?? Array<number | null>(series.length).fill(null);
      cells[i] = value;
      lines.set(step, cells);
    }
  }
  const rows = [...lines].sort(([a], [b]) => a - b).map(([step, cells]) => [step, ...cells]);
  return { columns: ["step", ...series.map(({ name }) => name)], rows };
}
