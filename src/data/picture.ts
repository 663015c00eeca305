import sharp, { type OverlayOptions } from "sharp";
import { messageOf, VqkitError } from "../core/errors.js";
import type { Rect } from "./geometry.js";
import { cropImage, type RgbImage, toSharp } from "./images.js";

/** One row of a picture: images side by side. */
export interface PictureRow {
  /** Written left of the row; a second line after "\n" is written smaller. */
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
const LABEL_SIZE = 15;
const NOTE_SIZE = 13;

function labelWidth(rows: readonly PictureRow[]): number {
  const widths = rows.flatMap(({ label = "" }) => {
    const [title = "", note = ""] = label.split("\n");
    return [title.length * LABEL_SIZE, note.length * NOTE_SIZE];
  });
  return Math.ceil(0.62 * Math.max(...widths)) + MARGIN;
}

function labelLayer(
  rows: readonly PictureRow[],
  geometry: PictureGeometry,
  size: { readonly width: number; readonly height: number },
): OverlayOptions {
  const texts = rows.map(({ label = "" }, row) => {
    const [title = "", note = ""] = label.split("\n");
    const { top, height } = cellOf(geometry, row, 0);
    const middle = top + height / 2;
    const baseline = note === "" ? middle + LABEL_SIZE / 3 : middle - 3;
    return (
      `<text x="${MARGIN}" y="${baseline}" font-size="${LABEL_SIZE}" font-weight="bold" fill="#1b1f24">${escapeXml(title)}</text>` +
      `<text x="${MARGIN}" y="${baseline + 19}" font-size="${NOTE_SIZE}" fill="#57606a">${escapeXml(note)}</text>`
    );
  });
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${size.width}" height="${size.height}" font-family="DejaVu Sans, Helvetica, Arial, sans-serif">${texts.join("")}</svg>`;
  return { input: Buffer.from(svg), top: 0, left: 0 };
}

function escapeXml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
