import { evenlySpaced } from "../core/evenly.js";
import type { Random } from "../core/random.js";

/** Height and width in pixels. */
export interface Size {
  readonly height: number;
  readonly width: number;
}

/** A rectangle inside an image, in pixels from its top left corner. */
export interface Rect extends Size {
  readonly top: number;
  readonly left: number;
}

/** How large an image is to be made before crops are cut from it. */
export interface ResizeRule {
  /** Length in pixels that the shorter side gets, up or down; null keeps the image's size. Default null. */
  readonly resize?: number | null;
  /** Size that must fit into the result: an image still smaller than this is enlarged until it covers it. */
  readonly cover?: Size;
  /** Instead of both: the size to get, whatever the aspect ratio. */
  readonly exactly?: Size;
  /** Instead of both: the largest size of the image's aspect ratio inside this one, larger or smaller than the image. */
  readonly inside?: Size;
}

/**
 * The size an image is resized to. The aspect ratio is kept up to rounding to whole pixels (but for `exactly`), and
 * both rules together make one scale, so that no image is resampled twice.
 */
export function resizedSize(image: Size, rule: ResizeRule): Size {
  const { resize = null, cover = { height: 1, width: 1 }, exactly, inside } = rule;
  if (exactly !== undefined) return { height: exactly.height, width: exactly.width };
  if (inside !== undefined) return sizeInside(image, inside);
  const wanted = resize === null ? 1 : resize / Math.min(image.height, image.width);
  const scale = Math.max(wanted, cover.height / image.height, cover.width / image.width);
  return {
    height: Math.max(cover.height, Math.round(image.height * scale)),
    width: Math.max(cover.width, Math.round(image.width * scale)),
  };
}

function sizeInside(image: Size, frame: Size): Size {
  const scale = Math.min(frame.height / image.height, frame.width / image.width);
  // Rounding must not lead out of the frame, nor a long thin image to nothing.
  return {
    height: Math.min(frame.height, Math.max(1, Math.round(image.height * scale))),
    width: Math.min(frame.width, Math.max(1, Math.round(image.width * scale))),
  };
}

/** The crop in the middle; where the margin is odd, the extra pixel is below and to the right. */
export function centerCrop(image: Size, crop: Size): Rect {
  return {
    top: Math.floor((image.height - crop.height) / 2),
    left: Math.floor((image.width - crop.width) / 2),
    ...crop,
  };
}

/** A crop whose position is uniform over all that lie inside the image; draws twice from `random`. */
export function randomCrop(image: Size, crop: Size, random: Random): Rect {
  const top = random.integer(image.height - crop.height + 1);
  const left = random.integer(image.width - crop.width + 1);
  return { top, left, ...crop };
}

/**
 * Crops that do not overlap, for evaluation: the cells of the largest grid of whole crops, centred in the image, in
 * row-major order. Where the grid has more than `limit` cells, `limit` of them are chosen, spread evenly over rows and
 * columns.
 */
export function gridCrops(image: Size, crop: Size, limit: number): Rect[] {
  const rows = Math.floor(image.height / crop.height);
  const columns = Math.floor(image.width / crop.width);
  const top = Math.floor((image.height - rows * crop.height) / 2);
  const left = Math.floor((image.width - columns * crop.width) / 2);
  return spreadCells(rows, columns, limit).map(([row, column]) => ({
    top: top + row * crop.height,
    left: left + column * crop.width,
    ...crop,
  }));
}

/**
 * min(limit, rows·columns) cells of a grid as [row, column]. Choosing evenly in row-major order instead would put all
 * cells into one column whenever the stride is a multiple of the row's length; so rows are chosen first.
 */
function spreadCells(rows: number, columns: number, limit: number): [number, number][] {
  const total = Math.min(limit, rows * columns);
  if (total < 1) return [];
  // As many rows as keep the chosen cells about as far apart vertically as horizontally ...
  const balanced = Math.round(Math.sqrt((total * rows) / columns));
  // ... but enough for `total` cells to fit, and none without a cell.
  const used = Math.min(rows, total, Math.max(balanced, Math.ceil(total / columns)));
  return evenlySpaced(rows, used).flatMap((row, i) => {
    const share = Math.floor(((i + 1) * total) / used) - Math.floor((i * total) / used);
    return evenlySpaced(columns, share).map((column): [number, number] => [row, column]);
  });
}
