import { expectedUniformUsage } from "../../metrics/index.js";
import { chartColumns, chartFigure } from "../../reports/chart.js";
import type { Finding } from "../../reports/diagnosis/diagnose.js";
import {
  formatCount,
  formatExpectation,
  formatFixed,
  formatItems,
  formatPercent,
  formatSignificant,
} from "../../reports/format.js";
import { type Html, html } from "../../reports/html.js";
import { trainingCharts } from "../../reports/run-charts.js";
import { codebookMap, countCharts } from "../../reports/usage-charts.js";
import { describeUsage } from "../../reports/usage-text.js";
import type { RunView } from "../run-view.js";
import { layout, liveParts, moment } from "./layout.js";
import { describePlan, figureOf, progressBar, progressOf, statusPill } from "./run-summary.js";

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
  return liveParts([
    { id: "head", content: heading(view) },
    { id: "problems", content: problems(view.problems) },
    { id: "figures", content: view.record === undefined ? currentTiles(view) : finalTiles(view) },
    { id: "findings", content: findings(view) },
    { id: "reconstructions", content: reconstructions(view) },
    { id: "curves", content: curves(view) },
    { id: "usage", content: usage(view) },
  ]);
}

function heading({ run, status, plan, curves: { last }, changed, folder, writer }: RunView): Html {
  const progress = progressOf(last, plan);
  return html`<h1><bdi>${run.name}</bdi> ${statusPill(status)}</h1>
<p class="soft">${describePlan(plan)}. Last change ${moment(changed)}${writer === undefined ? "" : `, by process ${writer.pid} on ${writer.host}`}.</p>
${status === "finished" ? null : progressBar(progress)}
${status === "stopped" ? html`<p>No process is training this run. <code>vqkit train --resume</code> goes on from its newest checkpoint.</p>` : null}
<p><a class="button" href="/runs/${run.id}/report">Whole report</a> <span class="soft small">${folder.dir}</span></p>`;
}

function problems(texts: readonly string[]): Html | null {
  if (texts.length === 0) return null;
  return html`<section class="finding"><b>Not all of this run can be read.</b>${texts.map((text) => html`<p>${text}</p>`)}</section>`;
}

interface Tile {
  readonly title: string;
  readonly value: string | undefined;
  readonly note?: string | undefined;
}

/** Figures that are not there have no tile. */
function tiles(all: readonly Tile[]): Html | null {
  const known = all.filter(({ value }) => value !== undefined);
  if (known.length === 0) return null;
  return html`<div class="tiles">${known.map(
    ({ title, value, note }) =>
      html`<div class="tile"><span class="soft">${title}</span><b>${value}</b>${note === undefined ? null : html`<small class="soft">${note}</small>`}</div>`,
  )}</div>`;
}

/** The newest record, and the newest evaluation. */
function currentTiles({ curves: { last, curves: byName }, plan }: RunView): Html | null {
  const evaluated = byName.get("evaluationPsnr")?.at(-1);
  const samples = figureOf(last, "samplesWindow");
  const { codebookSize } = plan;
  const uniform =
    samples === undefined || codebookSize === undefined
      ? undefined
      : `of ${formatCount(samples)} indices; a uniform source: ${formatExpectation(expectedUniformUsage(samples, codebookSize))}`;
  const written = (value: number | undefined, write: (value: number) => string) =>
    value === undefined ? undefined : write(value);
  return tiles([
    {
      title: "Reconstruction loss",
      value: written(figureOf(last, "reconstructionLoss"), (value) => formatSignificant(value)),
      note: "newest batch",
    },
    { title: "Codebook usage", value: written(figureOf(last, "usageWindow"), formatPercent), note: uniform },
    {
      title: "Perplexity",
      value: written(figureOf(last, "perplexityWindow"), (value) => formatFixed(value, 1)),
      note: "same window",
    },
    {
      title: "PSNR",
      value: written(evaluated?.[1], (value) => `${formatFixed(value, 2)} dB`),
      note: evaluated === undefined ? undefined : `evaluation at step ${formatCount(evaluated[0])}`,
    },
    {
      title: "Speed",
      value: written(figureOf(last, "imagesPerSecond"), (value) => `${formatSignificant(value)}/s`),
      note: "images, newest batch",
    },
  ]);
}

