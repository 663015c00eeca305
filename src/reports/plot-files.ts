import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";
import { errnoOf, fileError } from "../runs/file-errors.js";
import { writeFileAtomic } from "../runs/index.js";
import type { Chart, ChartTable } from "./chart.js";
import { LIGHT, withLightColours } from "./palette.js";

/** PNG files have so many pixels for each of the drawing's. */
const PNG_SCALE = 2;

/**
 * Writes each chart as `NAME.svg`, `NAME.png` (on white, in the colours of the light theme) and `NAME.csv`; a chart
 * without anything to draw as CSV only. Each file is written whole or not at all.
 *
 * @param dir made when there is none
 * @returns the paths written
 * @throws VqkitError("file")
 */
export async function writePlots(dir: string, charts: readonly Chart[]): Promise<string[]> {
  try {
    await mkdir(dir, { recursive: true });
  } catch (error) {
    throw errnoOf(error) === undefined ? error : fileError(dir, "make the folder", error);
  }
  const written: string[] = [];
  const write = async (name: string, content: string | Buffer): Promise<void> => {
    await writeFileAtomic(join(dir, name), content);
    written.push(join(dir, name));
  };
  for (const { name, svg, table } of charts) {
    await write(`${name}.csv`, csv(table));
    if (svg === undefined) continue;
    const alone = standaloneSvg(svg);
    await write(`${name}.svg`, alone);
    await write(
      `${name}.png`,
      await sharp(Buffer.from(alone), { density: 72 * PNG_SCALE })
        .png()
        .toBuffer(),
    );
  }
  return written;
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
