import {
  axisX,
  axisY,
  dot,
  gridX,
  gridY,
  line,
  type Markish,
  type PlotOptions,
  ruleY,
} from "@observablehq/plot";
import { formatTick, seriesColour } from "../index.js";
import { type Chart, type ChartTable, rightMargin } from "./chart.js";
import { draw } from "./draw.js";
import { fileName } from "./plot-files.js";

export type Point = readonly [x: number, y: number];

/** One curve. */
export interface Series {
  readonly name: string;
  /** By ascending x. */
  readonly points: readonly Point[];
}

export interface LineChartOptions {
  readonly title: string;
  readonly xTitle: string;
  readonly xScale?: "linear" | "log";
  readonly yScale?: "linear" | "log";
  /** Whether y is a fraction that is written in percent; default false. */
  readonly isPercent?: boolean;
  /** Values that the y axis must hold whatever the curves do. */
  readonly yIncludes?: readonly number[];
  /** Whether y counts something, so that an axis of few has no halves; default false. */
  readonly countsY?: boolean;
  /** Points that a smoothed curve averages, which then stands over the pale raw one; default 1: raw curves only. */
  readonly smooth?: number;
  readonly note?: string;
}

/**
 * Curves. Points that an axis cannot show (0 on a logarithmic one) are left out of the drawing, not of the table. Where
 * the other kind of y axis shows something else, the drawing is there with it too.
 */
export function lineChart(series: readonly Series[], options: LineChartOptions): Chart {
  const { title, yScale = "linear", isPercent = false, note } = options;
  const shown = visibleSeries(series, options);
  const isEmpty = shown.every(({ points }) => points.length === 0);
  const turned = { ...options, yScale: yScale === "log" ? "linear" : "log" } as const;
  const shownTurned = visibleSeries(series, turned);
  const isWorth = showsMoreOn(turned.yScale, series) && shownTurned.some(({ points }) => points.length > 0);
  return {
    name: fileName(title),
    title,
    svg: isEmpty ? undefined : drawn(shown, options),
    reading: { isPercent },
    ...(isWorth && !isEmpty ? { scales: { drawn: yScale, other: drawn(shownTurned, turned) } } : {}),
    keys:
      series.length > 1
        ? shown.map(({ name, isDashed }, i) => ({ name, colour: seriesColour(i), isDashed }))
        : [],
    table: tableOf(series, options.xTitle),
    ...(note === undefined ? {} : { note }),
  };
}

interface DrawnSeries extends Series {
  readonly isDashed: boolean;
}

function visibleSeries(
  series: readonly Series[],
  { xScale = "linear", yScale = "linear" }: LineChartOptions,
): DrawnSeries[] {
  const can = visible(xScale, yScale);
  return withDashes(
    series.map(({ name, points }) => ({ name, points: points.filter(can) })),
    yScale,
  );
}

/** Values nearer together than this look alike on both kinds of axes. */
const LEAST_RATIO = 1.5;
/** A logarithmic axis is worth a switch where it can show so many of the points. */
const LEAST_SHOWN = 0.5;

/** Whether curves look otherwise on the other kind of y axis, and can be seen there. */
export function showsMoreOn(scale: "linear" | "log", series: readonly Pick<Series, "points">[]): boolean {
  let [points, positive] = [0, 0];
  let [low, high] = [Number.POSITIVE_INFINITY, 0];
  for (const [, y] of series.flatMap((each) => each.points)) {
    points++;
    if (!(y > 0)) continue;
    positive++;
    low = Math.min(low, y);
    high = Math.max(high, y);
  }
  return high > LEAST_RATIO * low && (scale === "linear" || positive >= LEAST_SHOWN * points);
}

function drawn(series: readonly DrawnSeries[], options: LineChartOptions): string {
  const { title, xTitle, xScale = "linear", yScale = "linear", isPercent = false, smooth = 1 } = options;
  const formatY = isPercent ? (value: number) => `${formatTick(100 * value)} %` : formatTick;
  const included = (options.yIncludes ?? []).filter((value) => yScale === "linear" || value > 0);
  const xs = series.flatMap(({ points }) => points.map(([x]) => x));
  const ys = [...series.flatMap(({ points }) => points.map(([, y]) => y)), ...included];
  const x = scale(xScale, xs);
  const y = scale(yScale, ys);
  const xTicks = xScale === "log" ? logTicks(x.domain) : 5;
  const yTicks =
    yScale === "log" ? logTicks(y.domain) : options.countsY === true ? countTicks(y.domain[1]) : 5;
  return draw(title, {
    marginRight: rightMargin(x.domain[1]),
    x: { ...x, label: xTitle },
    y: { ...y, label: null, nice: yScale === "linear" },
    marks: [
      gridY({ stroke: "var(--line)", strokeOpacity: 1, ticks: yTicks }),
      gridX({ stroke: "var(--line)", strokeOpacity: 0.5, ticks: xTicks }),
      axisX({ ticks: xTicks, tickFormat: formatTick, tickSize: 0, label: xTitle, labelArrow: "none" }),
      axisY({ ticks: yTicks, tickFormat: formatY, tickSize: 0, label: null }),
      ...series.flatMap(({ points, isDashed }, i) =>
        curve(points, { colour: seriesColour(i), isDashed, smooth, yScale }),
      ),
      ...(included.includes(0) ? [ruleY([0], { stroke: "var(--line)" })] : []),
    ],
  } satisfies PlotOptions);
}

/** Curves nearer than this part of the height of all look like one. */
const NEAR = 0.01;
/** A curve hides another when so many of its points lie on it. */
const HIDING = 0.9;

/**
 * A curve that lies on an earlier one is dashed, so that both are seen: the codebook loss and the commitment loss are
 * equal in value, a total equals its only part.
 */
