/**
 * Format `jsonl`: one object an entry, for any program that reads JSON Lines.
 *
 *     codes.jsonl         {"name":"cat.jpg","width":47,"height":64,"shape":[16,12,1],"indices":[17,4,…]}
 */
import { join } from "node:path";
import { z } from "zod";
import { parseConfig } from "../../core/config.js";
import { VqkitError } from "../../core/errors.js";
import { JsonLineIndex, readJsonLines } from "../../files/index.js";
import { type CodedImage, type Codes, type IndexArray, indexArray } from "../codes.js";
import { imageFields, imageSchema } from "./image-fields.js";
import {
  type EntryCodes,
  type GridShape,
  indexFault,
  type Layout,
  type LayoutContext,
  type LayoutReader,
  type LayoutWriter,
} from "./layout.js";
import { asFormatError, type CodeManifest } from "./manifest.js";

const FILE = "codes.jsonl";
/** Room for 12 million indices. */
const MAX_LINE = 2 ** 27;
/** Characters that are written at once. */
const WRITTEN_AT_ONCE = 2 ** 20;

export const jsonlLayout: Layout = {
  writer: async (context) => new JsonlWriter(context),
  reader: async (dir, manifest) => new JsonlReader(dir, manifest),
};

class JsonlWriter implements LayoutWriter {
  readonly pending = 0;
  readonly #context: LayoutContext;

  constructor(context: LayoutContext) {
    this.#context = context;
  }

  async add({ images, indices, shape: [, ...shape] }: Codes): Promise<void> {
    const length = indices.length / images.length;
    let text = "";
    for (const [i, image] of images.entries()) {
      const own = [...indices.subarray(i * length, (i + 1) * length)];
      text += `${JSON.stringify({ ...imageFields(image), shape, indices: own })}\n`;
      if (text.length < WRITTEN_AT_ONCE && i < images.length - 1) continue;
      await this.#context.files.append(FILE, Buffer.from(text));
      text = "";
    }
  }

  async complete(): Promise<string[]> {
    return [FILE];
  }
}

const whole = z.int().min(1);
const lineSchema = imageSchema.extend({
  shape: z.tuple([whole, whole, whole]),
  // Thousands of numbers are checked faster by hand.
  indices: z.custom<readonly unknown[]>((value) => Array.isArray(value), "expected a list"),
});

class JsonlReader implements LayoutReader {
  readonly #path: string;
  readonly #codebookSize: number;
  readonly #numCodebooks: number;
  readonly #lines: JsonLineIndex;

  constructor(dir: string, { codebookSize, numCodebooks }: CodeManifest) {
    this.#path = join(dir, FILE);
    this.#codebookSize = codebookSize;
    this.#numCodebooks = numCodebooks;
    this.#lines = new JsonLineIndex(this.#path, { maxLine: MAX_LINE });
  }

  async *entries(): AsyncGenerator<EntryCodes, void, undefined> {
    for await (const { value, line } of readJsonLines(this.#path, { maxLine: MAX_LINE })) {
      yield this.#parse(value, line);
    }
  }

  async entry(index: number): Promise<EntryCodes> {
    const { value, line } = await this.#lines.read(index);
    return this.#parse(value, line);
  }

  #parse(value: unknown, line: number): EntryCodes {
    const where = `${this.#path} line ${line}`;
    try {
      const { shape, indices, ...image } = parseConfig(lineSchema, value, "");
      const [gridHeight, gridWidth, codebooks] = shape;
      if (codebooks !== this.#numCodebooks || indices.length !== gridHeight * gridWidth * codebooks) {
        throw new VqkitError(
          "format",
          `image ${JSON.stringify(image.name)}: expected shape [H,W,${this.#numCodebooks}] and as many indices, got [${shape.join(",")}] and ${indices.length}.`,
        );
      }
      return { image, gridHeight, gridWidth, indices: this.#indices(indices, image, shape) };
    } catch (error) {
      throw asFormatError(error, where);
    }
  }

  #indices(values: readonly unknown[], { name }: CodedImage, shape: GridShape): IndexArray {
    const indices = indexArray(this.#codebookSize, values.length);
    for (const [i, value] of values.entries()) {
      if (!Number.isInteger(value) || (value as number) < 0 || (value as number) >= this.#codebookSize) {
        throw indexFault(value, { name, at: i, shape, codebookSize: this.#codebookSize });
      }
      indices[i] = value as number;
    }
    return indices;
  }
}
