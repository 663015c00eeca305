import { VqkitError } from "../core/errors.js";
import { withReader } from "./bounded-reader.js";
import { encodeNpyHeader, type NpyHeader, readNpyHeader } from "./npy.js";
import { StagedFile } from "./staged-file.js";
import { bytesOf, bytesPerElement, type StoredTensor, type TensorDtype, tensorOver } from "./tensor-data.js";

/** Room for the header of any stack of up to four sides, so that the number of rows can be filled in at the end. */
const HEADER_BYTES = 192;

/** What every row of a stack has in common. */
export interface StackRow {
  readonly dtype: TensorDtype;
  /** Shape of one row; the file's shape is [rows, ...shape]. */
  readonly shape: readonly number[];
}

/** Writes one .npy file row by row, in memory bounded by what is appended at once; it appears whole or not at all. */
export class NpyStackWriter {
  readonly path: string;
  readonly row: StackRow;
  readonly #file: StagedFile;
  #rows = 0;

  private constructor(file: StagedFile, row: StackRow) {
    this.path = file.path;
    this.row = row;
    this.#file = file;
  }

  /** @throws VqkitError("file"), as all methods do; VqkitError("format") for a row of more than three sides */
  static async create(path: string, row: StackRow): Promise<NpyStackWriter> {
    if (row.shape.length > 3) {
      throw new VqkitError("format", `${path}: expected rows of at most 3 sides, got ${row.shape.length}.`);
    }
    const writer = new NpyStackWriter(await StagedFile.create(path), row);
    await writer.#file.append(writer.#header());
    return writer;
  }

  /** Rows appended so far. */
  get rows(): number {
    return this.#rows;
  }

  /** Appends rows. @throws VqkitError("format") when type or length are not those of whole rows */
  async append(data: StoredTensor["data"]): Promise<void> {
    const { dtype, shape } = this.row;
    const rows = data.length / product(shape);
    const stored = { dtype, shape: [rows, ...shape], data } as StoredTensor;
    if (!Number.isSafeInteger(rows) || bytesPerElement(dtype) !== data.BYTES_PER_ELEMENT) {
      throw new VqkitError(
        "format",
        `${this.path}: expected rows of ${dtype} [${shape.join(",")}], got ${data.length} values of ${data.constructor.name}.`,
      );
    }
    await this.#file.append(bytesOf(stored));
    this.#rows += rows;
  }

  /** Fills the number of rows in and puts the file into place. */
  async commit(): Promise<void> {
    await this.#file.rewriteStart(this.#header());
    await this.#file.commit();
  }

  /** Gives the file up; what stood in its place stands. */
  async discard(): Promise<void> {
    await this.#file.discard();
  }

  #header(): Uint8Array {
    const { dtype, shape } = this.row;
    return encodeNpyHeader({ dtype, shape: [this.#rows, ...shape] }, this.path, { length: HEADER_BYTES });
  }
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
