import { join } from "node:path";
import { sharp } from "../../core/sharp.js";
import { OutputFolder } from "../../files/index.js";
import { escapeHtml, LIGHT, withLightColours } from "../index.js";
import type { Chart, ChartKey, ChartTable } from "./chart.js";

/** PNG files have so many pixels for each of the drawing's. */
const PNG_SCALE = 2;

/**
 * Writes each chart as `NAME.svg`, `NAME.png` (on white, in the colours of the light theme) and `NAME.csv`; a chart
 * without anything to draw as CSV only. Each file is written whole or not at all, in place of one of the same name. A new
 * folder is marked, so that nobody takes the charts for images to train on.
 *
 * @param dir made when there is none
 * @returns the paths written
 * @throws ConfigError at `plots` for a file; VqkitError("locked") when another process writes there; VqkitError("file")
 */
export async function writePlots(dir: string, charts: readonly Chart[]): Promise<string[]> {
  return OutputFolder.fill(dir, { overwrite: true, option: "plots" }, async (folder) => {
    await folder.markPictures();
    const written: string[] = [];
    const write = async (name: string, content: string | Buffer): Promise<void> => {
      await folder.write(name, content);
      written.push(join(dir, name));
    };
    for (const chart of charts) {
      const { name, table } = chart;
      await write(`${name}.csv`, csv(table));
      const alone = captionedSvg(chart);
      if (alone === undefined) continue;
      await write(`${name}.svg`, alone);
      const drawing = sharp(Buffer.from(alone), { density: 72 * PNG_SCALE });
      await write(`${name}.png`, await drawing.png().toBuffer());
    }
    return written;
  });
}

const TITLE_HEIGHT = 26;
const KEY_HEIGHT = 17;
const KEY_SWATCH = 18;
const LETTER_WIDTH = 6.6;

/** A chart as a file of its own: its title and its key above the drawing; undefined where there is nothing to draw. */
export function captionedSvg({ title, svg, keys }: Chart): string | undefined {
  if (svg === undefined) return undefined;
  const drawing = standaloneSvg(svg);
  const [width, height] = ["width", "height"].map((side) =>
    Number(new RegExp(` ${side}="(\\d+)"`).exec(svg)?.[1]),
  );
  // A drawing that does not say its size stands alone.
  if (width === undefined || height === undefined || !(width > 0 && height > 0)) return drawing;
  const lines = keyLines(keys, width);
  const top = TITLE_HEIGHT + KEY_HEIGHT * lines.length;
  const texts = lines.flatMap((line, row) =>
    line.map(({ name, colour, isDashed = false, x }) => {
      const y = TITLE_HEIGHT + KEY_HEIGHT * row + 8;
      const dashes = isDashed ? ' stroke-dasharray="5 3"' : "";
      return `<line x1="${x}" x2="${x + 13}" y1="${y - 3.5}" y2="${y - 3.5}" stroke="${colour}" stroke-width="3"${dashes}/><text x="${x + KEY_SWATCH}" y="${y}" font-size="11" fill="${LIGHT.soft}">${escapeHtml(name)}</text>`;
    }),
  );
  return withLightColours(
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${top + height}" viewBox="0 0 ${width} ${top + height}" font-family="system-ui, sans-serif"><rect width="100%" height="100%" fill="${LIGHT.page}"/><text x="12" y="19" font-size="13" font-weight="600" fill="${LIGHT.text}">${escapeHtml(title)}</text>${texts.join("")}${drawing.replace("<svg ", `<svg y="${top}" `)}</svg>`,
  );
}

/** Keys from left to right, as many a line as there is room for by a guess of their letters' width. */
function keyLines(keys: readonly ChartKey[], width: number): (ChartKey & { readonly x: number })[][] {
  const lines: (ChartKey & { x: number })[][] = [];
  let x = Number.POSITIVE_INFINITY;
  for (const key of keys) {
    const wide = KEY_SWATCH + LETTER_WIDTH * key.name.length + 14;
    if (x + wide > width) {
      lines.push([]);
      x = 12;
    }
    lines.at(-1)?.push({ ...key, x });
    x += wide;
  }
  return lines;
}

/** A drawing of a page as a file of its own: with its own colours, on a background. */
export function standaloneSvg(svg: string): string {
  return withLightColours(svg).replace(
    /^<svg( [^>]*>|>)/,
    (_, rest: string) =>
      `<svg xmlns="http://www.w3.org/2000/svg"${rest}<rect width="100%" height="100%" fill="${LIGHT.page}"/>`,
  );
}

/** A table as CSV (RFC 4180), in full precision; empty where there is no value. */
export function csv({ columns, rows }: ChartTable): string {
  return [columns, ...rows].map((cells) => `${cells.map(csvCell).join(",")}\r\n`).join("");
}

function csvCell(value: string | number | null): string {
  const text = value === null ? "" : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** A title as the name of a file: lower case words with hyphens. */
export function fileName(title: string): string {
  return title
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-|-$/g, "");
}
