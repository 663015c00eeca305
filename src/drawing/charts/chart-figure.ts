import { Html, html } from "../index.js";
import type { Chart } from "./chart.js";
import { valuesAttribute } from "./chart-values.js";

/** A chart with its title, its key and how to read it; with the values of its curves for the page's program. */
export function chartFigure(chart: Chart): Html {
  const { title, svg, keys, note, scales, name } = chart;
  if (svg === undefined) {
    return html`<figure><figcaption>${title}</figcaption><p class="soft">Nothing was recorded.</p></figure>`;
  }
  return html`<figure${valuesAttribute(chart)}>
<figcaption>${title}${keys.map(
    ({ name, colour, isDashed = false }) =>
      html`<span class="key"><span class="swatch" style="background: ${isDashed ? dashes(colour) : colour}"></span>${name}</span>`,
  )}${scales === undefined ? null : scaleSwitch(name, scales.drawn)}</figcaption>
${drawings(chart, svg)}
${note === undefined ? null : html`<p class="note">${note}</p>`}
</figure>
`;
}

/** Works by the style sheet alone, where no program may run too. */
function scaleSwitch(name: string, drawn: "linear" | "log"): Html {
  const checked = drawn === "log" ? new Html(" checked") : null;
  return html`<label class="scale-switch"><input type="checkbox" value="scale-${name}"${checked}> log scale</label>`;
}

function drawings({ title, scales, reading }: Chart, svg: string): Html {
  const focus =
    reading === undefined
      ? null
      : html` tabindex="0" role="group" aria-label="${title}: arrow keys read values"`;
  const plot = (kind: string, drawing: string): Html =>
    html`<div class="plot${kind}"${focus}>${new Html(drawing)}</div>`;
  if (scales === undefined) return plot("", svg);
  const other = scales.drawn === "log" ? "linear" : "log";
  return html`${plot(` on-${scales.drawn}`, svg)}${plot(` on-${other}`, scales.other)}`;
}

function dashes(colour: string): string {
  return `repeating-linear-gradient(90deg, ${colour} 0 5px, transparent 5px 8px)`;
}

/** Charts side by side where there is room. */
export function chartColumns(charts: readonly Chart[]): Html {
  return html`<div class="columns">${charts.map(chartFigure)}</div>`;
}
