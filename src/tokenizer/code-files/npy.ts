/**
 * Format `npy`: one stack a latent grid, for NumPy.
 *
 *     images.jsonl        one object an entry, in the order of encoding: name, width, height, stack, row
 *     codes-16x12.npy     every entry with a latent grid of 16 rows and 12 columns: [entries, 16, 12, Q], uint16 or uint32
 */
import { join } from "node:path";
import { z } from "zod";
import { parseConfig } from "../../core/config.js";
import {
  encodeStackHeader,
  formatError,
  JsonLineIndex,
  NpyStack,
  readJsonLines,
  STACK_HEADER_BYTES,
  type StackRow,
} from "../../files/index.js";
import type { Codes, IndexArray } from "../codes.js";
import { asFormatError, type CodeContents, type CodeGrid } from "./contents.js";
import { type EntryCodes, imageFields, imageSchema, indexDtype } from "./entry.js";
import type { Format, FormatContext, FormatReader, FormatWriter } from "./format.js";

const IMAGES_FILE = "images.jsonl";
const MAX_LINE = 2 ** 20;
/** Of each stack, in bytes. */
const READ_AHEAD = 2 ** 18;

export const npyFormat: Format = {
  isFile: (name) => name === IMAGES_FILE || /^codes-\d+x\d+\.npy$/.test(name),
  usesTokens: false,
  writer: (context) => new NpyWriter(context),
  reader: (dir, contents) => NpyReader.open(dir, contents),
  standalone: undefined,
};

/** The stack of a latent grid: `codes-16x12.npy`. */
function stackFile({ gridHeight, gridWidth }: Pick<CodeGrid, "gridHeight" | "gridWidth">): string {
  return `codes-${gridHeight}x${gridWidth}.npy`;
}

class NpyWriter implements FormatWriter {
  readonly pending = 0;
  readonly #context: FormatContext;

  constructor(context: FormatContext) {
    this.#context = context;
  }

  async add(codes: Codes): Promise<void> {
    const { files } = this.#context;
    const [, gridHeight, gridWidth] = codes.shape;
    const stack = stackFile({ gridHeight, gridWidth });
    const row = this.#row(gridHeight, gridWidth);
    if (files.length(stack) === 0) await files.append(stack, encodeStackHeader(row, 0));
    const first = this.#rows(stack, row);
    const { buffer, byteOffset, byteLength } = codes.indices;
    await files.append(stack, new Uint8Array(buffer, byteOffset, byteLength));
    const lines = codes.images.map((image, i) =>
      JSON.stringify({ ...imageFields(image), stack, row: first + i }),
    );
    await files.append(IMAGES_FILE, Buffer.from(`${lines.join("\n")}\n`));
  }

  async complete({ grids }: Pick<CodeContents, "grids">): Promise<string[]> {
    const { files } = this.#context;
    for (const { gridHeight, gridWidth, entries } of grids) {
      const header = encodeStackHeader(this.#row(gridHeight, gridWidth), entries);
      await files.rewriteStart(stackFile({ gridHeight, gridWidth }), header);
    }
    return [IMAGES_FILE, ...grids.map(stackFile)];
  }

  #row(gridHeight: number, gridWidth: number): StackRow {
    const { codebookSize, numCodebooks } = this.#context.kind;
    return { dtype: indexDtype(codebookSize), shape: [gridHeight, gridWidth, numCodebooks] };
  }

  #rows(stack: string, { dtype, shape }: StackRow): number {
    const rowBytes = shape.reduce((product, side) => product * side, dtype === "U16" ? 2 : 4);
    return (this.#context.files.length(stack) - STACK_HEADER_BYTES) / rowBytes;
  }
}

const lineSchema = imageSchema.extend({ stack: z.string(), row: z.int().min(0) });
type ImageLine = z.output<typeof lineSchema>;

class NpyReader implements FormatReader {
  readonly #path: string;
  readonly #stacks: ReadonlyMap<string, NpyStack>;
  readonly #lines: JsonLineIndex;

