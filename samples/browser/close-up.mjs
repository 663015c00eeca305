import { drawPixels } from "./pixels.mjs";

/** Cells on each side of the one in the middle. */
const REACH = 4;

/**
 * Draws the part of an image around a cell, enlarged by the page, and puts the marker on the cell. At the border of the
 * image the part moves inwards.
 *
 * @param {{width: number, height: number, pixels: Uint8Array}} image
 * @param {{row: number, column: number}} cell
 * @param {number} factor pixels of a cell's side
 */
export function drawCloseUp(canvas, image, cell, factor) {
  const side = (2 * REACH + 1) * factor;
  const [top, height] = span(cell.row * factor, side, image.height, factor);
  const [left, width] = span(cell.column * factor, side, image.width, factor);
  const pixels = new Uint8Array(3 * width * height);
  for (let y = 0; y < height; y++) {
    const from = 3 * ((top + y) * image.width + left);
    pixels.set(image.pixels.subarray(from, from + 3 * width), 3 * y * width);
  }
  drawPixels(canvas, { pixels, width, height });
  const percent = (pixelsOf, whole) => `${(100 * pixelsOf) / whole}%`;
  Object.assign(canvas.parentElement.querySelector(".marker").style, {
    left: percent(cell.column * factor - left, width),
    top: percent(cell.row * factor - top, height),
    width: percent(Math.min(factor, left + width - cell.column * factor), width),
    height: percent(Math.min(factor, top + height - cell.row * factor), height),
  });
}

/** Start and length of the part along one axis. */
function span(at, side, whole, factor) {
  const length = Math.min(side, whole);
  return [Math.min(whole - length, Math.max(0, at - REACH * factor)), length];
}
