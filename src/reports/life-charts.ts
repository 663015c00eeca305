import { axisX, axisY, gridY, type PlotOptions, rectY, ruleY } from "@observablehq/plot";
import {
  type Chart,
  countTicks,
  draw,
  fileName,
  heatMap,
  lineChart,
  type Point,
} from "../drawing/charts/index.js";
import { formatCount, formatItems, formatTick, seriesColour } from "../drawing/index.js";
import {
  type CodeLives,
  type CodeTimeline,
  codeAges,
  codeLives,
  type IntervalCounts,
} from "../metrics/index.js";

/** Rows of the picture of all lives at most; larger codebooks have several codes in a row. */
const MOST_ROWS = 256;

/** How one codebook's codes came into use and fell out of it over training. @param suffix of the titles, "" for the only codebook */
export function lifeCharts(timeline: CodeTimeline, codebook: number, suffix: string): Chart[] {
  if (timeline.records.length === 0) return [];
  const lives = codeLives(timeline, codebook);
  return [
    useChart(timeline, lives, suffix),
    eventChart(lives, suffix),
    ...driftChart(timeline, codebook, suffix),
    ageChart(timeline, lives, suffix),
    livesPicture(timeline, codebook, suffix),
  ];
}

function useChart({ codebookSize }: CodeTimeline, { events }: CodeLives, suffix: string): Chart {
  const last = events.at(-1);
  return lineChart(
    [
      { name: "in use", points: events.map(({ step, used }) => [step, used] as const) },
      {
        name: "ever used",
        points: events.map(({ step, neverUsed }) => [step, codebookSize - neverUsed] as const),
      },
      {
        name: "uniform source",
        points: events.map(({ step, expectedUniformUsed }) => [step, expectedUniformUsed] as const),
      },
    ],
    {
      title: `Codes in use${suffix}`,
      xTitle: "step",
      yIncludes: [0],
      countsY: true,
      note: `In use: chosen at least once since the record before; ${formatCount(last?.samples ?? 0)} indices were counted in the last interval. Uniform source: the codes that it would show in as many.`,
    },
  );
}

function eventChart({ events }: CodeLives, suffix: string): Chart {
  const points = (figure: "births" | "deaths" | "revivals" | "replaced"): Point[] =>
    events.map((event) => [event.step, event[figure] ?? 0]);
  // Without the first record, in which every code that is used is born.
  const later = (all: Point[]): Point[] => (all.length > 1 ? all.slice(1) : all);
  const [first] = events;
  const replaces = events.some(({ replaced }) => replaced !== undefined);
  return lineChart(
    [
      { name: "births", points: later(points("births")) },
      { name: "deaths", points: later(points("deaths")) },
      { name: "revivals", points: later(points("revivals")) },
      ...(replaces ? [{ name: "replaced", points: later(points("replaced")) }] : []),
    ],
    {
      title: `Births, deaths and revivals${suffix}`,
      xTitle: "step",
      yIncludes: [0],
      countsY: true,
      note: `Codes an interval. Born: used for the first time (${formatItems(first?.births ?? 0, "code")} by the first record, step ${formatCount(first?.step ?? 0)}). Dead: used in the interval before and not in this one. Revived: used again after an interval without use.${replaces ? " Replaced: put on a latent of the batch by training, because it was out of use; where that works, a birth or a revival follows." : ""}`,
    },
  );
}

function driftChart({ records }: CodeTimeline, codebook: number, suffix: string): Chart[] {
  const overall: Point[] = [];
  const typical: Point[] = [];
  for (const { step, drift: all } of records) {
    const drift = all?.[codebook];
    if (drift === undefined) continue;
    if (drift.overall !== null) overall.push([step, drift.overall]);
    typical.push([step, medianOf(drift.perCode)]);
  }
  if (typical.length === 0) return [];
  return [
    lineChart(
      [
        { name: "whole codebook", points: overall },
        { name: "median code", points: typical },
      ],
      {
        title: `Drift of the codes${suffix}`,
        xTitle: "step",
        yScale: "log",
        note: "How far the vectors moved since the record before, relative to their length then. What did not move at all is not drawn.",
      },
    ),
  ];
}

/** Sorted as numbers by the array itself, which a list of 65,536 at each of 50 records is worth. */
function medianOf(values: Float32Array): number {
  const sorted = values.slice().sort();
  const half = sorted.length >> 1;
  const upper = sorted[half] as number;
  return sorted.length % 2 === 1 ? upper : ((sorted[half - 1] as number) + upper) / 2;
}

