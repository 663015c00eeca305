import { axisX, axisY, barY, gridY, type PlotOptions, ruleY, tickY } from "@observablehq/plot";
import { type Chart, draw, fileName, heatMap, lineChart } from "../drawing/charts/index.js";
import { formatCount, formatItems, formatSignificant, formatTick, seriesColour } from "../drawing/index.js";
import type { CodeCounts } from "../metrics/index.js";
import type { CountBin } from "./records/count-histogram.js";
import type { CodebookReport } from "./records/usage-report.js";

/** Rank and frequency, rarefaction and histogram of one codebook. @param suffix of the titles, "" for the only codebook */
export function countCharts(
  { figures, rankFrequency, rarefaction, histogram }: CodebookReport,
  suffix: string,
): Chart[] {
  const { codebookSize, samples } = figures;
  const each = samples / codebookSize;
  return [
    lineChart(
      [
        { name: "codes", points: rankFrequency.map(({ rank, count }) => [rank, count] as const) },
        {
          name: "uniform",
          points:
            samples === 0
              ? []
              : [
                  [1, each],
                  [codebookSize, each],
                ],
        },
      ],
      {
        title: `Rank and frequency${suffix}`,
        xTitle: "rank",
        xScale: "log",
        yScale: "log",
        note: "How often the code of each rank was chosen. A uniform source would be about level.",
      },
    ),
    lineChart(
      [
        { name: "these indices", points: rarefaction.map(({ samples: n, usage }) => [n, usage] as const) },
        {
          name: "uniform source",
          points: rarefaction.map(({ samples: n, uniform }) => [n, uniform] as const),
        },
      ],
      {
        title: `Usage against indices seen${suffix}`,
        xTitle: "indices",
        xScale: "log",
        isPercent: true,
        yIncludes: [0],
        note: "Rarefaction: the usage that so many indices, drawn at random from all counted, show on average. Level at its right end: more images would hardly show more codes.",
      },
    ),
    histogramChart(histogram, suffix),
  ];
}

function histogramChart(bins: readonly CountBin[], suffix: string): Chart {
  const title = `Codes by how often they were chosen${suffix}`;
  const label = ({ from, to }: CountBin): string =>
    from === to ? formatCount(from) : `${formatCount(from)}+`;
  const known = bins.map((bin) => ({ ...bin, label: label(bin) }));
  const told = (bin: CountBin): string =>
    `chosen ${label(bin)} times: ${formatItems(bin.codes, "code")}; a uniform source: ${formatSignificant(bin.uniform)}`;
  // Every second or third, so that the longest, such as 32,768+, have room.
  const labelled = known.length > 15 ? 3 : known.length > 11 ? 2 : 1;
  return {
    name: fileName(title),
    title,
    svg: draw(title, {
      x: { domain: known.map((bin) => bin.label), label: null },
      y: { label: null, nice: true },
      marks: [
        gridY({ stroke: "var(--line)", strokeOpacity: 1, ticks: 5 }),
        barY(known, {
          x: "label",
          y: "codes",
          fill: seriesColour(0),
          insetLeft: 1,
          insetRight: 1,
          title: told,
        }),
        tickY(known, { x: "label", y: "uniform", stroke: seriesColour(1), strokeWidth: 2.5 }),
        axisX({
          tickSize: 0,
          label: "times chosen",
          labelArrow: "none",
          labelAnchor: "right",
          ticks: known.filter((_, i) => i % labelled === 0).map((bin) => bin.label),
        }),
        axisY({ ticks: 5, tickSize: 0, tickFormat: formatTick, label: null }),
        ruleY([0], { stroke: "var(--line)" }),
      ],
    } satisfies PlotOptions),
    keys: [
      { name: "codes", colour: seriesColour(0) },
      { name: "uniform source", colour: seriesColour(1) },
    ],
    note: "Each bar reaches to just below the next one's number; the first holds the codes that were never chosen.",
    table: {
      columns: ["from", "to", "codes", "uniform"],
      rows: bins.map(({ from, to, codes, uniform }) => [from, to, codes, uniform]),
    },
  };
}

/** A map with as many columns as it needs to be about square. */
export function mapColumns(codebookSize: number): number {
  return Math.ceil(Math.sqrt(codebookSize));
}

/** The largest codebook that is drawn code by code: 1,024 × 1,024. */
export const MOST_MAPPED = 2 ** 20;

/** All K codes in the order of their index, coloured by count. */
export function codebookMap(counts: CodeCounts, codebook: number, suffix: string): Chart[] {
  const { codebookSize, samples } = counts;
  if (codebookSize > MOST_MAPPED) return [];
  const columns = mapColumns(codebookSize);
  const rows = Math.ceil(codebookSize / columns);
  const values = new Float64Array(rows * columns).fill(Number.NaN);
  const used = counts.usedCodes(codebook);
  for (const { index, count } of used) values[index] = count;
  return [
    heatMap({
      title: `Map of the codebook${suffix}`,
      name: `codebook-map${suffix === "" ? "" : `-${codebook}`}`,
      rows,
      columns,
      values,
      scale: "log",
      legend: "times chosen (log)",
      xLabel: null,
      yTitle: "first index of the row",
      yLabel: (row) => formatCount(row * columns),
      note: `All ${formatCount(codebookSize)} codes by index, ${formatCount(columns)} a row; those never chosen have no colour. A uniform source: ${formatSignificant(samples / codebookSize)} each.`,
      table: { columns: ["index", "count"], rows: used.map(({ index, count }) => [index, count]) },
    }),
  ];
}
