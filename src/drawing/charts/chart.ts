import { formatTick } from "../index.js";

/** The figures that a chart draws, as CSV has them. */
export interface ChartTable {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly (string | number | null)[])[];
}

/** What a colour stands for. */
export interface ChartKey {
  readonly name: string;
  /** For CSS, e.g. `var(--series1)`. */
  readonly colour: string;
  /** As the line is drawn; default false. */
  readonly isDashed?: boolean;
}

/** A drawing with what it is made of, for a page or for files. */
export interface Chart {
  /** Lower case words with hyphens: the name of its files. */
  readonly name: string;
  readonly title: string;
  /** One `<svg>` whose colours are names of the palette; undefined when there is nothing to draw. */
  readonly svg: string | undefined;
  readonly keys: readonly ChartKey[];
  /** How to read it, a sentence or two. */
  readonly note?: string;
  readonly table: ChartTable;
  /** How a page tells the values under the pointer: the first column of `table` is x, each other one a curve. */
  readonly reading?: { readonly isPercent: boolean };
  /** The kind of its y axis, and the same drawing with the other kind, where that shows something too. */
  readonly scales?: { readonly drawn: "linear" | "log"; readonly other: string };
}

/** Drawn so small that labels stay readable where a phone shows it, and scaled up elsewhere. */
export const CHART_WIDTH = 480;
export const CHART_HEIGHT = 260;

export const RIGHT_MARGIN = 16;
/** Half of a digit, since the last label stands with its middle at the frame's edge. */
const HALF_DIGIT = 3.6;

/** Room at the right for a label of the x axis at its end. @param end the greatest x */
export function rightMargin(end: number): number {
  const label = formatTick(Number(end.toPrecision(3)));
  return Math.max(RIGHT_MARGIN, 4 + HALF_DIGIT * label.length);
}
