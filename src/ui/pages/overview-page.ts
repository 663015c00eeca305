import { line, type PlotOptions } from "@observablehq/plot";
import type { Point } from "../../drawing/charts/index.js";
import { draw } from "../../drawing/charts/index.js";
import {
  formatCount,
  formatItems,
  formatPercent,
  formatSignificant,
  Html,
  html,
  htmlTable,
  NO_FIGURE,
  seriesColour,
} from "../../drawing/index.js";
import { FIGURE_STYLES, type FigureName, formatFigure } from "../../reports/index.js";
import { originText } from "../../runs/index.js";
import type { BrokenCard, RunCard } from "../run-cards.js";
import type { Catalogue } from "../run-catalogue.js";
import { layout, liveParts, moment } from "./layout.js";
import { describePlan, figureOf, progressBar, progressOf, resumeCommand, usageTitle } from "./run-summary.js";

export type OverviewCard = RunCard | BrokenCard;

/** The page of all runs. */
export function overviewPage(catalogue: Catalogue, cards: readonly OverviewCard[]): string {
  return layout({ title: "Runs – vqkit", live: "/live", body: overviewParts(catalogue, cards) });
}

/** What changes on it, which is all. */
export function overviewParts({ runs, isCut }: Catalogue, cards: readonly OverviewCard[]): Html {
  const whole = cards.filter((card) => !("broken" in card)) as RunCard[];
  const of = (status: RunCard["status"]) => whole.filter((card) => card.status === status);
  const broken = cards.filter((card) => "broken" in card) as BrokenCard[];
  return liveParts([
    { id: "head", content: heading(runs.length, isCut) },
    { id: "training", content: training(of("training")) },
    { id: "finished", content: finished(of("finished")) },
    { id: "chosen", content: whatToDo(whole.filter(({ status }) => status !== "model").length) },
    { id: "models", content: models(of("model")) },
    { id: "stopped", content: stopped(of("stopped")) },
    { id: "broken", content: unreadable(broken) },
  ]);
}

function heading(count: number, isCut: boolean): Html {
  const none = html`<p>There is no run here yet. One appears as soon as its training has begun.</p>`;
  return html`<h1>Runs</h1>
${count === 0 ? none : html`<p class="soft">${formatItems(count, "run")}.</p>`}
${isCut ? html`<p>There is more than is shown. Give folders nearer to the runs.</p>` : null}`;
}

function training(cards: readonly RunCard[]): Html | null {
  if (cards.length === 0) return null;
  return html`<h2>Training now</h2>
<div class="cards">${cards.map(trainingCard)}</div>`;
}

function trainingCard(card: RunCard): Html {
  const { run, plan, last, loss, usage } = card;
  const current = figureOf(last, "usageWindow");
  const value = figureOf(last, "reconstructionLoss");
  return html`<article class="card">
<h3>${chosenBy(card)}</h3>
<p class="soft">${describePlan(plan)}</p>
${progressBar(progressOf(last, plan))}
<div class="sparks">
${spark("Reconstruction loss", loss, { text: value === undefined ? NO_FIGURE : formatSignificant(value), scale: "log", colour: seriesColour(0) })}
${spark(usageTitle(last), usage, { text: current === undefined ? NO_FIGURE : formatPercent(current), scale: "linear", colour: seriesColour(2) })}
</div>
${notes(card)}
<p class="soft small">Last change ${moment(card.changed)}. <a href="/runs/${run.id}">Curves, usage, reconstructions</a></p>
</article>`;
}

interface Spark {
  readonly text: string;
  readonly scale: "linear" | "log";
  readonly colour: string;
}

function spark(title: string, points: readonly Point[], { text, scale, colour }: Spark): Html {
  const visible = points.filter(([, y]) => Number.isFinite(y) && (scale === "linear" || y > 0));
  const svg =
    visible.length < 2
      ? null
      : new Html(
          draw(title, {
            width: 240,
            height: 56,
            marginLeft: 4,
            marginRight: 4,
            marginTop: 6,
            marginBottom: 6,
            x: { axis: null },
            y: { axis: null, type: scale, ...(scale === "linear" ? { zero: true } : {}) },
            marks: [line(visible, { stroke: colour, strokeWidth: 1.8 })],
          } satisfies PlotOptions),
        );
  return html`<figure class="spark"><figcaption>${title} <b>${text}</b></figcaption>${svg}</figure>`;
}

/** Without speed: runs that did not take turns on a quiet machine were not measured alike. */
const COLUMNS = ["psnr", "ssim", "usage", "perplexity", "bitsPerPixel"] as const satisfies FigureName[];

