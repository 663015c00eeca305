import { axisX, axisY, dot, gridX, gridY, type PlotOptions, scale } from "@observablehq/plot";
import { type Chart, draw, heatMap } from "../drawing/charts/index.js";
import { formatPercent, formatTick } from "../drawing/index.js";
import { type CodeCounts, type CodeVectors, projectToAxes } from "../metrics/index.js";

/** Codebooks up to here are drawn dot by dot. */
const MOST_DOTS = 4096;
/** Larger ones are counted into so many cells a side. */
const CELLS = 96;

/** Which codebook is drawn, and what ends its title where there are others beside it. */
interface CodebookPlace {
  readonly codebook?: number;
  readonly suffix?: string;
}

/** The codes' vectors along their two strongest directions, coloured by how often each was chosen. */
export function vectorChart(
  vectors: CodeVectors,
  counts: CodeCounts,
  { codebook = 0, suffix = "" }: CodebookPlace = {},
): Chart {
  const { points, explained } = projectToAxes(vectors, 2);
  const used = counts.counts(codebook);
  const rows = Array.from(used, (count, index) => [
    index,
    points[2 * index] as number,
    points[2 * index + 1] as number,
    count,
  ]);
  const title = `Codes in two dimensions${suffix}`;
  const name = `code-projection${suffix === "" ? "" : `-${codebook}`}`;
  const along = explained.map((share) => formatPercent(share)).join(" and ");
  const basis = `Principal components of the ${vectors.codeDim} dimensions; they hold ${along} of the variance.`;
  const table = { columns: ["index", "component1", "component2", "count"], rows };
  if (rows.length > MOST_DOTS) return densityChart(title, { name, rows, basis, table });
  return {
    name,
    title,
    svg: dots(title, rows),
    keys: [],
    note: `${basis} Filled: chosen, the lighter the more often. Rings: never chosen.`,
    table,
  };
}

function dots(title: string, rows: readonly number[][]): string {
  const most = rows.reduce((top, [, , , count]) => Math.max(top, count as number), 1);
  const { apply } = scale({ color: { type: "log", scheme: "viridis", domain: [1, Math.max(2, most)] } });
  const used = rows.filter(([, , , count]) => (count as number) > 0);
  const unused = rows.filter(([, , , count]) => count === 0);
  const radius = rows.length > 1500 ? 1.8 : 2.8;
  return draw(title, {
    height: 340,
    marks: [
      gridX({ stroke: "var(--line)", ticks: 5 }),
      gridY({ stroke: "var(--line)", ticks: 5 }),
      dot(unused, {
        x: "1",
        y: "2",
        r: radius * 0.7,
        stroke: "var(--soft)",
        strokeOpacity: 0.55,
        strokeWidth: 0.8,
      }),
      dot(used, {
        x: "1",
        y: "2",
        r: radius,
        fill: ([, , , count]: number[]) => String(apply(count as number)),
      }),
      axisX({ ticks: 5, tickSize: 0, tickFormat: formatTick, label: "component 1", labelArrow: "none" }),
      axisY({ ticks: 5, tickSize: 0, tickFormat: formatTick, label: "component 2", labelArrow: "none" }),
    ],
    color: { type: "identity" },
  } satisfies PlotOptions);
}

function densityChart(
  title: string,
  {
    name,
    rows,
    basis,
    table,
  }: {
    readonly name: string;
    readonly rows: readonly number[][];
    readonly basis: string;
    readonly table: Chart["table"];
  },
): Chart {
  const xs = extent(rows, 1);
  const ys = extent(rows, 2);
  const codes = new Float64Array(CELLS * CELLS);
  const used = new Float64Array(CELLS * CELLS);
  const cell = (value: number, [low, high]: readonly [number, number]): number =>
    Math.min(CELLS - 1, Math.floor(((value - low) / (high - low || 1)) * CELLS));
  for (const [, x = 0, y = 0, count = 0] of rows) {
    const at = (CELLS - 1 - cell(y, ys)) * CELLS + cell(x, xs);
    codes[at] = (codes[at] as number) + 1;
    if (count > 0) used[at] = (used[at] as number) + 1;
  }
  return heatMap({
    title,
    name,
    rows: CELLS,
    columns: CELLS,
    values: used.map((count, at) => (codes[at] === 0 ? Number.NaN : count / (codes[at] as number))),
    scale: "linear",
    range: [0, 1],
    legend: "share of codes in use",
    xTitle: "component 1",
    yTitle: "component 2",
    xLabel: (x) => formatPlace(xs[0] + (x / CELLS) * (xs[1] - xs[0])),
    yLabel: (y) => formatPlace(ys[1] - (y / CELLS) * (ys[1] - ys[0])),
    note: `${basis} Each cell is coloured by how many of the codes in it were chosen at all.`,
    table,
  });
}

function extent(rows: readonly number[][], column: number): readonly [number, number] {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const row of rows) {
    low = Math.min(low, row[column] as number);
    high = Math.max(high, row[column] as number);
  }
  return [low, high];
}

/** The grid of an implicit codebook: every combination of levels at its place, coloured by how often it was chosen. */
export function levelChart(
  levels: readonly number[],
  counts: CodeCounts,
  { codebook = 0, suffix = "" }: CodebookPlace = {},
): Chart {
  const { rows, columns, placeOf } = levelLayout(levels);
  const values = new Float64Array(rows * columns).fill(Number.NaN);
  const used = counts.usedCodes(codebook);
  for (const { index, count } of used) {
    const { row, column } = placeOf(index);
    values[row * columns + column] = count;
  }
  const side = (parity: number): string => {
    const numbers = levels.flatMap((_, i) => (i % 2 === parity ? [i + 1] : []));
    return `dimension${numbers.length === 1 ? "" : "s"} ${numbers.join(", ")}`;
  };
  return heatMap({
    title: `Codes by their levels${suffix}`,
    name: `code-levels${suffix === "" ? "" : `-${codebook}`}`,
    rows,
    columns,
    values,
    scale: "log",
    legend: "times chosen (log)",
    xTitle: side(0),
    ...(levels.length > 1 ? { yTitle: side(1) } : {}),
    note: `The grid that the codes are points of, ${levels.join(" × ")} levels. Along each side the dimension named first changes slowest; combinations never chosen have no colour.`,
    table: {
      columns: ["index", "column", "row", "count"],
      rows: used.map(({ index, count }) => {
        const { row, column } = placeOf(index);
        return [index, column, row, count];
      }),
    },
  });
}

/** Dimensions 1, 3, 5, … run along the columns and 2, 4, 6, … along the rows; of each kind the first changes slowest. */
export function levelLayout(levels: readonly number[]): {
  readonly rows: number;
  readonly columns: number;
  readonly placeOf: (index: number) => { readonly row: number; readonly column: number };
} {
  const size = (parity: number): number =>
    levels.reduce((product, level, i) => (i % 2 === parity ? product * level : product), 1);
  return {
    rows: size(1),
    columns: size(0),
    placeOf: (index) => {
      const place = [0, 0];
      let rest = index;
      for (const [i, level] of levels.entries()) {
        const digit = rest % level; // the first dimension is the least significant digit
        rest = Math.floor(rest / level);
        place[i % 2] = (place[i % 2] as number) * level + digit;
      }
      const [column = 0, row = 0] = place;
      return { row, column };
    },
  };
}

/** A place that is no round number. */
function formatPlace(value: number): string {
  return formatTick(Number(value.toPrecision(3)));
}
