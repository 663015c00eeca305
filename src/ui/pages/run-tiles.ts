import { evaluationImages, lastSteps, ONE_BATCH, stepsInWindow } from "../../core/usage-words.js";
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
import { figureOf, usageTitle } from "./run-summary.js";

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
      : `${formatCount(samples)} indices; a uniform source: ${formatExpectation(expectedUniformUsage(samples, codebookSize))}`;
  const counted = lastSteps(stepsInWindow(last));
  const written = (value: number | undefined, write: (value: number) => string) =>
    value === undefined ? undefined : write(value);
  return tiles([
    {
      title: "Reconstruction loss",
      value: written(figureOf(last, "reconstructionLoss"), (value) => formatSignificant(value)),
      note: `of ${ONE_BATCH}, the newest`,
    },
    { title: usageTitle(last), value: written(figureOf(last, "usageWindow"), formatPercent), note: uniform },
    {
      title: "Perplexity",
      value: written(figureOf(last, "perplexityWindow"), (value) => formatFixed(value, 1)),
      note: `of ${counted}`,
    },
    {
      title: "PSNR",
      value: written(evaluated?.[1], (value) => `${formatFixed(value, 2)} dB`),
      note: evaluated === undefined ? undefined : `evaluation at step ${formatCount(evaluated[0])}`,
    },
    {
      title: "Speed",
      value: written(figureOf(last, "imagesPerSecond"), (value) => formatSignificant(value)),
      note: `images a second, of ${ONE_BATCH}`,
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
      title: `Usage on ${evaluationImages(heldOut)}`,
      value: used === null ? undefined : formatPercent(used),
      note:
        samples === null || uniform === null
          ? undefined
          : `${formatCount(samples)} indices; a uniform source: ${formatExpectation(uniform)}`,
    },
    { title: "Perplexity", value: fixed(perplexity, 1), note: "of the same indices" },
    { title: "Bits per pixel", value: fixed(bitsPerPixel, 3), note: "entropy of the same indices" },
    {
      title: "Speed",
      value: training.imagesPerSecond === null ? undefined : formatSignificant(training.imagesPerSecond),
      note: "images a second, in training",
    },
  ]);
}
