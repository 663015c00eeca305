/**
 * Resampling of square grids as matrices: `area` down and `bicubic` up, as PyTorch's `interpolate` has them.
 *
 * Computed in double precision and stored as float32: [to², from²], row by row, so that a grid [H*W, …] is resampled by
 * one matrix product. PyTorch rounds in another order; both agree to float32's precision.
 */

/** Mean of the cells that overlap: adaptive average pooling. Cell i covers ⌊i·from/to⌋ to ⌈(i+1)·from/to⌉ − 1. */
export function areaMatrix(from: number, to: number): Float32Array {
  const line = lineMatrix(from, to, (i, add) => {
    const start = Math.floor((i * from) / to);
    const end = Math.ceil(((i + 1) * from) / to);
    for (let j = start; j < end; j++) add(j, 1 / (end - start));
  });
  return bothWays(line, from, to);
}

/** Keys' cubic convolution with a = −0.75, corners not aligned, cells beyond the border as the one at it. */
export function bicubicMatrix(from: number, to: number): Float32Array {
  const line = lineMatrix(from, to, (i, add) => {
    const place = ((i + 0.5) * from) / to - 0.5;
    const first = Math.floor(place) - 1;
    for (let tap = 0; tap < 4; tap++) {
      const j = Math.min(from - 1, Math.max(0, first + tap));
      add(j, cubic(Math.abs(place - (first + tap))));
    }
  });
  return bothWays(line, from, to);
}

/** Keys 1981, https://doi.org/10.1109/TASSP.1981.1163711. */
function cubic(distance: number): number {
  const a = -0.75;
  if (distance <= 1) return ((a + 2) * distance - (a + 3)) * distance ** 2 + 1;
  if (distance >= 2) return 0;
  return (((distance - 5) * distance + 8) * distance - 4) * a;
}

function lineMatrix(
  from: number,
  to: number,
  fill: (row: number, add: (column: number, weight: number) => void) => void,
): Float64Array {
  const line = new Float64Array(to * from);
  for (let row = 0; row < to; row++) {
    fill(row, (column, weight) => {
      const at = row * from + column;
      line[at] = (line[at] as number) + weight;
    });
  }
  return line;
}

/** The same along rows and columns: the Kronecker product with itself. */
function bothWays(line: Float64Array, from: number, to: number): Float32Array {
  const at = (i: number, j: number): number => line[i * from + j] as number;
  return Float32Array.from({ length: (to * from) ** 2 }, (_, place) => {
    const [row, column] = [Math.floor(place / from ** 2), place % from ** 2];
    const rows = at(Math.floor(row / to), Math.floor(column / from));
    return rows * at(row % to, column % from);
  });
}
