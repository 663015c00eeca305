import { evaluationImages } from "../../core/usage-words.js";
import {
  formatCount,
  formatExpectation,
  type Html,
  html,
  htmlTable,
  NO_FIGURE,
  seriesColour,
} from "../../drawing/index.js";
import {
  FIGURE_STYLES,
  type FigureName,
  formatCodes,
  formatDifference,
  formatDifferenceInterval,
  formatFigure,
  formatInterval,
  SHOWN_FIGURES,
} from "../figures.js";
import type { Comparison, ComparisonFigures, ComparisonRow } from "./comparison.js";
import { isClear, type PairedDifference } from "./paired-difference.js";

const FIGURE_COLUMNS = SHOWN_FIGURES.map((name) => ({
  title: FIGURE_STYLES[name].shortTitle,
  numeric: true,
}));

const ARROWS = { higher: " ↑", lower: " ↓" } as const;
const MARKED_COLUMNS = SHOWN_FIGURES.map((name) => {
  const { shortTitle, better } = FIGURE_STYLES[name];
  return { title: `${shortTitle}${better === undefined ? "" : ARROWS[better]}`, numeric: true };
});

/** The best of a figure as it is written; undefined where there is nothing to choose, or nothing to compare. */
function bestOf(name: FigureName, rows: readonly ComparisonRow[]): string | undefined {
  const { better } = FIGURE_STYLES[name];
  const values = rows.flatMap((row) => row[name]?.mean ?? []);
  // Bits are the price: the fewest of them are no merit by themselves.
  if (better === undefined || values.length < 2 || name === "bitsPerPixel") return undefined;
  // A sum over code dimensions is on another scale where these are others.
  if (name === "quantizationError" && new Set(rows.map(({ codeDim }) => codeDim)).size > 1) return undefined;
  return formatFigure(name, better === "higher" ? Math.max(...values) : Math.min(...values));
}

/** Every row's figures: the mean, and below it the 95 % interval over seeds; the best of each column is marked. */
export function figuresTable({ rows, baselines }: Comparison): Html {
  const asides = Object.entries({ untrained: baselines.untrained, "mean colour": baselines.meanColour });
  const best = Object.fromEntries(SHOWN_FIGURES.map((name) => [name, bestOf(name, rows)]));
  return html`<div class="wide">${htmlTable(
    [{ title: "Row" }, { title: "Codes", numeric: true }, ...MARKED_COLUMNS],
    [
      ...rows.map((row, i) => [rowHead(row, i), formatCodes(row), ...cells(row, best)]),
      ...asides.flatMap(([label, figures]) =>
        figures === null ? [] : [[html`<span class="soft">${label}</span>`, "", ...cells(figures)]],
      ),
    ],
  )}</div>`;
}

function cells(
  figures: ComparisonFigures,
  best: Readonly<Record<string, string | undefined>> = {},
): (string | Html)[] {
  return SHOWN_FIGURES.map((name) => {
    const figure = figures[name];
    if (figure === null) return NO_FIGURE;
    const written = formatFigure(name, figure.mean);
    const marked =
      written === best[name] ? html`<b class="best" title="best of this column">${written}</b>` : written;
    return withBelow(marked, formatInterval(name, figure));
  });
}

/** Every row less the baseline: the mean paired difference, and below it its 95 % interval; undefined for the baseline alone. */
export function differencesTable({ rows, baseline }: Comparison): Html | undefined {
  const lines = rows.flatMap((row, i) => {
    const { fromBaseline } = row;
    if (fromBaseline === null) return [];
    return [[rowHead(row, i), ...SHOWN_FIGURES.map((name) => differenceCell(name, fromBaseline[name]))]];
  });
  if (lines.length === 0) return undefined;
  return html`<div class="wide">${htmlTable([{ title: `Less ${baseline}` }, ...FIGURE_COLUMNS], lines)}</div>`;
}

function differenceCell(name: FigureName, difference: PairedDifference | null): string | Html {
  if (difference === null) return NO_FIGURE;
  const interval = formatDifferenceInterval(name, difference);
  // With the interval's decimals, and the interval below.
  const [text = ""] = formatDifference(name, difference).split(" ± ");
  const points = name === "usage" && !text.endsWith(" points") ? `${text} points` : text;
  return withBelow(isClear(difference) ? html`<span class="clear">${points}</span>` : points, interval);
}

function withBelow(text: string | Html, below: string): string | Html {
  return below === "" ? text : html`${text}<small>${below}</small>`;
}

/** Usage of every row beside what it was counted on. */
export function usageTable({ rows, heldOut }: Comparison): Html {
  const numeric = [
    "Codes",
    "Asked for",
    "Indices counted",
    "Usage of these",
    "Codes used",
    "Uniform source",
    "Perplexity",
  ];
  const lines = rows.map((row, i) => [
    rowHead(row, i),
    formatCodes(row),
    row.nominalCodebookSize === null ? NO_FIGURE : formatCount(row.nominalCodebookSize),
    countsOf(row.samples),
    formatFigure("usage", row.usage?.mean ?? null),
    row.usage === null ? NO_FIGURE : formatCount(row.usage.mean * row.codebookSize),
    row.expectedUniformUsage === null ? NO_FIGURE : formatExpectation(row.expectedUniformUsage.mean),
    formatFigure("perplexity", row.perplexity?.mean ?? null),
  ]);
  const several = rows.some(({ seeds }) => seeds.length > 1);
  const note = `Counted on ${evaluationImages(heldOut)}. Usage depends on how many indices were counted: beside it stands what a uniform source shows in as many.${several ? " Means over seeds; the charts are of each row's lowest seed." : ""}`;
  return html`<p class="soft">${note}</p>
<div class="wide">${htmlTable(
    [{ title: "Row" }, ...numeric.map((title) => ({ title, numeric: true }))],
    lines,
  )}</div>
`;
}

/** `24,576`, or what it is by seed. */
function countsOf(samples: readonly (number | null)[]): string {
  const known = [...new Set(samples.filter((count) => count !== null))];
  return known.length === 0 ? NO_FIGURE : known.map(formatCount).join(" or ");
}

/** A row's name beside its colour in the charts. */
function rowHead({ label }: Pick<ComparisonRow, "label">, i: number): Html {
  // The colour stays beside the first word where the column is narrow; a long word may still break by itself.
  const [first = ""] = /^\S{0,16}(?=\s|$)/.exec(label) ?? [];
  const swatch = html`<span class="swatch" style="background: ${seriesColour(i)}"></span>`;
  return html`<span class="first-word">${swatch}${first}</span>${label.slice(first.length)}`;
}
