import type { Chart } from "../drawing/charts/index.js";
import { heatMap } from "../drawing/charts/index.js";
import { formatCount, formatPercent } from "../drawing/index.js";
import type { NeighbourStatistics, PlaceStatistics } from "./index-places.js";

/** Ratios beyond this many doublings have the last colour. */
const MOST_DOUBLINGS = 5;

/** Which positions use which codes, and which codes stand beside which. */
export function placeCharts(places: PlaceStatistics, suffix: string): Chart[] {
  return [spatialMap(places, suffix), neighbourChart(places.neighbours, suffix)].flatMap(
    (chart) => chart ?? [],
  );
}

function spatialMap(places: PlaceStatistics, suffix: string): Chart | undefined {
  const { rows, columns, samples, distinct, entropyBits, isExact } = places;
  if (rows === 0) return undefined;
  const each = samples.reduce((sum, count) => sum + count, 0) / samples.length;
  return heatMap({
    title: `Entropy by position${suffix}`,
    rows,
    columns,
    values: entropyBits.map((bits) => bits ?? Number.NaN),
    scale: "linear",
    legend: "bits an index",
    xTitle: "column of the latent grid",
    yTitle: "row",
    note:
      `${isExact ? "Each cell is a position" : "Cells are groups of positions, as grids are larger or differ"}; ${formatCount(Math.round(each))} indices each on average, ` +
      `so at most ${Math.log2(Math.max(1, each)).toFixed(1)} bits can show.`,
    table: {
      columns: ["row", "column", "samples", "codes", "entropyBits"],
      rows: samples.map((count, cell) => [
        Math.floor(cell / columns),
        cell % columns,
        count,
        distinct[cell] ?? null,
        entropyBits[cell] ?? null,
      ]),
    },
  });
}

function neighbourChart(neighbours: NeighbourStatistics, suffix: string): Chart | undefined {
  const { codes, counts, expected, pairs, equal, expectedEqual } = neighbours;
  if (pairs === 0 || codes.length < 2 || equal === null || expectedEqual === null) return undefined;
  const ratios = counts.map((count, i) => Math.log2(count / (expected[i] as number)));
  return heatMap({
    title: `Neighbours of the most used codes${suffix}`,
    rows: codes.length,
    columns: codes.length,
    values: ratios.map((ratio) => (Number.isFinite(ratio) ? ratio : Number.NaN)),
    scale: "linear",
    ramp: "diverging",
    range: [-MOST_DOUBLINGS, MOST_DOUBLINGS],
    legend: "log₂ of seen / expected",
    xLabel: (i) => String(codes[i] ?? ""),
    yLabel: (i) => String(codes[i] ?? ""),
    xTitle: "code to the right or below",
    yTitle: "code",
    note: `How often two codes stand beside each other, against what independent draws would show; no colour where never. ${formatPercent(equal)} of ${formatCount(pairs)} neighbouring pairs are of one code; ${formatPercent(expectedEqual)} if neighbours were independent.`,
    table: {
      columns: ["code", "neighbour", "count", "expected"],
      rows: codes.flatMap((a, i) =>
        codes.map((b, j) => {
          const cell = i * codes.length + j;
          return [a, b, counts[cell] ?? null, expected[cell] ?? null];
        }),
      ),
    },
  });
}
