import { chartColumns } from "../../drawing/charts/index.js";
import {
  formatCount,
  formatItems,
  formatPercent,
  formatSignificant,
  type Html,
  html,
  htmlTable,
  NO_FIGURE,
  seriesColour,
} from "../../drawing/index.js";
import { overlaidCharts } from "../../reports/index.js";
import type { RunView } from "../run-view.js";
import { layout, liveParts } from "./layout.js";
import { describePlan, figureOf, progressOf, statusPill, usageTitle } from "./run-summary.js";

/** Runs whose curves stand over one another. */
export interface OverlayView {
  /** In the order in which they were chosen: it gives their colours. */
  readonly runs: readonly RunView[];
  /** How many more were chosen than there are colours. */
  readonly leftOut: number;
}

/** The page of several runs' curves, which follows those that train. @param live the address of its parts */
export function overlayPage(view: OverlayView, live: string): string {
  return layout({
    title: "Curves over one another – vqkit",
    path: [{ text: "curves over one another" }],
    live,
    body: overlayParts(view),
  });
}

/** What changes on it, which is all. */
export function overlayParts({ runs, leftOut }: OverlayView): Html {
  return liveParts([
    { id: "overlay-head", content: heading(runs, leftOut) },
    { id: "overlay-runs", content: runTable(runs) },
    { id: "overlay-curves", content: curves(runs) },
  ]);
}

function heading(runs: readonly RunView[], leftOut: number): Html {
  const more = leftOut === 0 ? "" : ` ${formatCount(leftOut)} more are left out: no more can be told apart.`;
  return html`<h1>Curves of ${formatItems(runs.length, "run")} over one another</h1>
<p class="soft">Those that train grow by themselves.${more} Full: a running mean of what is noisy; pale: as recorded, thinned evenly. Pointer, finger or arrow keys read what was recorded.</p>`;
}

function runTable(runs: readonly RunView[]): Html {
  const numeric = (title: string) => ({ title, numeric: true });
  const columns = [
    { title: "Run" },
    { title: "" },
    { title: "What" },
    numeric("Step"),
    numeric("Reconstruction loss"),
  ];
  const titles = new Set(runs.map(({ curves: { last } }) => usageTitle(last)));
  const [title] = titles;
  const usage = titles.size === 1 && title !== undefined ? title : usageTitle(undefined);
  return htmlTable(
    [...columns, numeric(usage)],
    runs.map(({ run, status, plan, curves: { last } }, i) => {
      const { step, steps } = progressOf(last, plan);
      const loss = figureOf(last, "reconstructionLoss");
      const used = figureOf(last, "usageWindow");
      return [
        html`<span class="swatch" style="background: ${seriesColour(i)}"></span><a href="/runs/${run.id}"><bdi>${run.name}</bdi></a>`,
        statusPill(status),
        describePlan(plan),
        steps === undefined ? formatCount(step) : `${formatCount(step)} of ${formatCount(steps)}`,
        loss === undefined ? NO_FIGURE : formatSignificant(loss),
        used === undefined ? NO_FIGURE : formatPercent(used),
      ];
    }),
  );
}

function curves(runs: readonly RunView[]): Html {
  const held = new Set(runs.map(({ record }) => record?.figures.heldOut));
  const [heldOut] = held;
  const charts = overlaidCharts(
    runs.map(({ run, curves: own }) => ({ name: run.name, curves: [own] })),
    { heldOut: held.size === 1 ? heldOut : undefined },
  );
  return charts.length === 0 ? html`<p>Nothing has been recorded yet.</p>` : chartColumns(charts);
}
