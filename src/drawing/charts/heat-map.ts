import { axisX, axisY, frame, image, type PlotOptions } from "@observablehq/plot";
import { encodeIndexedPng, escapeHtml, formatSignificant, pngUrl } from "../index.js";
import { CHART_WIDTH, type Chart, type ChartTable } from "./chart.js";
import { NOTHING, type RampName, ramp, rampStep } from "./colour-ramp.js";
import { draw } from "./draw.js";
import { fileName } from "./plot-files.js";

export interface HeatMap {
  readonly title: string;
  readonly rows: number;
  readonly columns: number;
  /** [rows, columns]; NaN where there is nothing to show. */
  readonly values: ArrayLike<number>;
  /** Equal steps of colour are equal differences, or equal ratios (values > 0). */
  readonly scale: "linear" | "log";
  /** `diverging` is centred on 0; default `sequential`. */
  readonly ramp?: RampName;
  /** The ends of the ramp; default the least and the greatest value. */
  readonly range?: readonly [number, number];
  /** What the colours mean, written beside them; null where there is but one, which the note explains. */
  readonly legend: string | null;
  readonly xTitle?: string;
  readonly yTitle?: string;
  /** Labels along the sides by the number of the column or row; default numbers, none for `null`. */
  readonly xLabel?: ((column: number) => string) | null;
  readonly yLabel?: ((row: number) => string) | null;
  readonly note?: string;
  readonly name?: string;
  readonly table: ChartTable;
}

/** Height over width is kept within these, so that a line of codes is no hair and a column no tower. */
const LEAST_ASPECT = 0.35;
const MOST_ASPECT = 1.05;
const MARGIN = { left: 58, right: 78, plainRight: 16, top: 16, bottom: 40 } as const;
/** Small maps are enlarged, so that no program blurs them. */
const LEAST_PIXELS = 256;

/** A table of numbers as coloured cells. */
export function heatMap(map: HeatMap): Chart {
  const { title, note, table } = map;
  const range = map.range ?? rangeOf(map.values);
  return {
    name: map.name ?? fileName(title),
    title,
    svg: range === undefined ? undefined : drawn(map, range),
    keys: [],
    table,
    ...(note === undefined ? {} : { note }),
  };
}

function drawn(map: HeatMap, range: readonly [number, number]): string {
  const { title, rows, columns, xTitle = null, yTitle = null } = map;
  const right = map.legend === null ? MARGIN.plainRight : MARGIN.right;
  const width = CHART_WIDTH - MARGIN.left - right;
  const height = Math.round(width * Math.min(MOST_ASPECT, Math.max(LEAST_ASPECT, rows / columns)));
  const label = (labels: HeatMap["xLabel"]) => labels ?? ((position: number) => String(position));
  // A label stands at the middle of its cell.
  const ticks = (count: number): number[] => {
    const step = Math.max(1, Math.ceil(count / 8));
    return Array.from({ length: Math.ceil(count / step) }, (_, i) => i * step + 0.5);
  };
  const svg = draw(title, {
    height: height + MARGIN.top + MARGIN.bottom,
    marginLeft: MARGIN.left,
    marginRight: right,
    marginTop: MARGIN.top,
    marginBottom: MARGIN.bottom,
    x: { domain: [0, columns], label: xTitle, ...(map.xLabel === null ? { axis: null } : {}) },
    y: { domain: [rows, 0], label: yTitle, ...(map.yLabel === null ? { axis: null } : {}) },
    marks: [
      image([0], {
        frameAnchor: "middle",
        src: () => pngUrl(picture(map, range)),
        width,
        height,
        preserveAspectRatio: "none",
        imageRendering: "pixelated",
      }),
      frame({ stroke: "var(--line)" }),
      ...(map.xLabel === null
        ? []
        : [
            axisX(ticks(columns), {
              tickFormat: (x: number) => label(map.xLabel)(x - 0.5),
              tickSize: 0,
              label: xTitle,
              labelArrow: "none",
              labelAnchor: "center",
            }),
          ]),
      ...(map.yLabel === null
        ? []
        : [
            axisY(ticks(rows), {
              tickFormat: (y: number) => label(map.yLabel)(y - 0.5),
              tickSize: 0,
              label: yTitle,
              labelArrow: "none",
              labelAnchor: "center",
            }),
          ]),
    ],
  } satisfies PlotOptions);
  return svg.replace(
    /<\/svg>$/,
    `${map.legend === null ? "" : legend({ ...map, legend: map.legend }, range, height)}</svg>`,
  );
}

function picture(
  { rows, columns, values, scale, ramp: name = "sequential" }: HeatMap,
  range: readonly [number, number],
): Buffer {
  const scaleBy = Math.max(1, Math.floor(LEAST_PIXELS / Math.max(rows, columns)));
  const width = columns * scaleBy;
  const pixels = new Uint8Array(rows * scaleBy * width);
  for (let y = 0; y < rows * scaleBy; y++) {
    const row = Math.floor(y / scaleBy) * columns;
    for (let x = 0; x < width; x++) {
      const value = values[row + Math.floor(x / scaleBy)] ?? Number.NaN;
      pixels[y * width + x] = Number.isNaN(value) ? NOTHING : rampStep(place(value, range, scale));
    }
  }
  return encodeIndexedPng({ width, height: rows * scaleBy, pixels, colours: ramp(name) });
}

/** Where a value lies between the ends, 0..1; all values equal: the middle. */
function place(value: number, [low, high]: readonly [number, number], scale: "linear" | "log"): number {
  if (low === high) return 0.5;
  return scale === "log" ? Math.log(value / low) / Math.log(high / low) : (value - low) / (high - low);
}

function legend(
  { scale, ramp: name = "sequential", legend: text }: HeatMap & { readonly legend: string },
  range: readonly [number, number],
  height: number,
): string {
  const [low, high] = range;
  const x = CHART_WIDTH - MARGIN.right + 12;
  const bar = encodeIndexedPng({
    width: 1,
    height: 64,
    pixels: Uint8Array.from({ length: 64 }, (_, y) => rampStep(1 - y / 63)),
    colours: ramp(name),
  });
  const middle = scale === "log" ? Math.sqrt(low * high) : (low + high) / 2;
  const labels =
    low === high
      ? [[middle, 0.5] as const]
      : ([
          [high, 0],
          [middle, 0.5],
          [low, 1],
        ] as const);
  const at = (share: number): number => MARGIN.top + 4 + share * (height - 8) + 4;
  const texts = labels.map(
    ([value, share]) =>
      `<text x="${x + 14}" y="${at(share)}" text-anchor="start">${escapeHtml(formatLegend(value, range))}</text>`,
  );
  const title = `<text transform="translate(${CHART_WIDTH - 6},${MARGIN.top + height / 2}) rotate(-90)" text-anchor="middle">${escapeHtml(text)}</text>`;
  return `<image x="${x}" y="${MARGIN.top}" width="9" height="${height}" preserveAspectRatio="none" href="${pngUrl(bar)}"/><g fill="currentColor">${texts.join("")}${title}</g>`;
}

function formatLegend(value: number, [low, high]: readonly [number, number]): string {
  const isWhole = Number.isInteger(low) && Number.isInteger(high) && Math.abs(high) >= 10;
  return isWhole ? Math.round(value).toLocaleString("en-US") : formatSignificant(value, 2);
}

function rangeOf(values: ArrayLike<number>): [number, number] | undefined {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    if (Number.isNaN(value)) continue;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  return low > high ? undefined : [low, high];
}
