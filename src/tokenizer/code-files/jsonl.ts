/**
 * Format `jsonl`: one object an entry, for any program that reads JSON Lines.
 *
 *     codes.jsonl         {"name":"cat.jpg","width":47,"height":64,"shape":[16,12,1],"indices":[17,4,…]}
 */
import { join } from "node:path";
import { z } from "zod";
import { parseConfig } from "../../core/config.js";
import { formatError, JsonLineIndex, readJsonLines, type StagedFiles } from "../../files/index.js";
import type { Codes } from "../codes.js";
import { asFormatError, type CodeContents } from "./contents.js";
import { type EntryCodes, entriesOf, imageFields, imageSchema, indicesFrom } from "./entry.js";
import type { Format, FormatContext, FormatReader, FormatWriter } from "./format.js";

const FILE = "codes.jsonl";
/** Room for 12 million indices. */
const MAX_LINE = 2 ** 27;
/** Characters that are written at once. */
const WRITTEN_AT_ONCE = 2 ** 20;

export const jsonlFormat: Format = {
  isFile: (name) => name === FILE,
  usesTokens: false,
  writer: (context) => new JsonlWriter(context),
  reader: async (dir, contents) => new JsonlReader(dir, contents),
  standalone: undefined,
};

class JsonlWriter implements FormatWriter {
  readonly pending = 0;
  readonly #files: StagedFiles;

  constructor({ files }: FormatContext) {
    this.#files = files;
  }

  async add(codes: Codes): Promise<void> {
    const [, ...shape] = codes.shape;
    let text = "";
    for (const { image, indices } of entriesOf(codes)) {
      text += `${JSON.stringify({ ...imageFields(image), shape, indices: [...indices] })}\n`;
      if (text.length < WRITTEN_AT_ONCE) continue;
      await this.#files.append(FILE, Buffer.from(text));
      text = "";
    }
    if (text !== "") await this.#files.append(FILE, Buffer.from(text));
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

class JsonlReader implements FormatReader {
  readonly #path: string;
  readonly #contents: CodeContents;
  readonly #lines: JsonLineIndex;

  constructor(dir: string, contents: CodeContents) {
    this.#path = join(dir, FILE);
    this.#contents = contents;
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
    const { codebookSize, numCodebooks } = this.#contents;
    try {
      const { shape, indices: values, ...image } = parseConfig(lineSchema, value, "");
      const [gridHeight, gridWidth, codebooks] = shape;
      if (codebooks !== numCodebooks || values.length !== gridHeight * gridWidth * codebooks) {
        throw formatError(
          `image ${JSON.stringify(image.name)}`,
          `expected shape [H,W,${numCodebooks}] and as many indices, got [${shape.join(",")}] and ${values.length}.`,
        );
      }
      const indices = indicesFrom(values, { name: image.name, gridWidth, codebookSize, numCodebooks });
      return { image, gridHeight, gridWidth, indices };
    } catch (error) {
      throw asFormatError(error, `${this.#path} line ${line}`);
    }
  }
}
