import { axisX, axisY, dot, gridX, type PlotOptions, ruleX, ruleY, tickX } from "@observablehq/plot";
import { CHART_HEIGHT, type Chart, draw, fileName } from "../../drawing/charts/index.js";
import { formatTick, seriesColour } from "../../drawing/index.js";
import { FIGURE_STYLES, type FigureName, formatEstimate, formatFigure, SHOWN_FIGURES } from "../figures.js";
import { CUT_NOTE, type Shown, shownRange } from "./clipping.js";
import type { Comparison, ComparisonRow } from "./comparison.js";

const ROW_HEIGHT = 27;
/** For the axis and its label. */
const FRAME_HEIGHT = 66;
/** Labels are drawn up to this many letters; the tables have them whole. */
const LONGEST_LABEL = 30;
const LETTER_WIDTH = 7.2;

/**
 * Each figure with all rows below each other: every seed a dot, the mean a stroke, its interval a bar. None where no row
 * has several seeds: the table says as much as single dots.
 */
export function figureCharts(comparison: Comparison): Chart[] {
  if (comparison.rows.every(({ seeds }) => seeds.length < 2)) return [];
  return SHOWN_FIGURES.flatMap((name) => {
    const shown = comparison.rows.flatMap((row, i) => (row[name] === null ? [] : [{ row, i }]));
    return shown.length === 0 ? [] : [figureChart(name, shown, comparison)];
  });
}

interface ShownRow {
  readonly row: ComparisonRow;
  /** Its place among all rows, which is its colour. */
  readonly i: number;
}

function figureChart(name: FigureName, shown: readonly ShownRow[], comparison: Comparison): Chart {
  const { title } = FIGURE_STYLES[name];
  const reference = comparison.baselines.meanColour?.[name]?.mean;
  const figures = shown.flatMap(({ row }) => row[name] ?? []);
  const range = shownRange(
    [...figures.flatMap(({ values }) => values), ...(reference === undefined ? [] : [reference])],
    figures.flatMap(({ interval }) => interval ?? []),
  );
  return {
    name: fileName(title),
    title,
    svg: drawn(name, shown, { reference, range }),
    ...(range.isCut ? { note: CUT_NOTE } : {}),
    keys:
      reference === undefined
        ? []
        : [{ name: "mean colour of each image", colour: "var(--soft)", isDashed: true }],
    table: {
      columns: ["row", "seed", "value", "mean", "low", "high"],
      rows: shown.flatMap(({ row }) => {
        const figure = row[name];
        return row.seeds.map((seed, at) => [
          row.label,
          seed,
          figure?.values[at] ?? null,
          figure?.mean ?? null,
          figure?.interval?.low ?? null,
          figure?.interval?.high ?? null,
        ]);
      }),
    },
  };
}

interface FigureDrawing {
  /** Of predicting each image's mean colour. */
  readonly reference: number | undefined;
  readonly range: Shown;
}

function drawn(name: FigureName, shown: readonly ShownRow[], { reference, range }: FigureDrawing): string {
  const scale = name === "usage" ? 100 : 1;
  const [least, most] = range.domain;
  const rows = shown.map(({ row, i }) => ({
    label: row.label,
    seeds: row.seeds,
    colour: seriesColour(i),
    figure: row[name],
  }));
  const values = rows.flatMap(({ figure, seeds, ...row }) =>
    (figure?.values ?? []).map((value, i) => ({
      ...row,
      value: scale * value,
      told: `${row.label}, seed ${seeds[i]}: ${formatFigure(name, value)}`,
    })),
  );
  const means = rows.flatMap(({ figure, ...row }) =>
    figure === null
      ? []
      : [{ ...row, value: scale * figure.mean, told: `${row.label}: ${formatEstimate(name, figure)}` }],
  );
  const bars = rows.flatMap(({ figure, ...row }) => {
    const interval = figure?.interval;
    if (!interval) return [];
    const [low, high] = [Math.max(least, interval.low), Math.min(most, interval.high)];
    return [{ ...row, low: scale * low, high: scale * high }];
  });
  const labels = rows.map(({ label }) => label);
  const longest = Math.max(...labels.map((label) => Math.min(label.length, LONGEST_LABEL)));
  return draw(FIGURE_STYLES[name].title, {
    height: Math.max(CHART_HEIGHT / 2, FRAME_HEIGHT + ROW_HEIGHT * rows.length),
    marginLeft: 24 + LETTER_WIDTH * longest,
    marginTop: 14,
    x: { domain: [scale * least, scale * most], nice: !range.isCut, label: null },
    y: { domain: labels, label: null, padding: 0.2 },
    marks: [
      gridX({ stroke: "var(--line)", strokeOpacity: 1, ticks: 5 }),
      axisX({ ticks: 5, tickSize: 0, label: null, tickFormat: percentOr(name) }),
      axisY({ tickSize: 0, label: null, tickFormat: shortened }),
      ...(reference === undefined
        ? []
        : [ruleX([scale * reference], { stroke: "var(--soft)", strokeDasharray: "3 3" })]),
      ruleY(bars, {
        y: "label",
        x1: "low",
        x2: "high",
        stroke: "colour",
        strokeWidth: 9,
        strokeOpacity: 0.28,
      }),
      tickX(means, { y: "label", x: "value", stroke: "colour", strokeWidth: 2.5, title: "told" }),
      dot(values, { y: "label", x: "value", fill: "colour", r: 3, fillOpacity: 0.85, title: "told" }),
    ],
    color: { type: "identity" },
  } satisfies PlotOptions);
}

/** Labels of an axis whose values are in percent where the figure is a fraction. */
export function percentOr(name: FigureName): (value: number) => string {
  return name === "usage" ? (value) => `${formatTick(value)} %` : formatTick;
}

function shortened(label: string): string {
  return label.length > LONGEST_LABEL ? `${label.slice(0, LONGEST_LABEL - 1)}…` : label;
}
