import { readFile } from "node:fs/promises";
import type { Command } from "commander";
import { isObject, valueAt, withoutUndefined } from "../src/core/objects.js";
import type { EncodeOptions, TokenOptions } from "../src/tokenizer/index.js";
import { UsageError } from "./errors.js";
import type { FlagField } from "./run-flags.js";
import { integer, number } from "./values.js";

/** Values of the flags for codes that a generative model is trained on. */
export interface GeneratorFlags {
  readonly flip?: boolean;
  readonly tenCrop?: boolean;
  readonly cropRange?: number;
  readonly labels?: boolean;
  readonly classes?: string;
  readonly vocabularyOffset?: number;
  readonly beginToken?: number | null;
  readonly validation?: number;
}

export const GENERATOR_FIELDS: readonly FlagField[] = [
  { flag: "--ten-crop", field: "views" },
  { flag: "--flip", field: "views" },
  { flag: "--crop-range <x>", field: "cropRange" },
  { flag: "--vocabulary-offset <n>", field: "tokens.offset" },
  { flag: "--begin-token <n>", field: "tokens.begin" },
  { flag: "--validation <x>", field: "tokens.validation" },
];

/** Flags that set `tokens`, and the format that has them. */
const TOKEN_FLAGS = {
  vocabularyOffset: "--vocabulary-offset",
  beginToken: "--begin-token",
  validation: "--validation",
};
const TOKEN_FORMAT = "bin";

export function addGeneratorFlags(command: Command): void {
  command
    .option("--labels", "label each image by the folder that it lies in: its place among the sorted folders")
    .option(
      "--classes <file>",
      "with the labels of this list instead: a class a line, or the manifest.json of codes with labels",
    )
    .option("--flip", "encode the mirror image of each image too")
    .option("--ten-crop", "encode the corners and the middle of each image and of its mirror image")
    .option(
      "--crop-range <x>",
      "with --ten-crop: crops are cut from so many times --size (default: 1.1)",
      number,
    )
    .option("--vocabulary-offset <n>", "with --format bin: the token of code 0 (default: 0)", integer)
    .option(
      "--begin-token <n>",
      "with --format bin: the token that begins each image, or none (default: the one behind the codes)",
      (text: string) => (text === "none" ? null : integer(text)),
    )
    .option(
      "--validation <x>",
      "with --format bin: the share of images that go into val.bin (default: 0.1)",
      number,
    );
}

/** Which views of an image are encoded. @throws UsageError for two answers */
export function viewOptions({
  flip = false,
  tenCrop = false,
  cropRange,
}: GeneratorFlags): Pick<EncodeOptions, "views" | "cropRange"> {
  if (flip && tenCrop) {
    throw new UsageError(
      "--flip: expected no --ten-crop with it, for half of its crops are of the mirror image.",
    );
  }
  const views = tenCrop ? ("ten-crop" as const) : flip ? ("flip" as const) : undefined;
  return withoutUndefined({ views, cropRange });
}

/** Where codes lie in a vocabulary; undefined where the flags do not say. @throws UsageError for a format without tokens */
export function tokenOptions(flags: GeneratorFlags, format: string | undefined): TokenOptions | undefined {
  const { vocabularyOffset: offset, beginToken: begin, validation } = flags;
  const given = Object.entries(TOKEN_FLAGS).find(
    ([name]) => flags[name as keyof typeof TOKEN_FLAGS] !== undefined,
  );
  if (given === undefined) return undefined;
  if (format !== TOKEN_FORMAT) {
    throw new UsageError(
      `${given[1]}: expected --format ${TOKEN_FORMAT} with it. Add that, or leave it out.`,
    );
  }
  return withoutUndefined({ offset, begin, validation });
}

/**
 * The classes that labels are of; undefined without labels.
 *
 * @param names of all images; undefined where they are not known before they are read
 * @throws UsageError where the images have no classes, or others than the list
 */
export async function classList(
  { labels = false, classes: file }: GeneratorFlags,
  names: readonly string[] | undefined,
): Promise<readonly string[] | undefined> {
  if (!labels && file === undefined) return undefined;
  const flag = file === undefined ? "--labels" : "--classes";
  if (names === undefined) {
    throw new UsageError(
      `${flag}: expected image files in folders that are named after their classes, got shards, Parquet files or standard input. Leave it out.`,
    );
  }
  const { classesOf } = await import("../src/tokenizer/index.js");
  const found = classesOf(names);
  if (file === undefined) return found;
  const list = await readClasses(file);
  const other = found.find((name) => !list.includes(name));
  if (other === undefined) return list;
  throw new UsageError(
    `--classes ${file}: expected the class of every image in it, got images of ${JSON.stringify(other)}. Add it.`,
  );
}

async function readClasses(file: string): Promise<readonly string[]> {
  const text = await readFile(file, "utf8").catch((error: unknown) => {
    const reason = (error as NodeJS.ErrnoException).code ?? String(error);
    throw new UsageError(`--classes ${file}: expected a readable file, got ${reason}.`, { cause: error });
  });
  const list = file.endsWith(".json") ? listIn(text) : text.split(/\r?\n/).filter((line) => line !== "");
  if (list === undefined || list.length === 0 || !list.every((name) => typeof name === "string")) {
    throw new UsageError(
      `--classes ${file}: expected names of classes, one a line, or a manifest.json with settings.classes, got none.`,
    );
  }
  return list as readonly string[];
}

/** A list by itself, or that of a manifest; undefined for anything else. */
function listIn(text: string): readonly unknown[] | undefined {
  try {
    const value: unknown = JSON.parse(text);
    const list = isObject(value) ? valueAt(value, "settings.classes") : value;
    return Array.isArray(list) ? list : undefined;
  } catch {
    return undefined;
  }
}
