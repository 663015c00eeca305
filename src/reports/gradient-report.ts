// Types only: reports compute nothing.

import {
  formatCount,
  formatFixed,
  formatItems,
  formatPercent,
  formatSignificant,
  type Html,
  html,
  NO_FIGURE,
  textTable,
} from "../drawing/index.js";
import type { EstimatorGradient, GradientInspection } from "../evaluation/index.js";

/** An inspection for the terminal: a line an estimator, and what the columns are. */
export function renderGradients(inspection: GradientInspection): string {
  const { images, latentVectors, codeDim, reconstructionLoss, probeUnit, estimators } = inspection;
  const distances = estimators[0]?.probes.map(({ distance }) => distance) ?? [];
  const head = [
    "gradient",
    "angle",
    "norm",
    "angle at z",
    "norm at z",
    "radial",
    ...distances.map((distance) => `agrees at ${distance}`),
  ];
  const rows = estimators.map((one) => [
    one.estimator,
    degrees(one.weights.angle),
    figure(one.weights.normRatio),
    degrees(one.latents.angle),
    figure(one.latents.normRatio),
    one.radialShare === null ? NO_FIGURE : formatPercent(one.radialShare),
    ...one.probes.map(({ agreement }) => figure(agreement)),
  ]);
  const moved = estimators[0]?.probes.map(({ reassigned }) => formatPercent(reassigned)).join(", ") ?? "";
  return [
    textTable(rows, { head, alignments: ["left", ...head.slice(1).map(() => "right" as const)] }),
    "",
    `${formatItems(images, "image")}, ${formatCount(latentVectors)} latents of ${codeDim} numbers; reconstruction loss ${formatSignificant(reconstructionLoss)}.`,
    "angle, norm: to straight-through's gradient, at the encoder's weights and at the latents z.",
    `radial: the part that stretches latents and does not turn them; ${formatPercent(1 / codeDim)} without preference.`,
    `agrees: change of the true loss / change that the gradient says, latents moved by so many times ${formatSignificant(probeUnit)}, the root mean square of |z - q|.`,
    `Indices that the move along the own gradient changes: ${moved}.`,
  ].join("\n");
}

function degrees(angle: number | null): string {
  return angle === null ? NO_FIGURE : `${formatFixed(angle, 1)}°`;
}

function figure(value: number | null): string {
  return value === null ? NO_FIGURE : formatFixed(value, 3);
}

const WIDTH = 640;
const HEIGHT = 360;
const FRAME = { left: 60, right: 190, top: 44, bottom: 48 } as const;
/** Wong's palette, which readers who see fewer colours tell apart: https://doi.org/10.1038/nmeth.1618. */
const COLOURS = ["#000000", "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"] as const;

/**
 * How well each estimator's gradient agrees with the true loss, by the distance that latents are moved: an SVG file. A
 * horizontal line at 1 would be a gradient that says what happens.
 */
export function gradientPlot({ estimators }: GradientInspection): string {
  const points = estimators.flatMap(({ probes }) => probes);
  const values = points.flatMap(({ agreement }) => (agreement === null ? [] : [agreement]));
  const distances = [...new Set(points.map(({ distance }) => distance))].sort((a, b) => a - b);
  const [low, high] = [Math.min(0, ...values), Math.max(1, ...values)];
  const place: Place = {
    x: (distance) => {
      const at = distances.length < 2 ? 0.5 : distances.indexOf(distance) / (distances.length - 1);
      return round(FRAME.left + at * (WIDTH - FRAME.left - FRAME.right));
    },
    y: (value) =>
      round(HEIGHT - FRAME.bottom - ((value - low) / (high - low)) * (HEIGHT - FRAME.top - FRAME.bottom)),
  };
  const lines = [...new Set([low, 0, 0.5, 1, high])];
  return html`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" font-family="sans-serif" font-size="12">
<rect width="100%" height="100%" fill="#ffffff"/>
<text x="${FRAME.left}" y="24" font-size="14">Change of the true loss / change that the gradient says</text>
${lines.map((value) => level(value, place.y(value)))}${distances.map((distance) => html`<text x="${place.x(distance)}" y="${HEIGHT - FRAME.bottom + 18}" text-anchor="middle">${distance}</text>\n`)}<text x="${FRAME.left}" y="${HEIGHT - 10}">distance that latents are moved / quantization error</text>
${estimators.map((one, i) => curve(one, place, i))}</svg>
`.text;
}

interface Place {
  readonly x: (distance: number) => number;
  readonly y: (agreement: number) => number;
}

function level(value: number, y: number): Html {
  return html`<line x1="${FRAME.left}" x2="${WIDTH - FRAME.right}" y1="${y}" y2="${y}" stroke="#d1d9e0"/><text x="${FRAME.left - 8}" y="${y + 4}" text-anchor="end">${Number(value.toFixed(2))}</text>\n`;
}

/** A curve with its name beside the drawing; curves that lie on each other are told apart by their dashes. */
function curve({ estimator, probes }: EstimatorGradient, { x, y }: Place, index: number): Html {
  const colour = COLOURS[index % COLOURS.length];
  const dashes = index === 0 ? "2 4" : "none";
  const shown = probes.flatMap(({ distance, agreement }) =>
    agreement === null ? [] : [`${x(distance)},${y(agreement)}`],
  );
  const keyY = FRAME.top + 10 + 20 * index;
  const keyX = WIDTH - FRAME.right + 14;
  return html`<polyline points="${shown.join(" ")}" fill="none" stroke="${colour}" stroke-width="${index === 0 ? 4 : 1.8}" stroke-dasharray="${dashes}"/><line x1="${keyX}" x2="${keyX + 22}" y1="${keyY - 4}" y2="${keyY - 4}" stroke="${colour}" stroke-width="${index === 0 ? 4 : 1.8}" stroke-dasharray="${dashes}"/><text x="${keyX + 30}" y="${keyY}">${estimator}</text>\n`;
}

function round(pixels: number): number {
  return Math.round(pixels * 10) / 10;
}
