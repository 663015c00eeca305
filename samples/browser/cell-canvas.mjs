/**
 * A canvas over a grid of cells with a marker on one of them. It stands in a frame, which has the keyboard's focus.
 *
 * `onPoint(row, column)` is told of a cell that is clicked, `onMove(row, column)` of one that arrow keys lead to; `onKey`
 * gets other keys and returns whether it took them.
 */
export class CellCanvas {
  #marker;
  #rows = 1;
  #columns = 1;
  /** Share of the canvas that the cells cover: the last ones may reach beyond an image. */
  #extent = { width: 1, height: 1 };
  row = 0;
  column = 0;

  constructor(canvas, { onPoint, onMove, onKey }) {
    this.#marker = canvas.parentElement.querySelector(".marker");
    canvas.addEventListener("click", (event) => {
      const box = canvas.getBoundingClientRect();
      const place = (at, size, share, count) => Math.min(count - 1, Math.floor((at / size / share) * count));
      const column = place(event.clientX - box.left, box.width, this.#extent.width, this.#columns);
      const row = place(event.clientY - box.top, box.height, this.#extent.height, this.#rows);
      onPoint(Math.max(0, row), Math.max(0, column));
    });
    canvas.parentElement.addEventListener("keydown", (event) => {
      const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
      if (step === undefined) {
        if (onKey(event.key)) event.preventDefault();
        return;
      }
      event.preventDefault();
      const within = (value, count) => Math.min(count - 1, Math.max(0, value));
      onMove(within(this.row + step[0], this.#rows), within(this.column + step[1], this.#columns));
    });
  }

  /** @param extent cells over canvas, e.g. 1.02 where the last column is cut */
  resize(rows, columns, extent = { width: 1, height: 1 }) {
    [this.#rows, this.#columns, this.#extent] = [rows, columns, extent];
  }

  /** Puts the marker on a cell. */
  mark(row, column) {
    [this.row, this.column] = [row, column];
    const percent = (share, count) => `${(100 * share) / count}%`;
    const { width, height } = this.#extent;
    Object.assign(this.#marker.style, {
      left: percent(width * column, this.#columns),
      top: percent(height * row, this.#rows),
      width: percent(width, this.#columns),
      height: percent(height, this.#rows),
    });
  }
}
