import { axisX, axisY, dot, gridX, gridY, line, type Markish, type PlotOptions } from "@observablehq/plot";
import {
  type Chart,
  type ChartTable,
  draw,
  fileName,
  logTicks,
  type Point,
  rightMargin,
  smoothed,
} from "../../drawing/charts/index.js";
import { formatTick, SERIES_COLOURS, seriesColour } from "../../drawing/index.js";
import type { Comparison, ComparisonRow } from "./comparison.js";
import type { RowEvidence } from "./evidence.js";

interface OverlayField {
  readonly title: string;
  /** Of metrics.jsonl. */
  readonly field: string;
  readonly yScale: "linear" | "log";
  readonly isPercent?: boolean;
  /** Whether what one step shows is noisy. */
  readonly isNoisy?: boolean;
}

const FIELDS: readonly OverlayField[] = [
  { title: "Reconstruction loss", field: "reconstructionLoss", yScale: "log", isNoisy: true },
  { title: "Evaluation PSNR (dB)", field: "evaluationPsnr", yScale: "linear" },
  { title: "Codebook usage, window", field: "usageWindow", yScale: "linear", isPercent: true },
  { title: "Perplexity, window", field: "perplexityWindow", yScale: "log" },
  { title: "Quantization error, batch", field: "quantizationError", yScale: "log", isNoisy: true },
  { title: "Gradient norm before clipping", field: "gradientNorm", yScale: "log", isNoisy: true },
];

/** A noisy curve is drawn as the mean of so many of the points kept. */
const SMOOTH = 15;

/** One row's curves in one chart. */
interface OverlaySeries {
  readonly name: string;
  readonly colour: string;
  /** By seed. */
  readonly curves: readonly (readonly Point[])[];
  /** The mean over seeds at each step that all have. */
  readonly mean: readonly Point[];
}

/**
 * What training recorded, rows over each other: the mean over seeds, and pale each seed by itself. Of a sweep each
 * quantizer has charts of its own.
 */
export function overlayCharts(
  evidence: readonly RowEvidence[],
  { sweep }: Pick<Comparison, "sweep">,
): Chart[] {
  return groupsOf(evidence, sweep.length > 0).flatMap(({ suffix, rows, kind }) =>
    FIELDS.flatMap((field) => {
      // The kind stands in the title of its own charts.
      const nameOf = ({ label }: ComparisonRow): string =>
        kind !== undefined && label.startsWith(`${kind} `) ? label.slice(kind.length + 1) : label;
      const series = rows.flatMap((each, i) => seriesOf(each, field, { i, name: nameOf(each.row) }));
      return series.length === 0 ? [] : [overlayChart(series, field, suffix)];
    }),
  );
}

interface OverlayGroup {
  /** Of the titles, "" for the only group. */
  readonly suffix: string;
  /** Of all rows, where the suffix has it. */
  readonly kind: string | undefined;
  readonly rows: readonly RowEvidence[];
}

/** No more rows in one chart than there are colours. */
function groupsOf(evidence: readonly RowEvidence[], byKind: boolean): OverlayGroup[] {
  const kinds = new Map<string, RowEvidence[]>();
  for (const each of evidence) {
    const kind = byKind ? each.row.quantizer : "";
    kinds.set(kind, [...(kinds.get(kind) ?? []), each]);
  }
  return [...kinds].flatMap(([kind, rows]) => {
    const parts = Math.ceil(rows.length / SERIES_COLOURS);
    return Array.from({ length: parts }, (_, part) => {
      const names = [
        ...(kinds.size > 1 ? [kind] : []),
        ...(parts > 1 ? [`part ${part + 1} of ${parts}`] : []),
      ];
      return {
        suffix: names.length === 0 ? "" : `: ${names.join(", ")}`,
        kind: kinds.size > 1 ? kind : undefined,
        rows: rows.slice(part * SERIES_COLOURS, (part + 1) * SERIES_COLOURS),
      };
    });
  });
}

function seriesOf(
  { curves }: RowEvidence,
  field: OverlayField,
  { i, name }: { readonly i: number; readonly name: string },
): OverlaySeries[] {
  const scale = field.isPercent ? 100 : 1;
  const found = curves.flatMap((each) => {
    const points = each.curves.get(field.field) ?? [];
    const shown = points
      .map(([step, value]): Point => [step, scale * value])
      .filter(([, value]) => Number.isFinite(value) && (field.yScale === "linear" || value > 0));
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

function overlayChart(series: readonly OverlaySeries[], field: OverlayField, suffix: string): Chart {
  const title = `${field.title}${suffix}`;
  const { yScale, isPercent = false } = field;
  const ys = series.flatMap(({ curves }) => curves.flat().map(([, y]) => y));
  const [low, high] = extent(ys);
  const isFlat = high === low || (yScale === "log" && high / low < 1.01);
  const domain: [number, number] = isFlat
    ? [low - Math.abs(low || 1) / 2, high + Math.abs(high || 1) / 2]
    : [low, high];
  const yTicks = yScale === "log" ? logTicks(domain) : 5;
  return {
    name: `curves-${fileName(title)}`,
    title,
    svg: draw(title, {
      marginRight: rightMargin(extent(series.flatMap(({ mean }) => mean.map(([step]) => step)))[1]),
      x: { label: "step" },
      y: { type: yScale, domain, label: null, nice: yScale === "linear" },
      marks: [
        gridY({ stroke: "var(--line)", strokeOpacity: 1, ticks: yTicks }),
        gridX({ stroke: "var(--line)", strokeOpacity: 0.5, ticks: 5 }),
        axisX({ ticks: 5, tickFormat: formatTick, tickSize: 0, label: "step", labelArrow: "none" }),
        axisY({
          ticks: yTicks,
          tickFormat: isPercent ? (value: number) => `${formatTick(value)} %` : formatTick,
          tickSize: 0,
          label: null,
        }),
        ...series.flatMap((each) => marks(each, field)),
      ],
    } satisfies PlotOptions),
    keys: series.map(({ name, colour }) => ({ name, colour })),
    table: tableOf(series, isPercent ? 100 : 1),
  };
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

/** One line a step, the mean of each row; fractions as they were recorded. */
function tableOf(series: readonly OverlaySeries[], scale: number): ChartTable {
  const lines = new Map<number, (number | null)[]>();
  for (const [i, { mean }] of series.entries()) {
    for (const [step, value] of mean) {
      const cells = lines.get(step) ?? Array<number | null>(series.length).fill(null);
      cells[i] = value / scale;
      lines.set(step, cells);
    }
  }
  const rows = [...lines].sort(([a], [b]) => a - b).map(([step, cells]) => [step, ...cells]);
  return { columns: ["step", ...series.map(({ name }) => name)], rows };
}