  private constructor(dir: string, stacks: ReadonlyMap<string, NpyStack>) {
    this.#path = join(dir, IMAGES_FILE);
    this.#stacks = stacks;
    this.#lines = new JsonLineIndex(this.#path, { maxLine: MAX_LINE });
  }

  static async open(dir: string, { codebookSize, numCodebooks, grids }: CodeContents): Promise<NpyReader> {
    const dtype = indexDtype(codebookSize);
    const stacks = new Map<string, NpyStack>();
    for (const grid of grids) {
      const file = stackFile(grid);
      const stack = await NpyStack.open(join(dir, file));
      const expected = [grid.entries, grid.gridHeight, grid.gridWidth, numCodebooks].join(",");
      if (stack.dtype !== dtype || stack.shape.join(",") !== expected) {
        const got = `${stack.dtype} [${stack.shape.join(",")}]`;
        throw formatError(stack.path, `expected ${dtype} [${expected}] as in the manifest, got ${got}.`);
      }
      stacks.set(file, stack);
    }
    return new NpyReader(dir, stacks);
  }

  /** The lines name each row of each stack once, in ascending order, so that rows can be read ahead. */
  async *entries(): AsyncGenerator<EntryCodes, void, undefined> {
    const rows = new Map([...this.#stacks].map(([file, stack]) => [file, new RowsAhead(stack)]));
    for await (const { value, line } of readJsonLines(this.#path, { maxLine: MAX_LINE })) {
      const parsed = this.#parse(value, line);
      const ahead = rows.get(parsed.stack) as RowsAhead; // `#parse` knows all names
      if (parsed.row !== ahead.next) {
        const where = `${this.#path} line ${line}`;
        throw formatError(where, `expected row ${ahead.next} of ${parsed.stack}, got ${parsed.row}.`);
      }
      yield entryCodes(parsed, ahead.stack, await ahead.take());
    }
  }

  async entry(index: number): Promise<EntryCodes> {
    const { value, line } = await this.#lines.read(index);
    const parsed = this.#parse(value, line);
    const stack = this.#stacks.get(parsed.stack) as NpyStack;
    const { data } = await stack.read(parsed.row, 1);
    return entryCodes(parsed, stack, data as IndexArray); // `open` checked the element type
  }

  #parse(value: unknown, line: number): ImageLine {
    try {
      const parsed = parseConfig(lineSchema, value, "");
      if (this.#stacks.has(parsed.stack)) return parsed;
      throw formatError(
        "stack",
        `expected one of the manifest's grids, got ${JSON.stringify(parsed.stack)}.`,
      );
    } catch (error) {
      throw asFormatError(error, `${this.#path} line ${line}`);
    }
  }
}

/** The rows of a stack one after another, several read at once. */
class RowsAhead {
  readonly stack: NpyStack;
  next = 0;
  readonly #step: number;
  #rows: IndexArray = new Uint16Array();
  #start = 0;

  constructor(stack: NpyStack) {
    this.stack = stack;
    this.#step = Math.max(1, Math.floor(READ_AHEAD / (4 * rowLength(stack))));
  }

  /** @throws VqkitError("format") when there are no more */
  async take(): Promise<IndexArray> {
    const length = rowLength(this.stack);
    if ((this.next - this.#start) * length >= this.#rows.length) {
      const count = Math.max(1, Math.min(this.#step, this.stack.rows - this.next));
      this.#rows = (await this.stack.read(this.next, count)).data as IndexArray;
      this.#start = this.next;
    }
    const at = (this.next++ - this.#start) * length;
    return this.#rows.subarray(at, at + length);
  }
}

function rowLength(stack: NpyStack): number {
  return stack.shape.slice(1).reduce((product, side) => product * side, 1);
}

function entryCodes(
  { stack: _, row, ...image }: ImageLine,
  stack: NpyStack,
  indices: IndexArray,
): EntryCodes {
  const [, gridHeight = 0, gridWidth = 0] = stack.shape;
  return { image, gridHeight, gridWidth, indices };
}