/** The finished model on its evaluation set. */
function finalTiles({ record }: RunView): Html | null {
  if (record === undefined) return null;
  const { final, meanColour, training, heldOut } = record.figures;
  const { psnr, ssim, usage: used, samples, expectedUniformUsage: uniform, perplexity, bitsPerPixel } = final;
  const fixed = (value: number | null, decimals: number) =>
    value === null ? undefined : formatFixed(value, decimals);
  const baseline = meanColour?.psnr ?? null;
  return tiles([
    {
      title: "PSNR",
      value: psnr === null ? undefined : `${formatFixed(psnr, 2)} dB`,
      note: `${formatItems(final.images, heldOut ? "held-out image" : "image")}${baseline === null ? "" : `; mean colour: ${formatFixed(baseline, 2)}`}`,
    },
    { title: "SSIM", value: fixed(ssim, 3) },
    {
      title: "Codebook usage",
      value: used === null ? undefined : formatPercent(used),
      note:
        samples === null || uniform === null
          ? undefined
          : `of ${formatCount(samples)} indices; a uniform source: ${formatExpectation(uniform)}`,
    },
    { title: "Perplexity", value: fixed(perplexity, 1) },
    { title: "Bits per pixel", value: fixed(bitsPerPixel, 3) },
    {
      title: "Speed",
      value:
        training.imagesPerSecond === null ? undefined : `${formatSignificant(training.imagesPerSecond)}/s`,
      note: "images, in training",
    },
  ]);
}

function findings({ diagnosis, curves: { records } }: RunView): Html | null {
  if (records === 0) return null;
  if (diagnosis.findings.length === 0) {
    const judged = diagnosis.fine.length;
    return html`<p class="soft">Doctor: ${judged === 0 ? "too little has been recorded to judge" : `${formatItems(judged, "rule")} looked, nothing found`}.</p>`;
  }
  return html`<h2>What the doctor found</h2>${diagnosis.findings.map(finding)}`;
}

function finding({ title, severity, seen, remedies, rule }: Finding): Html {
  return html`<details class="finding ${severity}"><summary><b>${title}</b> <span class="soft">${severity}</span> ${seen}</summary>
<p>What to try:</p><ul>${remedies.map((remedy) => html`<li>${remedy}</li>`)}</ul><p class="soft small">Rule ${rule}</p></details>`;
}

function reconstructions({ run, record, version }: RunView): Html | null {
  const picture = record?.figures.reconstructions;
  if (picture === null || picture === undefined) return null;
  return html`<h2>Reconstructions</h2>
<p class="soft">Originals above, reconstructions below.</p>
<img class="picture strip" alt="Originals above their reconstructions" src="/runs/${run.id}/reconstructions.png?${encodeURIComponent(version)}">`;
}

function curves({ curves: all }: RunView): Html | null {
  const charts = trainingCharts(all);
  if (charts.length === 0) return html`<p>Nothing has been recorded yet.</p>`;
  return html`<h2>Curves</h2>
<p class="soft">${formatItems(all.records, "record")}. Pale: as recorded, thinned evenly. Full: a running mean.</p>
${chartColumns(charts)}`;
}

function usage({ usage: known }: RunView): Html | null {
  if (known === undefined) return null;
  const { report, evidence } = known;
  const { counts } = evidence;
  return html`<h2>Codebook usage on the evaluation set</h2>
${describeUsage(report).map((text) => html`<p>${text}</p>`)}
${report.codebooks.map((codebook, i) => {
  const suffix = report.numCodebooks === 1 ? "" : `, codebook ${i}`;
  const maps = counts === undefined ? [] : codebookMap(counts, i, suffix);
  return html`<div class="columns">${[...maps, ...countCharts(codebook, suffix)].map(chartFigure)}</div>`;
})}`;
}
