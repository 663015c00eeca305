import { formatTick, Html, html } from "../index.js";

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

/** A chart with its title, its key and how to read it. */
export function chartFigure({ title, svg, keys, note }: Chart): Html {
  if (svg === undefined) {
    return html`<figure><figcaption>${title}</figcaption><p class="soft">Nothing was recorded.</p></figure>`;
  }
  return html`<figure>
<figcaption>${title}${keys.map(
    ({ name, colour, isDashed = false }) =>
      html`<span class="key"><span class="swatch" style="background: ${isDashed ? dashes(colour) : colour}"></span>${name}</span>`,
  )}</figcaption>
${new Html(svg)}
${note === undefined ? null : html`<p class="note">${note}</p>`}
</figure>
`;
}

function dashes(colour: string): string {
  return `repeating-linear-gradient(90deg, ${colour} 0 5px, transparent 5px 8px)`;
}

/** Charts side by side where there is room. */
export function chartColumns(charts: readonly Chart[]): Html {
  return html`<div class="columns">${charts.map(chartFigure)}</div>`;
}
