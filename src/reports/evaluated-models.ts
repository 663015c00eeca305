import { csv } from "../drawing/charts/index.js";
import { formatExpectation, formatFixed, formatItems, NO_FIGURE, textTable } from "../drawing/index.js";
import type { EvaluationFigures } from "../evaluation/figures/index.js";
import { type Origin, originText } from "../runs/index.js";
import { FIGURE_STYLES, formatCodes, formatFigure } from "./figures.js";

/** One of several models that were measured on the same images. */
export interface EvaluatedModel {
  /** What tells it from the others. */
  readonly name: string;
  /** The run folder or model file. */
  readonly path: string;
  readonly fingerprint: string;
  /** The published tokenizer that it goes back to. */
  readonly origin?: Origin;
  /** Sides of the image over those of its latent grid. */
  readonly downsamplingFactor: number;
  readonly codebookSize: number;
  readonly numCodebooks: number;
  readonly figures: EvaluationFigures;
}

type Column = readonly [title: string, text: (figures: EvaluationFigures) => string | undefined];

/**
 * Figures that mean the same of every model. The quantization error does not: it is in the units of each model's own
 * latents.
 */
const COLUMNS: readonly Column[] = [
  ...(["psnr", "ssim"] as const).map(figureColumn),
  ["MS-SSIM", ({ msSsim }) => msSsim?.toFixed(4)],
  ["LPIPS", ({ lpips }) => lpips?.toFixed(4)],
  ["FID", ({ fid }) => (fid === null ? undefined : formatFixed(fid, 2))],
  ...(["reconstructionLoss", "usage", "perplexity", "bitsPerPixel"] as const).map(figureColumn),
];

function figureColumn(
  name: "psnr" | "ssim" | "reconstructionLoss" | "usage" | "perplexity" | "bitsPerPixel",
): Column {
  return [
    FIGURE_STYLES[name].shortTitle,
    (figures) => (figures[name] === null ? undefined : formatFigure(name, figures[name])),
  ];
}

/** Several models for the terminal, one line each, then each image's mean colour; what nothing was measured by is left out. */
export function renderModelsTable(models: readonly EvaluatedModel[], meanColour: EvaluationFigures): string {
  const all = [...models.map(({ figures }) => figures), meanColour];
  const columns = COLUMNS.filter(([, text]) => all.some((figures) => text(figures) !== undefined));
  const cells = (figures: EvaluationFigures) => columns.map(([, text]) => text(figures) ?? NO_FIGURE);
  const rows = models.map((model) => [
    model.name,
    formatCodes(model),
    `${model.downsamplingFactor}×${model.downsamplingFactor}`,
    ...cells(model.figures),
  ]);
  return textTable([...rows, ["mean colour", NO_FIGURE, NO_FIGURE, ...cells(meanColour)]], {
    head: ["Model", "Codes", "Pixels", ...columns.map(([title]) => title)],
    alignments: ["left", ...Array<"right">(columns.length + 2).fill("right")],
  });
}

/** What stands below that table, a sentence a line: what usage rests on, and where models come from. */
export function modelsNotes(models: readonly EvaluatedModel[]): string[] {
  const uniform = models.flatMap(({ name, figures: { samples, expectedUniformUsage: usage } }) =>
    samples === null || usage === null
      ? []
      : [`${name} ${formatExpectation(usage)} in ${formatItems(samples, "index", "indices")}`],
  );
  const origins = models.flatMap(({ name, origin }) =>
    origin === undefined ? [] : [`${name}: ${originText(origin)}.`],
  );
  return [...(uniform.length === 0 ? [] : [`Usage of a uniform source: ${uniform.join("; ")}.`]), ...origins];
}

/**
 * Evaluated models as CSV (RFC 4180): a line for each, then each image's mean colour, every figure in full precision;
 * empty where there is none.
 */
export function modelsCsv(models: readonly EvaluatedModel[], meanColour: EvaluationFigures): string {
  const figureNames = Object.keys(meanColour) as (keyof EvaluationFigures)[];
  const cells = (figures: EvaluationFigures) => figureNames.map((name) => figures[name]);
  const blank = Array<null>(HEAD.length - 1).fill(null);
  const rows = models.map((model) => [...headCells(model), ...cells(model.figures)]);
  return csv({
    columns: [...HEAD, ...figureNames],
    rows: [...rows, ["mean colour", ...blank, ...cells(meanColour)]],
  });
}

const HEAD = [
  "name",
  "path",
  "fingerprint",
  "family",
  "originalFiles",
  "originalSha256",
  "trainedOn",
  "downsamplingFactor",
  "codebookSize",
  "numCodebooks",
];

function headCells(model: EvaluatedModel): (string | number | null)[] {
  const { origin } = model;
  const files = origin?.original.files ?? [];
  const joined = (texts: readonly string[]) => (texts.length === 0 ? null : texts.join(" "));
  return [
    model.name,
    model.path,
    model.fingerprint,
    origin?.original.family ?? null,
    joined(files.map(({ name }) => name)),
    joined(files.map(({ sha256 }) => sha256)),
    origin === undefined ? null : String(origin.trained),
    model.downsamplingFactor,
    model.codebookSize,
    model.numCodebooks,
  ];
}