function finished(cards: readonly RunCard[]): Html | null {
  if (cards.length === 0) return null;
  const numeric = (title: string) => ({ title, numeric: true });
  const table = htmlTable(
    [
      { title: "Run" },
      { title: "Quantizer" },
      numeric("Codes"),
      numeric("Seed"),
      ...COLUMNS.map((name) => numeric(FIGURE_STYLES[name].shortTitle)),
      { title: "Doctor" },
      { title: "Ended" },
      { title: "" },
    ],
    cards.map((card) => [
      chosenBy(card),
      ...finishedCells(card),
      card.problem === undefined ? findings(card) : card.problem,
      moment(card.changed),
      html`<a href="/runs/${card.run.id}/report">Report</a>`,
    ]),
  );
  return html`<h2>Finished</h2>
<p class="soft">Figures are of the finished model on its evaluation images, usage too.</p>
${table}`;
}

/** The form to which the boxes beside all runs belong, wherever they stand. */
const FORM = "choose";

/** What to do with the runs chosen; in sight wherever their boxes are. */
function whatToDo(runs: number): Html | null {
  if (runs === 0) return null;
  return html`<form id="${FORM}" class="chosen" method="get" action="/overlay">
<button>Curves over one another</button> <button formaction="/compare">Comparison</button>
<span class="soft small">Of the runs chosen. Curves: of any runs, also while they train. Comparison: of finished runs that were measured alike; others are refused, with the reason.</span>
</form>`;
}

/** A run's name beside the box that chooses it. */
function chosenBy(card: RunCard): Html {
  return html`<label class="pick"><input type="checkbox" name="run" value="${card.run.id}" form="${FORM}" aria-label="Choose ${card.run.name}"></label>${runLink(card)}`;
}

function finishedCells({ plan, figures }: RunCard): string[] {
  const { kind, codebookSize } = figures?.quantizer ?? {};
  const size = codebookSize ?? plan.codebookSize;
  const seed = figures?.seed ?? plan.seed;
  return [
    kind ?? plan.quantizer ?? NO_FIGURE,
    size === undefined ? NO_FIGURE : formatCount(size),
    seed === undefined ? NO_FIGURE : String(seed),
    ...COLUMNS.map((name) => {
      return formatFigure(name, figures?.final[name] ?? null);
    }),
  ];
}

function findings({ run, findings: count, finding }: RunCard): Html | string {
  if (count === 0 || finding === undefined) return "none";
  return html`<a href="/runs/${run.id}#findings" title="${finding}">${formatItems(count, "finding")}</a>`;
}

function stopped(cards: readonly RunCard[]): Html | null {
  if (cards.length === 0) return null;
  return html`<h2>Stopped before the end</h2>
${htmlTable(
  [
    { title: "Run" },
    { title: "What" },
    { title: "Step", numeric: true },
    { title: "Last change" },
    { title: "Resume with" },
  ],
  cards.map((card) => {
    const { step, steps } = progressOf(card.last, card.plan);
    return [
      chosenBy(card),
      describePlan(card.plan),
      steps === undefined ? formatCount(step) : `${formatCount(step)} of ${formatCount(steps)}`,
      moment(card.changed),
      html`<code>${resumeCommand(card.run.dir)}</code>`,
    ];
  }),
)}`;
}

/** Models that were not trained where they lie, as importing and pruning leave them. */
function models(cards: readonly RunCard[]): Html | null {
  if (cards.length === 0) return null;
  return html`<h2>Imported and pruned models</h2>
${htmlTable(
  [{ title: "Model" }, { title: "What" }, { title: "Where it comes from" }],
  cards.map((card) => [
    runLink(card),
    describePlan(card.plan),
    card.origin === undefined ? "" : originText(card.origin),
  ]),
)}`;
}

function unreadable(cards: readonly BrokenCard[]): Html | null {
  if (cards.length === 0) return null;
  return html`<h2>Not readable</h2>
${htmlTable(
  [{ title: "Run" }, { title: "Why" }],
  cards.map(({ run, broken }) => [html`<bdi>${run.name}</bdi>`, broken]),
)}`;
}

function runLink({ run }: RunCard): Html {
  return html`<a href="/runs/${run.id}"><bdi>${run.name}</bdi></a>`;
}

function notes({ status, findings: count, finding, problem }: RunCard): Html | null {
  const lines = [
    problem,
    count === 0 || finding === undefined || status === "finished"
      ? undefined
      : `Doctor: ${finding}${count === 1 ? "" : `, and ${count - 1} more`}.`,
  ].filter((text) => text !== undefined);
  return lines.length === 0 ? null : html`${lines.map((text) => html`<p class="finding">${text}</p>`)}`;
}
