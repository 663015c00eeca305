import {
  formatCount,
  formatExpectation,
  formatFixed,
  formatItems,
  formatPercent,
  formatSignificant,
  type Html,
  html,
} from "../../drawing/index.js";
import { expectedUniformUsage } from "../../metrics/index.js";
import type { RunView } from "../run-view.js";
import { figureOf } from "./run-summary.js";

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
export function currentTiles({ curves: { last, curves: byName }, plan }: RunView): Html | null {
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
export function finalTiles({ record }: RunView): Html | null {
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
