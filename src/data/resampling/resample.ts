import type { RgbImage } from "../images.js";
import type { AxisWeights } from "./weights.js";

/** Weights of rows and of columns. */
export interface ImageWeights {
  readonly rows: AxisWeights;
  readonly columns: AxisWeights;
}

/** Bits behind the point in Pillow's integer weights. */
const PRECISION = 22;

/**
 * Resamples 8-bit pixels as Pillow does, to the bit: columns before rows, each with integer weights, and rounded to bytes
 * in between. An axis that keeps its length is left alone.
 */
export function resampleBytes(image: RgbImage, { rows, columns }: ImageWeights): RgbImage {
  const across = columns.from === columns.to ? image : alongRows(image, columns);
  return rows.from === rows.to ? across : alongColumns(across, rows);
}

/** Weights times 2^22, halves away from zero. */
function integerWeights({ weights }: AxisWeights): readonly Int32Array[] {
  return weights.map((each) =>
    Int32Array.from(each, (value) => Math.trunc(value * 2 ** PRECISION + (value < 0 ? -0.5 : 0.5))),
  );
}

function toByte(sum: number): number {
  return Math.min(255, Math.max(0, sum >> PRECISION));
}

function alongRows({ pixels, height, width }: RgbImage, axis: AxisWeights): RgbImage {
  const weights = integerWeights(axis);
  const out = new Uint8Array(height * axis.to * 3);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < axis.to; x++) {
      const taps = weights[x] as Int32Array;
      const from = (y * width + (axis.starts[x] as number)) * 3;
      sumTaps({ pixels, from, step: 3, taps }, out, (y * axis.to + x) * 3);
    }
  }
  return { pixels: out, height, width: axis.to };
}

function alongColumns({ pixels, width }: RgbImage, axis: AxisWeights): RgbImage {
  const weights = integerWeights(axis);
  const row = width * 3;
  const out = new Uint8Array(axis.to * row);
  for (let y = 0; y < axis.to; y++) {
    const taps = weights[y] as Int32Array;
    for (let x = 0; x < width; x++) {
      const from = (axis.starts[y] as number) * row + x * 3;
      sumTaps({ pixels, from, step: row, taps }, out, y * row + x * 3);
    }
  }
  return { pixels: out, height: axis.to, width };
}

interface Taps {
  readonly pixels: Uint8Array;
  readonly from: number;
  readonly step: number;
  readonly taps: Int32Array;
}

function sumTaps({ pixels, from, step, taps }: Taps, out: Uint8Array, to: number): void {
  for (let channel = 0; channel < 3; channel++) {
    let sum = 1 << (PRECISION - 1);
    for (let i = 0; i < taps.length; i++) {
      sum += (taps[i] as number) * (pixels[from + i * step + channel] as number);
    }
    out[to + channel] = toByte(sum);
  }
}

/**
 * Resamples pixels in double precision, columns before rows; between the two passes values are rounded to float32, as
 * Pillow keeps them.
 *
 * @returns [rows.to, columns.to, 3] on the scale of bytes, neither rounded nor clamped
 */
export function resampleFloats(
  { pixels, height, width }: RgbImage,
  { rows, columns }: ImageWeights,
): Float32Array {
  const across = new Float32Array(height * columns.to * 3);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < columns.to; x++) {
      const taps = columns.weights[x] as Float64Array;
      const from = (y * width + (columns.starts[x] as number)) * 3;
      for (let channel = 0; channel < 3; channel++) {
        let sum = 0;
        for (let i = 0; i < taps.length; i++) {
          sum += (taps[i] as number) * (pixels[from + i * 3 + channel] as number);
        }
        across[(y * columns.to + x) * 3 + channel] = sum;
      }
    }
  }
  return downRows(across, columns.to * 3, rows);
}

function downRows(values: Float32Array, row: number, axis: AxisWeights): Float32Array {
  const out = new Float32Array(axis.to * row);
  for (let y = 0; y < axis.to; y++) {
    const taps = axis.weights[y] as Float64Array;
    const first = (axis.starts[y] as number) * row;
    for (let x = 0; x < row; x++) {
      let sum = 0;
      for (let i = 0; i < taps.length; i++)
        sum += (taps[i] as number) * (values[first + i * row + x] as number);
      out[y * row + x] = sum;
    }
  }
  return out;
}
