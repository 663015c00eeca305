import { VqkitError } from "../core/errors.js";
import { withReader } from "./bounded-reader.js";
import { encodeNpyHeader, type NpyHeader, readNpyHeader } from "./npy.js";
import { bytesPerElement, type StoredTensor, type TensorDtype, tensorOver } from "./tensor-data.js";

/**
 * Bytes before the values of a stack that is written row by row: room for any stack of up to four sides, so that the
 * number of rows can be filled in at the end.
 */
export const STACK_HEADER_BYTES = 192;

/** What every row of a stack has in common. */
export interface StackRow {
  readonly dtype: TensorDtype;
  /** Shape of one row, at most three sides; the file's shape is [rows, ...shape]. */
  readonly shape: readonly number[];
}

/** The first `STACK_HEADER_BYTES` bytes of a stack; rows follow in C order. @throws VqkitError("format") for a row of more than three sides */
export function encodeStackHeader({ dtype, shape }: StackRow, rows: number): Uint8Array {
  if (shape.length > 3) {
    throw new VqkitError("format", `npy stack: expected rows of at most 3 sides, got ${shape.length}.`);
  }
  return encodeNpyHeader({ dtype, shape: [rows, ...shape] }, "npy stack", { length: STACK_HEADER_BYTES });
}

/** Reads a .npy file by rows: its first side counts them. Nothing is open between calls. */
export class NpyStack {
  readonly path: string;
  readonly dtype: TensorDtype;
  /** [rows, ...the shape of a row] */
  readonly shape: readonly number[];
  readonly #dataStart: number;

  private constructor(path: string, { dtype, shape, dataStart }: NpyHeader) {
    this.path = path;
    this.dtype = dtype;
    this.shape = shape;
    this.#dataStart = dataStart;
  }

  /** @throws VqkitError("format") as `readNpy`, or for a single value; VqkitError("file") */
  static async open(path: string): Promise<NpyStack> {
    const header = await withReader(path, readNpyHeader);
    if (header.shape.length === 0) {
      throw new VqkitError("format", `${path}: expected at least one side, got a single value.`);
    }
    return new NpyStack(path, header);
  }

  get rows(): number {
    return this.shape[0] as number;
  }

  /**
   * Rows `start` to `start + count`, in memory of their own.
   *
   * @throws VqkitError("format") when the stack has no such rows; VqkitError("file")
   */
  async read(start: number, count: number): Promise<StoredTensor> {
    if (start < 0 || count < 0 || start + count > this.rows) {
      throw new VqkitError(
        "format",
        `${this.path}: expected rows within 0..${this.rows - 1}, got ${start}..${start + count - 1}.`,
      );
    }
    const shape = [count, ...this.shape.slice(1)];
    const rowBytes = product(this.shape.slice(1)) * bytesPerElement(this.dtype);
    const bytes = await withReader(this.path, (reader) =>
      reader.read(this.#dataStart + start * rowBytes, count * rowBytes),
    );
    return tensorOver(this.dtype, shape, bytes.buffer);
  }
}

function product(sides: readonly number[]): number {
  return sides.reduce((total, side) => total * side, 1);
}
