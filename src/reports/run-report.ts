import { VqkitError } from "../core/errors.js";
import { evaluationImages } from "../core/usage-words.js";
import {
  formatCount,
  formatDuration,
  formatExpectation,
  formatFixed,
  formatItems,
  formatSignificant,
  type Html,
  html,
  htmlPage,
  htmlTable,
  NO_FIGURE,
  paragraphs,
  section,
} from "../drawing/index.js";
import { originOf, type RunFolder, readCodeTimeline } from "../runs/index.js";
import { diagnose, findingsHtml, readDiagnosisRecord } from "./diagnosis/index.js";
import { FIGURE_NAMES, FIGURE_STYLES, formatFigure } from "./figures.js";
import { lossCard } from "./loss-card.js";
import { codedPhotographSection } from "./photograph-section.js";
import {
  type EvaluationRecord,
  type RunFigures,
  type RunRecord,
  readRunRecord,
  runName,
} from "./records/run-record.js";
import { runUsage } from "./records/run-usage.js";
import { readCurves, type TrainingCurves } from "./records/training-curves.js";
import type { UsageEvidence } from "./records/usage-evidence.js";
import type { UsageReport } from "./records/usage-report.js";
import { trainingSection } from "./run-charts.js";
import { enlarged, readPictures } from "./run-pictures.js";
import { stripFigures } from "./run-strips.js";
import { lifeFigures, usageSection } from "./usage-html.js";
import { originLines } from "./usage-text.js";

/**
 * A run as a page in one file: its figures beside the baselines', its curves, reconstructions, codebook usage,
 * configuration and conventions. A run that has not finished is shown as far as it went.
 *
 * @param evidence what only the model or images can show: vectors, places, pictures of codes
 * @param counted a report to show in place of that of the run's evaluation set; its counts belong into `evidence`
 * @throws VqkitError("format" | "codes" | "file") for a file of the run that cannot be read
 */
export async function renderRunReport(
  run: RunFolder,
  evidence: UsageEvidence = {},
  counted?: UsageReport,
): Promise<string> {
  const [config, curves] = await Promise.all([run.readConfig(), readCurves(run)]);
  const record = await ifThere(readRunRecord(run));
  const own = await ifThere(runUsage(run, { curves }));
  const title = titleOf(runName(run), record);
  const origin = originOf(config);
  const isImport = origin?.trained === false;
  const report = counted ?? own?.report;
  const shown =
    report === undefined ? undefined : await usageSection(report, { ...own?.evidence, ...evidence });
  return htmlPage(
    title,
    html`<h1>${title}</h1>
${curves.records === 0 ? null : findingsHtml(diagnose(await readDiagnosisRecord(run)))}
${paragraphs(originLines(origin))}
${record === undefined ? (isImport ? null : unfinished(curves)) : summary(record)}
${await codedPhotographSection(evidence.photograph)}
${reconstructions(await (record === undefined ? undefined : pictures(record)), await stripFigures(run))}
${trainingSection(curves, { heldOut: record?.figures.heldOut })}
${shown?.content ?? (await lifeSection(run))}
${losses(config)}
${record === undefined ? null : conventions(record)}
${configuration(config)}`,
    shown?.parts,
  );
}

/** The value, or undefined when an unfinished run has not written it yet. */
async function ifThere<T>(value: Promise<T>): Promise<T | undefined> {
  try {
    return await value;
  } catch (error) {
    if (error instanceof VqkitError && error.code === "run") return undefined;
    throw error;
  }
}

function titleOf(name: string, record: RunRecord | undefined): string {
  if (record === undefined) return name;
  const { kind, codebookSize } = record.figures.quantizer;
  return `${name}: ${kind}, ${formatItems(codebookSize, "code")}`;
}

function unfinished({ last }: TrainingCurves): Html {
  const step = last?.step;
  const reached = typeof step === "number" ? ` Its metrics reach step ${formatCount(step)}.` : "";
  return html`<p>This run has not finished: it has no final figures.${reached}</p>`;
}

function summary({ figures }: RunRecord): Html {
  const { training, quantizer, final, heldOut, seed } = figures;
  const time = training.seconds === null ? "" : ` in ${formatDuration(training.seconds)}`;
  const speed =
    training.imagesPerSecond === null
      ? ""
      : `, ${formatSignificant(training.imagesPerSecond)} images a second`;
  const asked = quantizer.nominalCodebookSize;
  const size =
    asked === null || asked === quantizer.codebookSize
      ? ""
      : ` A codebook of ${formatCount(asked)} codes was asked for; ${quantizer.kind} has ${formatCount(quantizer.codebookSize)}.`;
  return html`${paragraphs([
    `${formatItems(training.steps, "step")}${time}${speed}; seed ${seed}.${size}`,
    `Measured on ${formatItems(final.images, heldOut ? "held-out image" : "image")}${heldOut ? "" : ", which were trained on too"}.`,
  ])}${figuresTable(figures)}`;
}

