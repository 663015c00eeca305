import { colourOf } from "./pixels.mjs";

/** More codes than this are not shown; any number can be typed. */
const MOST_SHOWN = 4096;

/** What each code looks like: decoded alone, as an image of one cell. */
export class Codebook {
  /** Codes shown. */
  count;
  columns;
  rows;
  /** Side of a code's picture in pixels: the downsampling factor. */
  side;
  #pixels;
  #order;

  static async of(tokenizer) {
    const { codebookSize, numCodebooks } = tokenizer.facts;
    const count = Math.min(codebookSize, MOST_SHOWN);
    const indices = Int32Array.from({ length: count * numCodebooks }, (_, i) => Math.floor(i / numCodebooks));
    const decoded = await tokenizer.decode({ indices, shape: [count, 1, 1, numCodebooks] });
    return new Codebook(count, decoded);
  }

  constructor(count, { pixels, width }) {
    this.count = count;
    this.columns = Math.ceil(Math.sqrt(count));
    this.rows = Math.ceil(count / this.columns);
    this.side = width;
    this.#pixels = pixels;
  }

  /** Draws a grid of codes by what each looks like alone. */
  drawCodes(canvas, indices, [rows, columns]) {
    const { side } = this;
    const image = new ImageData(columns * side, rows * side);
    for (const [cell, index] of indices.entries()) {
      const [top, left] = [Math.floor(cell / columns) * side, (cell % columns) * side];
      for (let y = 0; y < side; y++)
        for (let x = 0; x < side; x++) {
          const to = 4 * ((top + y) * image.width + left + x);
          if (index < this.count) {
            const from = 3 * ((index * side + y) * side + x);
            for (let c = 0; c < 3; c++) image.data[to + c] = this.#pixels[from + c];
          } else for (const [c, value] of colourOf(index).entries()) image.data[to + c] = value;
          image.data[to + 3] = 255;
        }
    }
    show(canvas, image);
  }

  /** Draws all codes, those of `indices` first, by how often they stand there; the rest by number. */
  drawAll(canvas, indices) {
    const uses = new Uint32Array(this.count);
    for (const index of indices) if (index < this.count) uses[index]++;
    this.#order = Array.from(uses.keys()).sort((a, b) => uses[b] - uses[a] || a - b);
    this.drawCodes(canvas, this.#order, [this.rows, this.columns]);
  }

  /** The code drawn at a place; the last row may be shorter than the others. */
  codeAt(row, column) {
    return this.#order[Math.min(this.count - 1, row * this.columns + column)];
  }

  /** Where a code is drawn. */
  placeOf(code) {
    const at = this.#order.indexOf(code);
    return [Math.floor(at / this.columns), at % this.columns];
  }
}

/** Draws a grid of codes by a colour a number. */
export function drawNumbers(canvas, indices, [rows, columns]) {
  const image = new ImageData(columns, rows);
  for (const [cell, index] of indices.entries()) {
    for (const [c, value] of colourOf(index).entries()) image.data[4 * cell + c] = value;
    image.data[4 * cell + 3] = 255;
  }
  show(canvas, image);
}

function show(canvas, image) {
  [canvas.width, canvas.height] = [image.width, image.height];
  canvas.getContext("2d").putImageData(image, 0, 0);
}
