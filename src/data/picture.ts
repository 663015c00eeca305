import type { OverlayOptions } from "sharp";
import { messageOf, VqkitError } from "../core/errors.js";
import { sharp } from "../core/sharp.js";
import type { Rect, Size } from "./geometry.js";
import { cropImage, type RgbImage, toSharp } from "./images.js";
import { type LetteringStyle, lettering, letteringWidth } from "./lettering.js";

/** One row of a picture: images side by side. */
export interface PictureRow {
  /** Written left of the row, in ASCII; a second line after "\n" is written smaller. */
  readonly label?: string;
  readonly images: readonly RgbImage[];
}

/**
 * Where the images of a picture are, in pixels: cell (row, column) has its top left corner at
 * (top + row·(cellHeight + gap), left + column·(cellWidth + gap)). Integers.
 *
 * A type and not an interface, so that it can be saved as a JSON object.
 */
export type PictureGeometry = {
  readonly rows: number;
  readonly columns: number;
  readonly cellWidth: number;
  readonly cellHeight: number;
  readonly gap: number;
  readonly left: number;
  readonly top: number;
};

/** A picture and where its images are in it. */
export interface PictureGrid {
  /** A PNG file. */
  readonly png: Buffer;
  readonly geometry: PictureGeometry;
}

export interface PictureOptions {
  /** White pixels between images; an integer >= 0, default 2. */
  readonly gap?: number;
  /** Each pixel becomes a square of this side; an integer >= 1, default 1. */
  readonly scale?: number;
}

/**
 * Puts images into rows, on white. Without labels the images touch the picture's edges; with labels there is a margin.
 * The images stand in it unchanged, so `picturesOf` gets them back byte for byte (when `scale` is 1).
 *
 * @throws VqkitError("data") for no images, rows of different lengths, or images of different sizes
 */
export async function pictureGrid(
  rows: readonly PictureRow[],
  options: PictureOptions = {},
): Promise<PictureGrid> {
  const { gap = 2, scale = 1 } = options;
  const first = checkRows(rows);
  const labelled = rows.some(({ label }) => label !== undefined);
  const margin = labelled ? MARGIN : 0;
  const geometry: PictureGeometry = {
    rows: rows.length,
    columns: rows[0]?.images.length ?? 0,
    cellWidth: first.width * scale,
    cellHeight: first.height * scale,
    gap,
    left: labelled ? MARGIN + labelWidth(rows) : 0,
    top: margin,
  };
  const last = cellOf(geometry, geometry.rows - 1, geometry.columns - 1);
  const width = last.left + last.width + margin;
  const height = last.top + last.height + margin;
  const layers: OverlayOptions[] = labelled ? [labelLayer(rows, geometry, { width, height })] : [];
  for (const [row, { images }] of rows.entries()) {
    for (const [column, image] of images.entries()) {
      const { top, left, ...size } = cellOf(geometry, row, column);
      const input = await toSharp(image)
        .resize({ ...size, fit: "fill", kernel: "nearest" })
        .png()
        .toBuffer();
      layers.push({ input, top, left });
    }
  }
  const canvas = sharp({ create: { width, height, channels: 3, background: "white" } });
  const png = await canvas.composite(layers).removeAlpha().png({ compressionLevel: 9 }).toBuffer();
  return { png, geometry };
}

/** The rectangle of a cell, both counted from 0. */
export function cellOf(geometry: PictureGeometry, row: number, column: number): Rect {
  const { cellWidth, cellHeight, gap, left, top } = geometry;
  return {
    top: top + row * (cellHeight + gap),
    left: left + column * (cellWidth + gap),
    height: cellHeight,
    width: cellWidth,
  };
}

/**
 * The images of a picture, row by row.
 *
 * @param png a PNG file that `pictureGrid` made, with its geometry
 * @param name names the picture in errors
 * @throws VqkitError("format") when it is no readable picture or smaller than its geometry says
 */
export async function picturesOf(
  png: Uint8Array,
  geometry: PictureGeometry,
  name = "picture",
): Promise<RgbImage[][]> {
  const image = await decodePicture(png, name);
  const last = cellOf(geometry, geometry.rows - 1, geometry.columns - 1);
  if (last.left + last.width > image.width || last.top + last.height > image.height) {
    const expected = `${last.left + last.width}×${last.top + last.height}`;
    throw new VqkitError(
      "format",
      `${name}: expected at least ${expected} pixels, got ${image.width}×${image.height}. It is another picture than the one described.`,
    );
  }
  return Array.from({ length: geometry.rows }, (_, row) =>
    Array.from({ length: geometry.columns }, (_, column) => cropImage(image, cellOf(geometry, row, column))),
  );
}

async function decodePicture(png: Uint8Array, name: string): Promise<RgbImage> {
  try {
    const { data, info } = await sharp(png)
      .removeAlpha()
      .toColourspace("srgb")
      .raw({ depth: "uchar" })
      .toBuffer({ resolveWithObject: true });
    return { pixels: new Uint8Array(data), height: info.height, width: info.width };
  } catch (error) {
    const reason = messageOf(error).trim().split("\n").at(-1) ?? "";
    throw new VqkitError("format", `${name}: expected a PNG picture, got ${reason}.`, { cause: error });
  }
}

function checkRows(rows: readonly PictureRow[]): RgbImage {
  const first = rows[0]?.images[0];
  if (first === undefined) throw new VqkitError("data", "picture: expected at least one image, got none.");
  const columns = rows[0]?.images.length ?? 0;
  for (const [row, { images }] of rows.entries()) {
    if (images.length !== columns) {
      throw new VqkitError(
        "data",
        `picture row ${row}: expected ${columns} images as in row 0, got ${images.length}.`,
      );
    }
    const odd = images.find(({ height, width }) => height !== first.height || width !== first.width);
    if (odd !== undefined) {
      throw new VqkitError(
        "data",
        `picture row ${row}: expected images of ${first.width}×${first.height}, got ${odd.width}×${odd.height}.`,
      );
    }
  }
  return first;
}

const MARGIN = 12;
const TITLE: LetteringStyle = { capHeight: 11, thickness: 1.9, colour: "#1f2328" };
const NOTE: LetteringStyle = { capHeight: 9.5, thickness: 1.2, colour: "#59636e" };
/** Between the two lines of a label. */
const LEADING = 9;

function linesOf({ label = "" }: PictureRow): [title: string, note: string] {
  const [title = "", note = ""] = label.split("\n");
  return [title, note];
}

function labelWidth(rows: readonly PictureRow[]): number {
  const widths = rows
    .map(linesOf)
    .flatMap(([title, note]) => [letteringWidth(title, TITLE), letteringWidth(note, NOTE)]);
  return Math.ceil(Math.max(...widths)) + MARGIN;
}

/** Every label half way up its row. */
function labelLayer(
  rows: readonly PictureRow[],
  geometry: PictureGeometry,
  { width, height }: Size,
): OverlayOptions {
  const texts = rows.map((row, i) => {
    const [title, note] = linesOf(row);
    const cell = cellOf(geometry, i, 0);
    const block = TITLE.capHeight + (note === "" ? 0 : LEADING + NOTE.capHeight);
    const y = cell.top + (cell.height - block) / 2 + TITLE.capHeight;
    const below = { x: MARGIN, y: y + LEADING + NOTE.capHeight };
    return lettering(title, { x: MARGIN, y }, TITLE) + lettering(note, below, NOTE);
  });
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">${texts.join("")}</svg>`;
  return { input: Buffer.from(svg), top: 0, left: 0 };
}