function figuresTable({ final, untrained, meanColour, heldOut }: RunFigures): Html {
  const columns = [
    { title: "Trained", record: final },
    { title: "Untrained", record: untrained },
    { title: "Mean colour", record: meanColour },
  ].flatMap(({ title, record }) => (record === null ? [] : [{ title, record }]));
  const row = (title: string, cell: (record: EvaluationRecord) => string): string[] => [
    title,
    ...columns.map(({ record }) => cell(record)),
  ];
  const rows = FIGURE_NAMES.flatMap((name) => {
    if (name === "imagesPerSecond") return []; // of training, and said above
    const { title } = FIGURE_STYLES[name];
    const of = name === "usage" ? `${title} on ${evaluationImages(heldOut)}` : title;
    const figure = row(of, (record) => formatFigure(name, record[name]));
    return name === "usage" ? [figure, row(uniformTitle(final), uniformCell)] : [figure];
  });
  return htmlTable([{ title: "Figure" }, ...columns.map(({ title }) => ({ title, numeric: true }))], rows);
}

function uniformTitle({ samples }: EvaluationRecord): string {
  return samples === null
    ? "Usage of a uniform source"
    : `Usage of a uniform source, ${formatCount(samples)} indices`;
}

function uniformCell({ expectedUniformUsage }: EvaluationRecord): string {
  return expectedUniformUsage === null ? NO_FIGURE : formatExpectation(expectedUniformUsage);
}

/** The codes of a run that has no final counts to show them with. */
async function lifeSection(run: RunFolder): Promise<Html> {
  const timeline = await readCodeTimeline(run);
  if (timeline === null || timeline.records.length === 0) return html``;
  const { numCodebooks } = timeline;
  return section(
    "Codes over training",
    html`${Array.from(
      { length: numCodebooks },
      (_, i) => html`${numCodebooks === 1 ? null : html`<h3>Codebook ${i}</h3>`}${lifeFigures(timeline, i)}`,
    )}`,
  );
}

function reconstructions(final: Html | undefined, strips: Html): Html {
  return final === undefined && strips.text === ""
    ? html``
    : section("Reconstructions", html`${final}${strips}`);
}

async function pictures(record: RunRecord): Promise<Html | undefined> {
  const examples = await readPictures(record);
  const image = examples?.originals[0];
  if (examples === undefined || image === undefined) return undefined;
  const { psnr } = record.figures.final;
  const mean = psnr === null ? "" : ` Mean PSNR over the whole set: ${formatFixed(psnr, 2)} dB.`;
  const width = image.width * examples.originals.length;
  const source = `data:image/png;base64,${Buffer.from(examples.png).toString("base64")}`;
  return html`<p>Originals above, reconstructions below.${mean}</p>
<img class="picture" alt="Originals above their reconstructions" style="width: ${enlarged(width)}px" src="${source}">
`;
}

function losses(config: Readonly<Record<string, unknown>>): Html {
  const { terms, codebook, gradient } = lossCard(config);
  const shown = terms.map(({ loss, weight, formula, moves, leaves }) => [
    loss,
    weight === null ? NO_FIGURE : String(weight),
    formula,
    moves,
    leaves,
  ]);
  return section(
    "Loss card",
    html`${htmlTable(
      [
        { title: "Loss" },
        { title: "Weight", numeric: true },
        { title: "What it is" },
        { title: "Moves" },
        { title: "Leaves alone" },
      ],
      shown,
    )}
<p class="soft">z: the latent. q: its code. sg: no gradient. x, x̂: image and reconstruction. Means are over all elements.</p>
<h3>Codebook</h3>
<p>${codebook}</p>
<h3>Gradient through the quantizer</h3>
<p>${gradient}</p>`,
  );
}

function conventions({ conventions: card }: RunRecord): Html {
  return section(
    "Metric card",
    htmlTable(
      [{ title: "Of" }, { title: "How it was measured" }],
      Object.entries(card).map(([name, value]) => [name, String(value)]),
    ),
  );
}

/** One line a field, its path as messages and configuration files name it. */
function configuration(config: Readonly<Record<string, unknown>>): Html {
  const fields = fieldsOf(config, "");
  return section(
    "Configuration",
    htmlTable(
      [{ title: "Field" }, { title: "Value" }],
      fields.map(([path, value]) => [path, html`<code>${JSON.stringify(value)}</code>`]),
    ),
  );
}

function fieldsOf(value: unknown, path: string): [path: string, value: unknown][] {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return [[path, value]];
  return Object.entries(value).flatMap(([key, inner]) =>
    fieldsOf(inner, path === "" ? key : `${path}.${key}`),
  );
}
