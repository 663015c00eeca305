import { type Axis, linearAxis, logAxis } from "./axis.js";
import { formatTick } from "./format.js";
import { type Html, html } from "./html.js";

export type Point = readonly [x: number, y: number];

/** One curve. */
export interface Series {
  readonly name: string;
  /** By ascending x. */
  readonly points: readonly Point[];
}

export interface ChartOptions {
  readonly title: string;
  readonly xTitle: string;
  readonly xScale?: "linear" | "log";
  readonly yScale?: "linear" | "log";
  /** Writes the labels of the y axis; default as short as they can be. */
  readonly formatY?: (value: number) => string;
  /** Values that the y axis must hold whatever the curves do. */
  readonly yIncludes?: readonly number[];
}

const WIDTH = 640;
const HEIGHT = 270;
const FRAME = { left: 62, right: 14, top: 14, bottom: 36 } as const;
/** Colours that the style sheet has. */
const COLOURS = 4;

/**
 * Curves as SVG inside a figure whose caption is their key. Points that an axis cannot show (0 on a logarithmic one)
 * are left out; without any point there is a sentence instead.
 */
export function lineChart(series: readonly Series[], options: ChartOptions): Html {
  const { title, xTitle, xScale = "linear", yScale = "linear", formatY = formatTick } = options;
  const shown = series.map(({ name, points }) => ({ name, points: points.filter(visible(xScale, yScale)) }));
  const points = shown.flatMap((one) => one.points);
  if (points.length === 0) {
    return html`<figure><figcaption>${title}</figcaption><p class="soft">Nothing was recorded.</p></figure>`;
  }
  const x = axis(
    xScale,
    points.map((point) => point[0]),
  );
  const y = axis(yScale, [...points.map((point) => point[1]), ...(options.yIncludes ?? [])]);
  const keys = shown.map(
    ({ name }, i) => html`<span class="key"><span class="swatch ${colour(i)}"></span>${name}</span>`,
  );
  return html`<figure>
<figcaption>${title}${shown.length > 1 ? keys : ""}</figcaption>
<svg class="chart" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${title}">
${y.ticks.map((tick) => yTick(atY(y, tick), formatY(tick)))}${x.ticks.map((tick) => xTick(atX(x, tick), tick))}<text x="${WIDTH - FRAME.right}" y="${HEIGHT - 4}" text-anchor="end">${xTitle}</text>
${shown.map((one, i) => curve(one.points, { x, y, colour: colour(i) }))}</svg>
</figure>
`;
}

function visible(xScale: "linear" | "log", yScale: "linear" | "log"): (point: Point) => boolean {
  const can = (value: number, scale: "linear" | "log"): boolean =>
    Number.isFinite(value) && (scale === "linear" || value > 0);
  return ([x, y]) => can(x, xScale) && can(y, yScale);
}

function axis(scale: "linear" | "log", values: readonly number[]): Axis {
  return scale === "log" ? logAxis(values) : linearAxis(values);
}

function colour(index: number): string {
  return `series${(index % COLOURS) + 1}`;
}

function atX({ position }: Axis, value: number): number {
  return round(FRAME.left + position(value) * (WIDTH - FRAME.left - FRAME.right));
}

function atY({ position }: Axis, value: number): number {
  return round(HEIGHT - FRAME.bottom - position(value) * (HEIGHT - FRAME.top - FRAME.bottom));
}

/** A tenth of a pixel is finer than the eye, and keeps files small. */
function round(pixels: number): number {
  return Math.round(pixels * 10) / 10;
}

function yTick(y: number, label: string): Html {
  const to = WIDTH - FRAME.right;
  return html`<line class="grid" x1="${FRAME.left}" x2="${to}" y1="${y}" y2="${y}"/><text x="${FRAME.left - 8}" y="${y + 4}" text-anchor="end">${label}</text>\n`;
}

function xTick(x: number, value: number): Html {
  const y = HEIGHT - FRAME.bottom + 17;
  return html`<text x="${x}" y="${y}" text-anchor="middle">${formatTick(value)}</text>\n`;
}

function curve(
  points: readonly Point[],
  { x, y, colour }: { readonly x: Axis; readonly y: Axis; readonly colour: string },
): Html {
  const at = points.map(([a, b]) => `${atX(x, a)},${atY(y, b)}`);
  // A lone point would make a line of no length: drawn twice, its round ends show.
  const path = at.length === 1 ? [...at, ...at] : at;
  return html`<polyline class="curve ${colour}" points="${path.join(" ")}"/>\n`;
}