function withDashes(series: readonly Series[], yScale: "linear" | "log"): DrawnSeries[] {
  const height = (y: number): number => (yScale === "log" ? Math.log(y) : y);
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const [, y] of series.flatMap(({ points }) => points)) {
    low = Math.min(low, height(y));
    high = Math.max(high, height(y));
  }
  const near = NEAR * (high - low);
  const hides = (over: Series, under: Series): boolean => {
    const below = new Map(under.points);
    const onIt = over.points.filter(([x, y]) => {
      const other = below.get(x);
      return other !== undefined && Math.abs(height(y) - height(other)) <= near;
    });
    return over.points.length > 1 && onIt.length >= HIDING * over.points.length;
  };
  return series.map((over, i) => ({
    ...over,
    isDashed: series.slice(0, i).some((under) => hides(over, under)),
  }));
}

interface CurveStyle {
  readonly colour: string;
  readonly isDashed: boolean;
  readonly smooth: number;
  readonly yScale: "linear" | "log";
}

function curve(points: readonly Point[], { colour, isDashed, smooth, yScale }: CurveStyle): Markish[] {
  const [only] = points;
  if (only === undefined) return [];
  if (points.length === 1) return [dot([only], { fill: colour, r: 3 })];
  const raw = { stroke: colour, strokeWidth: 1.8, strokeLinejoin: "round" } as const;
  const full = isDashed ? { ...raw, strokeDasharray: "8 7" } : raw;
  if (smooth < 2 || points.length < 2 * smooth) return [line(points, full)];
  return [
    line(points, { ...raw, strokeWidth: 1, strokeOpacity: 0.3 }),
    line(smoothed(points, smooth, yScale), full),
  ];
}

/** The mean of up to `window` neighbouring points, half of them on either side; on a logarithmic axis the geometric mean. */
export function smoothed(
  points: readonly Point[],
  window: number,
  scale: "linear" | "log" = "linear",
): Point[] {
  const half = Math.floor(window / 2);
  const sums = [0];
  for (const [, y] of points) sums.push((sums.at(-1) as number) + (scale === "log" ? Math.log(y) : y));
  return points.map(([x], i) => {
    const from = Math.max(0, i - half);
    const to = Math.min(points.length, i + half + 1);
    const mean = ((sums[to] as number) - (sums[from] as number)) / (to - from);
    return [x, scale === "log" ? Math.exp(mean) : mean];
  });
}

/** How many ticks an axis of counts is to have: no more than there are whole numbers. */
export function countTicks(most: number): number {
  return Math.max(1, Math.min(5, Math.floor(most)));
}

/**
 * Round values to label on a logarithmic axis: powers of ten, where there are few of these 2 and 5 times them, and on a
 * short axis round values at equal distances.
 */
export function logTicks([low, high]: readonly [number, number]): number[] {
  const decades = Math.log10(high / low);
  const digits = decades < 2.2 ? [1, 2, 5] : [1];
  const every = Math.max(1, Math.ceil(decades / 6));
  const from = Math.floor(Math.log10(low));
  const ticks: number[] = [];
  for (let exponent = from; exponent <= Math.ceil(Math.log10(high)); exponent++) {
    if (exponent % every === 0) ticks.push(...digits.map((digit) => Number(`${digit}e${exponent}`)));
  }
  const inside = ticks.filter((tick) => tick >= low * (1 - 1e-9) && tick <= high * (1 + 1e-9));
  return inside.length >= 2 ? inside : evenTicks(low, high);
}

/** Two to seven multiples of 1, 2 or 5 times a power of ten. */
function evenTicks(low: number, high: number): number[] {
  const least = (high - low) / 6;
  const power = 10 ** Math.floor(Math.log10(least));
  const step = power * ([1, 2, 5].find((digit) => digit * power >= least) ?? 10);
  const from = Math.ceil(low / step);
  const count = Math.floor(high / step) - from + 1;
  return Array.from({ length: count }, (_, i) => Number(((from + i) * step).toPrecision(12)));
}

/** A scale that holds all values, also where they are all equal. */
function scale(
  type: "linear" | "log",
  values: readonly number[],
): { readonly type: "linear" | "log"; readonly domain: [number, number] } {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const value of values) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  if (type === "log") return { type, domain: high / low < 1.01 ? [low / 2, high * 2] : [low, high] };
  if (low === high)
    return { type, domain: low === 0 ? [0, 1] : [low - Math.abs(low) / 2, low + Math.abs(low) / 2] };
  return { type, domain: [low, high] };
}

/** Figures of runs lie well within; beyond, differences and ratios leave the range of numbers, and axes have no ticks. */
const [LEAST_DRAWN, MOST_DRAWN] = [1e-30, 1e30];

function visible(xScale: "linear" | "log", yScale: "linear" | "log"): (point: Point) => boolean {
  const can = (value: number, type: "linear" | "log"): boolean => {
    if (value === 0) return type === "linear";
    const size = Math.abs(value);
    return size >= LEAST_DRAWN && size <= MOST_DRAWN && (type === "linear" || value > 0);
  };
  return ([x, y]) => can(x, xScale) && can(y, yScale);
}

/** One line an x that any curve has. */
function tableOf(series: readonly Series[], xTitle: string): ChartTable {
  const lines = new Map<number, (number | null)[]>();
  for (const [i, { points }] of series.entries()) {
    for (const [x, y] of points) {
      const cells = lines.get(x) ?? Array<number | null>(series.length).fill(null);
      cells[i] = y;
      lines.set(x, cells);
    }
  }
  const rows = [...lines].sort(([a], [b]) => a - b).map(([x, cells]) => [x, ...cells]);
  return { columns: [xTitle, ...series.map(({ name }) => name)], rows };
}
