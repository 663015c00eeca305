import { type PlotOptions, plot } from "@observablehq/plot";
import { parseHTML } from "linkedom";
import { escapeHtml } from "../index.js";
import { CHART_HEIGHT, CHART_WIDTH, RIGHT_MARGIN } from "./chart.js";

/**
 * Options of Observable Plot's. They are not called so here, and where a chart is drawn they are checked by
 * `satisfies PlotOptions`: whoever compiles against vqkit's types needs neither Plot's nor a browser's.
 */
export type Drawing = object;

/**
 * Draws an SVG by Observable Plot. Text and colours follow the page: `currentColor` and names of the palette. Its axes of
 * numbers stand in `data-x` and `data-y`, so that a page's program knows what lies under the pointer.
 *
 * @param title read out in place of the drawing
 */
export function draw(title: string, drawing: Drawing): string {
  const { document } = parseHTML("<!doctype html><html><body></body></html>");
  const svg = plot({
    document,
    className: "chart",
    width: CHART_WIDTH,
    height: CHART_HEIGHT,
    marginLeft: 58,
    marginRight: RIGHT_MARGIN,
    marginTop: 26,
    marginBottom: 40,
    ...(drawing as PlotOptions),
  });
  svg.querySelector("style")?.remove(); // the page has one for all charts
  svg.setAttribute("font-size", "12");
  const text: string = svg.outerHTML;
  const axes = (["x", "y"] as const).map((name) => axisAttribute(name, svg.scale(name))).join("");
  const head = `<svg role="img" aria-label="${escapeHtml(title)}"${axes} color="var(--soft)" `;
  return rounded(text).replace(/^<svg /, () => head);
}

/** What is known of a scale once it has been drawn. */
interface DrawnScale {
  readonly type: string;
  readonly domain?: Iterable<unknown> | undefined;
  readonly range?: Iterable<unknown> | undefined;
}

/** ` data-y="log 0.01 10 220 26"`: kind, ends of the values, and where they lie in the drawing; nothing for names. */
function axisAttribute(name: "x" | "y", scale: DrawnScale | undefined): string {
  if (scale === undefined || (scale.type !== "linear" && scale.type !== "log")) return "";
  const ends = [...(scale.domain ?? []), ...(scale.range ?? [])];
  if (ends.length !== 4 || ends.some((end) => typeof end !== "number")) return "";
  return ` data-${name}="${scale.type} ${ends.join(" ")}"`;
}

/** A tenth of a pixel is finer than the eye, and keeps files small. Only numbers inside of tags are touched. */
function rounded(svg: string): string {
  return svg.replace(/<[^>]*>/g, (tag) =>
    tag.replace(/-?\d+\.\d{2,}(?:e-?\d+)?/g, (number) => String(Math.round(Number(number) * 10) / 10)),
  );
}