/** One bar an interval: a code that came into use in it has an age between the interval's two ends. */
function ageChart(timeline: CodeTimeline, lives: CodeLives, suffix: string): Chart {
  const { records, codebookSize } = timeline;
  const steps = records.map(({ step }) => step);
  const last = steps.at(-1) as number;
  const byAge = new Map<number, number>();
  let alive = 0;
  for (const age of codeAges(lives, last)) {
    if (age < 0) continue;
    alive++;
    byAge.set(age, (byAge.get(age) ?? 0) + 1);
  }
  const bars = steps.map((step, i) => ({
    from: last - step,
    to: last - (steps[i - 1] ?? 0),
    codes: byAge.get(last - step) ?? 0,
  }));
  const never = lives.events.at(-1)?.neverUsed ?? 0;
  const yTicks = countTicks(Math.max(...bars.map(({ codes }) => codes)));
  const title = `Age of the codes in use at step ${formatCount(last)}${suffix}`;
  return {
    name: fileName(`Age of the codes${suffix}`),
    title,
    svg: draw(title, {
      x: { domain: [0, last], label: null },
      y: { label: null, nice: true },
      marks: [
        gridY({ stroke: "var(--line)", strokeOpacity: 1, ticks: yTicks }),
        rectY(bars, {
          x1: "from",
          x2: "to",
          y: "codes",
          fill: seriesColour(0),
          insetLeft: 0.5,
          insetRight: 0.5,
        }),
        axisX({ ticks: 5, tickFormat: formatTick, tickSize: 0, label: "age in steps", labelArrow: "none" }),
        axisY({ ticks: yTicks, tickSize: 0, tickFormat: formatTick, label: null }),
        ruleY([0], { stroke: "var(--line)" }),
      ],
    } satisfies PlotOptions),
    keys: [],
    note: `${formatItems(alive, "code")} in use; ${formatCount(codebookSize - never - alive)} fell out of use, ${formatCount(never)} were never used. A life ends with an interval without use, and a revived code begins another.`,
    table: {
      columns: ["ageFrom", "ageTo", "codes"],
      rows: bars.map(({ from, to, codes }) => [from, to, codes]),
    },
  };
}

/** Codes by records, the most used codes above. */
function livesPicture({ codebookSize, records }: CodeTimeline, codebook: number, suffix: string): Chart {
  const intervals = records.map(({ codebooks }) => codebooks[codebook] as IntervalCounts);
  const total = new Float64Array(codebookSize);
  for (const { indices, counts } of intervals) {
    for (const [i, index] of indices.entries())
      total[index] = (total[index] as number) + (counts[i] as number);
  }
  const order = Array.from({ length: codebookSize }, (_, index) => index).sort(
    (a, b) => (total[b] as number) - (total[a] as number) || a - b,
  );
  const perRow = Math.ceil(codebookSize / MOST_ROWS);
  const rows = Math.ceil(codebookSize / perRow);
  const rowOf = new Uint32Array(codebookSize);
  for (const [rank, index] of order.entries()) rowOf[index] = Math.floor(rank / perRow);
  const columns = records.length;
  const used = new Float64Array(rows * columns);
  for (const [column, { indices }] of intervals.entries()) {
    for (const index of indices) {
      const cell = (rowOf[index] as number) * columns + column;
      used[cell] = (used[cell] as number) + 1;
    }
  }
  const sizeOf = (row: number): number => Math.min(perRow, codebookSize - row * perRow);
  const shares = used.map((count, cell) => count / sizeOf(Math.floor(cell / columns)));
  return heatMap({
    title: `Which codes were in use when${suffix}`,
    rows,
    columns,
    values: shares.map((share) => (share === 0 ? Number.NaN : share)),
    scale: "linear",
    range: [0, 1],
    legend: perRow === 1 ? null : "share of the row's codes in use",
    xTitle: "step",
    yTitle: "rank by use",
    xLabel: (column) => formatTick(records[column]?.step ?? 0),
    yLabel: (row) => formatCount(row * perRow + 1),
    note: `${perRow === 1 ? "Each row is a code" : `Each row is ${formatCount(perRow)} codes`}, the most used over the whole run above; each column the interval that ends with the step below. ${perRow === 1 ? "Coloured: in use." : "No colour: not used."}`,
    table: {
      columns: ["firstRank", "step", "codes", "used"],
      rows: Array.from(used, (count, cell) => {
        const row = Math.floor(cell / columns);
        return [row * perRow + 1, records[cell % columns]?.step ?? null, sizeOf(row), count];
      }),
    },
  });
}
