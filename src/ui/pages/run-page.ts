import { hostname } from "node:os";
import { shellQuoted } from "../../core/shell.js";
import { evaluationImages } from "../../core/usage-words.js";
import { chartColumns, chartFigure } from "../../drawing/charts/index.js";
import { formatCount, formatItems, type Html, html, paragraphs } from "../../drawing/index.js";
import type { LockOwner } from "../../files/index.js";
import { findingsHtml } from "../../reports/diagnosis/index.js";
import { codebookMap, countCharts, describeUsage, originLines, trainingCharts } from "../../reports/index.js";
import type { RunView } from "../run-view.js";
import { layout, liveParts, moment } from "./layout.js";
import { codesOverTraining } from "./run-codes.js";
import { describePlan, progressBar, progressOf, resumeCommand, statusPill } from "./run-summary.js";
import { currentTiles, finalTiles } from "./run-tiles.js";

/** The page of one run, which follows its training. */
export function runPage(view: RunView): string {
  const { run } = view;
  return layout({
    title: `${run.name} – vqkit`,
    path: [{ text: run.name }],
    live: `/runs/${run.id}/live`,
    body: runParts(view),
  });
}

/** What changes on it, which is all. */
export function runParts(view: RunView): Html {
  const sections = [
    { id: "findings", title: "Doctor", content: findings(view) },
    { id: "reconstructions", title: "Reconstructions", content: reconstructions(view) },
    { id: "curves", title: "Curves", content: curves(view) },
    { id: "usage", title: "Usage", content: usage(view) },
    { id: "codes", title: "Codes over training", content: codesOverTraining(view.timeline) },
  ];
  const there = sections.filter(({ content }) => content !== null);
  return liveParts([
    { id: "head", content: heading(view) },
    {
      id: "contents",
      content: html`<p><a class="button" href="/runs/${view.run.id}/report">Whole report</a>${there.map(({ id, title }) => html`<a href="#${id}">${title}</a> `)}</p>`,
    },
    { id: "problems", content: problems(view.problems) },
    { id: "figures", content: view.record === undefined ? currentTiles(view) : finalTiles(view) },
    ...sections,
  ]);
}

function heading({ run, status, plan, origin, curves: { last }, changed, writer }: RunView): Html {
  const progress = progressOf(last, plan);
  return html`<h1><bdi title="${run.dir}">${run.name}</bdi> ${statusPill(status)}</h1>
<p class="soft">${describePlan(plan)}. Last change ${moment(changed)}${status === "training" ? describeWriter(writer) : ""}.</p>
${paragraphs(originLines(origin))}
${status === "finished" || status === "model" ? null : progressBar(progress)}
${status === "model" ? html`<p>A model that was not trained here, so it has no curves. To count its codes: <code>vqkit report ${shellQuoted(run.dir)} --images IMAGES</code></p>` : null}
${status === "stopped" ? html`<p>No process is training this run. To resume: <code>${resumeCommand(run.dir)}</code></p>` : null}`;
}

function describeWriter(writer: LockOwner | undefined): string {
  if (writer === undefined) return "";
  return `, by process ${writer.pid}${writer.host === hostname() ? "" : ` on ${writer.host}`}`;
}

function problems(texts: readonly string[]): Html | null {
  if (texts.length === 0) return null;
  return html`<section class="finding"><b>Not all of this run can be read.</b>${texts.map((text) => html`<p>${text}</p>`)}</section>`;
}

function findings({ diagnosis, curves: { records } }: RunView): Html | null {
  if (records === 0) return null;
  const heading = diagnosis.findings.length === 0 ? null : html`<h2>What the doctor found</h2>`;
  return html`${heading}${findingsHtml(diagnosis)}`;
}

function reconstructions({ run, record, strips, version }: RunView): Html | null {
  const picture = record?.figures.reconstructions ?? null;
  const newest = strips.at(-1);
  if (picture === null && newest === undefined) return null;
  const address = `/runs/${run.id}/reconstructions`;
  const strip = (step: number) =>
    image(`Step ${formatCount(step)}`, `${address}/step-${String(step).padStart(8, "0")}.png`);
  const rows = (steps: readonly number[]) => [
    image("Originals", `${address}/originals.png`),
    ...steps.map(strip),
  ];
  const final = html`<p class="soft">The finished model: originals above, reconstructions below.</p>
<img class="picture strip" alt="Originals above their reconstructions" src="${address}.png?${encodeURIComponent(version)}">`;
  // Of a run under way the newest picture is the news; of a finished one all of them are its past.
  const [shown, earlier] =
    picture === null ? [newest === undefined ? [] : [newest], strips.slice(0, -1)] : [[], strips];
  return html`<h2>Reconstructions</h2>
${picture === null ? rows(shown) : final}
${earlier.length === 0 ? null : html`<details><summary><b>At ${formatItems(earlier.length, picture === null ? "earlier step" : "step")}</b></summary>${picture === null ? earlier.toReversed().map(strip) : rows(earlier)}</details>`}`;
}

function image(title: string, source: string): Html {
  return html`<figure class="row"><figcaption>${title}</figcaption><img class="picture strip" alt="${title}" src="${source}"></figure>\n`;
}

function curves({ curves: all, record }: RunView): Html | null {
  const charts = trainingCharts(all, { heldOut: record?.figures.heldOut });
  if (charts.length === 0) return html`<p>Nothing has been recorded yet.</p>`;
  return html`<h2>Curves</h2>
<p class="soft">${formatItems(all.records, "record")}. Pale: as recorded, thinned evenly. Full: a running mean. Pointer, finger or arrow keys read what was recorded.</p>
${chartColumns(charts)}`;
}

function usage({ usage: known, record }: RunView): Html | null {
  if (known === undefined) return null;
  const { report, evidence } = known;
  const { counts } = evidence;
  return html`<h2>Codebook usage on ${evaluationImages(record?.figures.heldOut)}</h2>
${describeUsage(report).map((text) => html`<p>${text}</p>`)}
${report.codebooks.map((codebook, i) => {
  const suffix = report.numCodebooks === 1 ? "" : `, codebook ${i}`;
  const maps = counts === undefined ? [] : codebookMap(counts, i, suffix);
  return html`<div class="columns">${[...maps, ...countCharts(codebook, suffix)].map(chartFigure)}</div>`;
})}`;
}
