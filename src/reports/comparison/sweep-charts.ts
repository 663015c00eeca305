import { axisX, axisY, dot, gridX, gridY, line, type PlotOptions, ruleX } from "@observablehq/plot";
import { type Chart, draw, fileName } from "../../drawing/charts/index.js";
import { formatTick, seriesColour } from "../../drawing/index.js";
import type { JsonValue } from "../../files/index.js";
import { FIGURE_STYLES, type FigureName, SHOWN_FIGURES } from "../figures.js";
import { CUT_NOTE, type Shown, shownRange } from "./clipping.js";
import type { Comparison, ComparisonRow } from "./comparison.js";
import { percentOr } from "./figure-charts.js";
import { sweptName } from "./groups.js";

/** Every figure against each swept field: a line for each quantizer, and for each value of the other swept fields. */
export function sweepCharts({ rows, sweep }: Comparison): Chart[] {
  return sweep.flatMap((field) => {
    const values = distinct(rows.map(({ swept }) => swept[field] ?? null));
    if (values.length < 2) return [];
    const lines = linesOf(rows, field);
    return SHOWN_FIGURES.flatMap((name) =>
      rows.some((row) => row[name] !== null) ? [sweepChart({ name, field, values, lines })] : [],
    );
  });
}

/** Rows that differ in nothing but the field that is drawn. */
interface SweepLine {
  readonly name: string;
  readonly colour: string;
  readonly rows: readonly ComparisonRow[];
}

function linesOf(rows: readonly ComparisonRow[], field: string): SweepLine[] {
  const lines = new Map<string, ComparisonRow[]>();
  for (const row of rows) {
    const others = Object.entries(row.swept).filter(([name]) => name !== field);
    const name = [row.quantizer, ...others.map(([other, value]) => sweptName(other, value))].join(" ");
    lines.set(name, [...(lines.get(name) ?? []), row]);
  }
  return [...lines].map(([name, members], i) => ({ name, colour: seriesColour(i), rows: members }));
}

/** Pixels between the bars of two lines at the same value, so that they do not hide each other. */
const LINE_OFFSET = 7;

interface SweepChart {
  readonly name: FigureName;
  readonly field: string;
  /** Of the field, in the order given. */
  readonly values: readonly JsonValue[];
  readonly lines: readonly SweepLine[];
}

function sweepChart(chart: SweepChart): Chart {
  const { name, field, lines } = chart;
  const title = `${FIGURE_STYLES[name].title} against ${field}`;
  const figures = lines.flatMap(({ rows }) => rows.flatMap((row) => row[name] ?? []));
  const range = shownRange(
    figures.flatMap(({ values }) => values),
    figures.flatMap(({ interval }) => interval ?? []),
  );
  return {
    name: fileName(title),
    title,
    svg: drawn(title, chart, range),
    ...(range.isCut ? { note: CUT_NOTE } : {}),
    keys: lines.map(({ name: key, colour }) => ({ name: key, colour })),
    table: {
      columns: [field, "row", "seed", "value", "mean", "low", "high"],
      rows: lines.flatMap(({ rows }) =>
        rows.flatMap((row) =>
          row.seeds.map((seed, at) => [
            cell(row.swept[field] ?? null),
            row.label,
            seed,
            row[name]?.values[at] ?? null,
            row[name]?.mean ?? null,
            row[name]?.interval?.low ?? null,
            row[name]?.interval?.high ?? null,
          ]),
        ),
      ),
    },
  };
}

function drawn(title: string, { name, field, values, lines }: SweepChart, range: Shown): string {
  const scale = name === "usage" ? 100 : 1;
  const [least, most] = range.domain;
  const { place, ...x } = xAxis(values);
  const series = lines.map(({ rows, colour }, i) => ({
    colour,
    dx: LINE_OFFSET * (i - (lines.length - 1) / 2),
    points: rows
      .flatMap((row) => {
        const figure = row[name];
        return figure === null
          ? []
          : [{ x: place(row.swept[field] ?? null), figure, y: scale * figure.mean }];
      })
      .sort(
        (a, b) =>
          values.findIndex((value) => place(value) === a.x) -
          values.findIndex((value) => place(value) === b.x),
      ),
  }));
  return draw(title, {
    x: { ...x.scale, label: field },
    y: { domain: [scale * least, scale * most], label: null, nice: !range.isCut },
    marks: [
      gridY({ stroke: "var(--line)", strokeOpacity: 1, ticks: 5 }),
      gridX({ stroke: "var(--line)", strokeOpacity: 0.5, ticks: x.ticks }),
      axisX({ ticks: x.ticks, tickFormat: x.format, tickSize: 0, label: field, labelArrow: "none" }),
      axisY({ ticks: 5, tickSize: 0, label: null, tickFormat: percentOr(name) }),
      ...series.flatMap(({ colour, points, dx }) => [
        ruleX(
          points.flatMap(({ x: at, figure: { interval } }) =>
            interval === null
              ? []
              : [
                  {
                    x: at,
                    low: scale * Math.max(least, interval.low),
                    high: scale * Math.min(most, interval.high),
                  },
                ],
          ),
          { x: "x", y1: "low", y2: "high", stroke: colour, strokeWidth: 6, strokeOpacity: 0.25, dx },
        ),
        line(points, { x: "x", y: "y", stroke: colour, strokeWidth: 1.8, dx }),
        dot(
          points.flatMap(({ x: at, figure }) => figure.values.map((value) => ({ x: at, y: scale * value }))),
          { x: "x", y: "y", fill: colour, r: 2.5, dx },
        ),
      ]),
    ],
  } satisfies PlotOptions);
}

/** Numbers on a number line, logarithmic where they span much; anything else side by side. */
function xAxis(values: readonly JsonValue[]) {
  const numbers = values.filter((value) => typeof value === "number").sort((a, b) => a - b);
  const [low, high] = [numbers[0], numbers.at(-1)];
  if (numbers.length < values.length || low === undefined || high === undefined) {
    const domain = values.map((value) => JSON.stringify(value));
    const format = (text: unknown): string => String(text).replace(/^"|"$/g, "");
    const place = (value: JsonValue): string | number => JSON.stringify(value);
    return { place, scale: { type: "point", domain } as const, ticks: domain, format };
  }
  const isWide = low > 0 && high / low >= 8;
  const margin = isWide ? (high / low) ** 0.05 : 0.05 * (high - low);
  const domain = isWide ? [low / margin, high * margin] : [low - margin, high + margin];
  return {
    place: (value: JsonValue): string | number => value as number,
    scale: { type: isWide ? "log" : "linear", domain } as const,
    ticks: numbers,
    format: (value: unknown): string => formatTick(Number(value)),
  };
}

function distinct(values: readonly JsonValue[]): JsonValue[] {
  return [...new Map(values.map((value) => [JSON.stringify(value), value])).values()];
}

function cell(value: JsonValue): string | number | null {
  return typeof value === "string" || typeof value === "number" || value === null
    ? value
    : JSON.stringify(value);
}
