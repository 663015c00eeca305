import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import path from "node:path";
import { z } from "zod";
import { parseConfig } from "../../core/config.js";
import { VqkitError } from "../../core/errors.js";
import { cutSource, type SourceFile, type SourcePiece } from "../../data/index.js";
import {
  formatError,
  JsonLineIndex,
  makeFolder,
  readFormattedFile,
  readJsonLines,
  writeFully,
  writeJsonFile,
} from "../../files/index.js";
import { imageViews } from "../../tokenizer/index.js";
import type { SharedFolder } from "../shared-folder.js";

const PIECES_FILE = "pieces.jsonl";
const PLAN_FILE = "plan.json";
const FORMAT = { format: "vqkit-encode-plan", formatVersion: 1 } as const;
/** A piece of a hundred thousand names fits. */
const MAX_LINE = 2 ** 26;

const side = z.int().min(1);

const planSchema = z.object({
  pieces: z.int().min(1),
  /** SHA-256 of pieces.jsonl. */
  piecesDigest: z.string(),
  /** As `Tokenizer.encodeAll` takes them. */
  options: z.strictObject({
    policy: z.enum(["native", "resize", "crop", "pad", "tile"]),
    size: z.tuple([side, side]).exactOptional(),
    overlap: z.int().min(0).exactOptional(),
    views: z.enum(imageViews).exactOptional(),
    cropRange: z.number().exactOptional(),
    batchSize: z.int().min(1),
    maxPixels: z.int().min(1),
    allowOversize: z.boolean(),
  }),
  column: z.string().exactOptional(),
  imageKey: z.string().exactOptional(),
  /** The model's name in the shared folder; null where it lies elsewhere. */
  model: z.string().nullable(),
  fingerprint: z.string(),
});

/** What an encoding is to do, for all its pieces alike. */
export type EncodePlan = z.output<typeof planSchema>;

const fileSchema = z.strictObject({
  /** In the shared folder. */
  file: z.string().min(1),
  name: z.string(),
  group: z.int().min(0).exactOptional(),
});
const pieceSchema = z.object({
  files: z.array(fileSchema).min(1),
  images: z.int().min(0).exactOptional(),
});

/** What decides what the pieces become: the same work has the same id. */
export function planId({ model: _, ...plan }: EncodePlan): string {
  return createHash("sha256").update(JSON.stringify(plan)).digest("hex").slice(0, 16);
}

/** The pieces as lines of JSON, and how many there are. */
export async function cutLines(
  files: Iterable<SourceFile>,
  shared: SharedFolder,
  options: { readonly imagesPerPiece: number; readonly column?: string },
): Promise<{ readonly lines: readonly string[]; readonly digest: string }> {
  const lines: string[] = [];
  const hash = createHash("sha256");
  for await (const { files: parts, ...rest } of cutSource(files, options)) {
    const named = parts.map(({ path: file, ...part }) => ({ file: shared.nameOf(file), ...part }));
    const line = `${JSON.stringify({ files: named, ...rest })}\n`;
    hash.update(line);
    lines.push(line);
  }
  return { lines, digest: hash.digest("hex") };
}

/** Writes a plan, whole: its description comes last. @throws VqkitError("file") */
export async function writePlan(dir: string, plan: EncodePlan, lines: readonly string[]): Promise<void> {
  await makeFolder(dir);
  const file = await open(path.join(dir, PIECES_FILE), "w");
  try {
    for (const line of lines) await writeFully(file, Buffer.from(line));
    await file.sync();
  } finally {
    await file.close();
  }
  await writeJsonFile(path.join(dir, PLAN_FILE), { ...FORMAT, ...plan });
}

/** A plan as workers read it. */
export class PlanReader {
  readonly plan: EncodePlan;
  readonly #shared: SharedFolder;
  readonly #path: string;
  readonly #lines: JsonLineIndex;

  private constructor(dir: string, plan: EncodePlan, shared: SharedFolder) {
    this.plan = plan;
    this.#shared = shared;
    this.#path = path.join(dir, PIECES_FILE);
    this.#lines = new JsonLineIndex(this.#path, { maxLine: MAX_LINE });
  }

  /** @throws VqkitError("format" | "file") */
  static async open(dir: string, shared: SharedFolder): Promise<PlanReader> {
    const file = path.join(dir, PLAN_FILE);
    const { format, formatVersion, ...fields } = await readFormattedFile(file, FORMAT);
    return new PlanReader(
      dir,
      asFormat(file, () => parseConfig(planSchema, fields, "")),
      shared,
    );
  }

  /** @throws VqkitError("format") for a piece that is not there; VqkitError("queue") for one that leads out of the shared folder */
  async piece(index: number): Promise<SourcePiece> {
    const { value, line } = await this.#lines.read(index);
    return this.#parse(value, line);
  }

  /** What is known of each piece's number of images. */
  async *images(): AsyncGenerator<number | undefined, void, undefined> {
    for await (const { value } of readJsonLines(this.#path, { maxLine: MAX_LINE })) {
      yield typeof value.images === "number" ? value.images : undefined;
    }
  }

  /** What a piece is called in messages: its files. @throws VqkitError("format") */
  async describe(index: number): Promise<string> {
    const { value, line } = await this.#lines.read(index);
    const { files } = this.#parseLine(value, line);
    const [first, last] = [files[0], files.at(-1)];
    if (first === undefined || last === undefined) return `piece ${index}`;
    if (files.length > 1) return `${first.name} to ${last.name}`;
    return first.group === undefined ? first.name : `${first.name} row group ${first.group}`;
  }

  #parseLine(value: unknown, line: number): z.output<typeof pieceSchema> {
    return asFormat(`${this.#path} line ${line}`, () => parseConfig(pieceSchema, value, ""));
  }

  #parse(value: unknown, line: number): SourcePiece {
    const { files, ...rest } = this.#parseLine(value, line);
    return {
      ...rest,
      files: files.map(({ file, ...part }) => ({ path: this.#shared.pathOf(file), ...part })),
    };
  }
}

/** A file is no flag: the command line must not call this wrong usage. */
function asFormat<T>(where: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    throw error instanceof VqkitError ? formatError(where, error.message) : error;
  }
}
