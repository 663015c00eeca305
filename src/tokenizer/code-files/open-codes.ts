import { join } from "node:path";
import { z } from "zod";
import { parseConfig } from "../../core/config.js";
import { VqkitError } from "../../core/errors.js";
import { NpyStack, readMetrics } from "../../runs/index.js";
import type { CodedImage, IndexArray } from "../codes.js";
import { type CodeManifest, IMAGES_FILE, readCodeManifest } from "./manifest.js";

/** An image's place in a code folder. */
export interface ImageLine extends CodedImage {
  readonly stack: string;
  readonly row: number;
}

const whole = z.int().min(1);
const lineSchema = z.object({
  name: z.string().min(1),
  width: whole,
  height: whole,
  stack: z.string(),
  row: z.int().min(0),
});

/** A code folder whose stacks are known to be of the form that its manifest states. */
export class OpenCodes {
  readonly manifest: CodeManifest;
  readonly #dir: string;
  readonly #stacks: ReadonlyMap<string, NpyStack>;

  private constructor(dir: string, manifest: CodeManifest, stacks: ReadonlyMap<string, NpyStack>) {
    this.#dir = dir;
    this.manifest = manifest;
    this.#stacks = stacks;
  }

  /** @throws VqkitError("codes") when there is no code folder; VqkitError("format" | "file") */
  static async open(dir: string): Promise<OpenCodes> {
    const manifest = await readCodeManifest(dir);
    const { codebookSize, numCodebooks } = manifest;
    const dtype = codebookSize <= 65_536 ? "U16" : "U32";
    const stacks = new Map<string, NpyStack>();
    for (const { file, gridHeight, gridWidth, images } of manifest.stacks) {
      const stack = await NpyStack.open(join(dir, file));
      const expected = [images, gridHeight, gridWidth, numCodebooks].join(",");
      if (stack.dtype !== dtype || stack.shape.join(",") !== expected) {
        throw new VqkitError(
          "format",
          `${stack.path}: expected ${dtype} [${expected}] as in the manifest, got ${stack.dtype} [${stack.shape.join(",")}].`,
        );
      }
      stacks.set(file, stack);
    }
    return new OpenCodes(dir, manifest, stacks);
  }

  /**
   * Every image in the order of encoding; together they name each row of each stack once, in ascending order.
   *
   * @throws VqkitError("format") naming the line that breaks this; VqkitError("file")
   */
  async *lines(): AsyncGenerator<ImageLine, void, undefined> {
    const path = join(this.#dir, IMAGES_FILE);
    const taken = new Map<string, number>();
    let number = 0;
    const onTornLine = (torn: { readonly line: number }): never => {
      throw new VqkitError(
        "format",
        `${path} line ${torn.line}: expected an end of line. The file is cut short.`,
      );
    };
    for await (const record of readMetrics(path, { onTornLine })) {
      const line = this.#parseLine(record, `${path} line ${++number}`);
      const row = taken.get(line.stack) ?? 0;
      if (line.row !== row || row >= this.#stack(line.stack).rows) {
        throw new VqkitError(
          "format",
          `${path} line ${number}: expected row ${row} of ${line.stack}, got ${line.row}.`,
        );
      }
      taken.set(line.stack, row + 1);
      yield line;
    }
    if (number !== this.manifest.images) {
      throw new VqkitError(
        "format",
        `${path}: expected ${this.manifest.images} lines as in the manifest, got ${number}.`,
      );
    }
  }

  /**
   * Consecutive rows of a stack.
   *
   * @throws VqkitError("format") for an index that the codebook does not have; VqkitError("file")
   */
  async rows(
    file: string,
    { start, count }: { readonly start: number; readonly count: number },
  ): Promise<IndexArray> {
    const stack = this.#stack(file);
    const { codebookSize } = this.manifest;
    const data = (await stack.read(start, count)).data as IndexArray; // `open` checked the element type
    const rowLength = data.length / count;
    for (let i = 0; i < data.length; i++) {
      if ((data[i] as number) < codebookSize) continue;
      throw new VqkitError(
        "format",
        `${stack.path} row ${start + Math.floor(i / rowLength)}: expected indices in 0..${codebookSize - 1}, got ${data[i]}.`,
      );
    }
    return data;
  }

  #parseLine(record: unknown, where: string): ImageLine {
    try {
      const line = parseConfig(lineSchema, record, "");
      if (this.#stacks.has(line.stack)) return line;
      throw new VqkitError(
        "format",
        `stack: expected one of the manifest, got ${JSON.stringify(line.stack)}.`,
      );
    } catch (error) {
      throw error instanceof VqkitError ? new VqkitError("format", `${where}: ${error.message}`) : error;
    }
  }

  #stack(file: string): NpyStack {
    return this.#stacks.get(file) as NpyStack; // `open` and `#parseLine` know all names
  }
}
