import { axisX, axisY, dot, gridX, gridY, type PlotOptions, ruleX, ruleY, text } from "@observablehq/plot";
import { type Chart, draw, labelPlaces, pixelsOf } from "../../drawing/charts/index.js";
import { formatFixed, formatTick, seriesColour } from "../../drawing/index.js";
import type { Comparison } from "./comparison.js";

const TITLE = "PSNR against bits per pixel";
/** More labels than this hide each other; the keys have the names then. */
const MOST_LABELS = 8;

interface RateDot {
  readonly label: string;
  readonly x: number;
  readonly y: number;
}

/** What the pointer reads of a dot. */
function told({ label, x, y }: RateDot): string {
  return `${label}: ${formatFixed(y, 2)} dB at ${formatFixed(x, 3)} bits per pixel`;
}

/** The drawing with the rows' names beside their dots, where they have room. */
function labelled(drawing: PlotOptions, means: readonly RateDot[]): string {
  const bare = draw(TITLE, drawing);
  if (means.length > MOST_LABELS) return bare;
  const at = pixelsOf(bare);
  const places = labelPlaces(
    means.map(({ label, x: bits, y: psnr }) => {
      const [x, y] = at(bits, psnr);
      return { x, y, text: label };
    }),
  );
  const names = means.map((mean, i) =>
    text([mean], { x: "x", y: "y", text: "label", fill: "var(--text)", fontSize: 12, ...places[i] }),
  );
  return draw(TITLE, { ...drawing, marks: [...(drawing.marks ?? []), ...names] });
}

/** What each row's quality costs: every seed a ring, the mean a dot, its intervals bars; no chart without bits. */
export function rateCharts({ rows }: Pick<Comparison, "rows">): Chart[] {
  const points = rows.flatMap(({ label, seeds, psnr, bitsPerPixel }, i) =>
    psnr === null || bitsPerPixel === null
      ? []
      : [{ label, seeds, psnr, bits: bitsPerPixel, colour: seriesColour(i) }],
  );
  if (points.length === 0) return [];
  const means = points.map(({ label, colour, psnr, bits }) => ({
    label,
    colour,
    x: bits.mean,
    y: psnr.mean,
  }));
  const rings = points.flatMap(({ label, seeds, colour, psnr, bits }) =>
    psnr.values.length < 2
      ? []
      : psnr.values.map((y, i) => ({
          label: `${label}, seed ${seeds[i]}`,
          colour,
          x: bits.values[i] as number,
          y,
        })),
  );
  const up = points.flatMap(({ colour, psnr, bits }) =>
    psnr.interval === null
      ? []
      : [{ colour, x: bits.mean, low: psnr.interval.low, high: psnr.interval.high }],
  );
  const across = points.flatMap(({ colour, psnr, bits }) =>
    bits.interval === null
      ? []
      : [{ colour, y: psnr.mean, low: Math.max(0, bits.interval.low), high: bits.interval.high }],
  );
  const bar = { stroke: "colour", strokeWidth: 7, strokeOpacity: 0.22 } as const;
  const drawing = {
    marginRight: 64,
    x: { label: "bits per pixel", nice: true, zero: means.length === 1 },
    y: { label: null, nice: true },
    color: { type: "identity" },
    marks: [
      gridX({ stroke: "var(--line)", strokeOpacity: 0.5, ticks: 5 }),
      gridY({ stroke: "var(--line)", strokeOpacity: 1, ticks: 5 }),
      axisX({ ticks: 5, tickSize: 0, tickFormat: formatTick, label: "bits per pixel", labelArrow: "none" }),
      axisY({ ticks: 5, tickSize: 0, tickFormat: formatTick, label: null }),
      ruleX(up, { x: "x", y1: "low", y2: "high", ...bar }),
      ruleY(across, { y: "y", x1: "low", x2: "high", ...bar }),
      dot(rings, { x: "x", y: "y", stroke: "colour", r: 3, title: told }),
      dot(means, { x: "x", y: "y", fill: "colour", r: 5, title: told }),
    ],
  } satisfies PlotOptions;
  const svg = labelled(drawing, means);
  const several = rings.length > 0;
  return [
    {
      name: "psnr-against-bits",
      title: TITLE,
      svg,
      keys: means.length > MOST_LABELS ? means.map(({ label, colour }) => ({ name: label, colour })) : [],
      note: `dB of PSNR, upwards is better; bits are what it costs, so to the left is cheaper.${several ? " Dots: means over seeds; rings: each seed; bars: 95 % intervals." : ""}`,
      table: {
        columns: ["row", "seed", "bitsPerPixel", "psnr"],
        rows: points.flatMap(({ label, seeds: all, psnr, bits }) =>
          all.map((seed, i) => [label, seed, bits.values[i] ?? null, psnr.values[i] ?? null]),
        ),
      },
    },
  ];
}
