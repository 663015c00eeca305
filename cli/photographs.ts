import { statSync } from "node:fs";
import type { EngineOptions } from "../src/backend/index.js";
import { messageOf, VqkitError } from "../src/core/errors.js";
import type { SourceItem } from "../src/data/index.js";
import type { CodedPhotograph } from "../src/evaluation/index.js";
import type { Comparison, UsageEvidence } from "../src/reports/index.js";
import type { Tokenizer } from "../src/tokenizer/index.js";
import { isTyped } from "./errors.js";
import { note, type Terminal } from "./terminal.js";

/** Rows whose whole photographs a page shows. */
const MOST_ROWS = 8;

interface Labelled {
  readonly label: string;
  readonly photograph: CodedPhotograph;
}

/**
 * A whole photograph through the model of each row's lowest seed, one that was held out where any was. None where the
 * images or a model cannot be had any more: a comparison is worth having without.
 */
export async function comparedPhotographs(
  terminal: Terminal,
  { rows }: Comparison,
  { quiet, ...engine }: EngineOptions & { readonly quiet: boolean },
): Promise<Labelled[]> {
  try {
    const dirs = rows.slice(0, MOST_ROWS).map(({ label, runs }) => ({ label, dir: runs[0] as string }));
    const [first] = dirs;
    if (first === undefined) return [];
    const image = await evaluatedImage(first.dir);
    if (image === undefined) {
      throw new VqkitError(
        "format",
        `${first.dir}: expected the images and the seed of a run in its configuration.`,
      );
    }
    const shown: Labelled[] = [];
    for (const { label, dir } of dirs) {
      shown.push({ label, photograph: await photographOf(dir, image, engine) });
    }
    return shown;
  } catch (error) {
    if (!(await isTyped(error))) throw error;
    note(terminal, `A whole photograph is left out: ${messageOf(error)}`, { quiet });
    return [];
  }
}

/**
 * A whole photograph through a run's model, one that was held out where any was; none of a model that was not trained
 * there. Where it cannot be had any more, that is told.
 */
export async function heldOutPhotograph(
  terminal: Terminal,
  tokenizer: Tokenizer,
  { dir, quiet }: { readonly dir: string; readonly quiet: boolean },
): Promise<Pick<UsageEvidence, "photograph">> {
  const { photographThrough } = await import("../src/tokenizer/index.js");
  try {
    const image = await evaluatedImage(dir);
    return image === undefined ? {} : { photograph: await photographThrough(tokenizer, image) };
  } catch (error) {
    if (!(await isTyped(error))) throw error;
    note(terminal, `A whole photograph is left out: ${messageOf(error)}`, { quiet });
    return {};
  }
}

/** The first of some images through a model; none where they are in archives, or it cannot be read. */
export async function firstPhotograph(
  tokenizer: Tokenizer,
  images: readonly string[],
): Promise<Pick<UsageEvidence, "photograph">> {
  const { findImages } = await import("../src/data/index.js");
  const { photographThrough } = await import("../src/tokenizer/index.js");
  try {
    const [first] = await findImages(images);
    return first === undefined ? {} : { photograph: await photographThrough(tokenizer, first) };
  } catch (error) {
    if (await isTyped(error)) return {};
    throw error;
  }
}

/** One photograph through a run's model. @throws as `Tokenizer.load` and `photographThrough` */
async function photographOf(dir: string, image: SourceItem, engine: EngineOptions): Promise<CodedPhotograph> {
  const { photographThrough, Tokenizer } = await import("../src/tokenizer/index.js");
  const tokenizer = await Tokenizer.load(dir, engine);
  try {
    return await photographThrough(tokenizer, image);
  } finally {
    await tokenizer.close();
  }
}

/** The first image that a run is evaluated on; undefined of a model that was not trained there. @throws VqkitError */
async function evaluatedImage(dir: string): Promise<SourceItem | undefined> {
  const { dataConfigSchema, ImageDataset } = await import("../src/data/index.js");
  const { RunFolder } = await import("../src/runs/index.js");
  if (!statSync(dir, { throwIfNoEntry: false })?.isDirectory()) return undefined; // a model file
  const config = await (await RunFolder.open(dir)).readConfig();
  const data = dataConfigSchema.safeParse(config.data);
  if (!data.success || typeof config.seed !== "number") return undefined;
  const dataset = await ImageDataset.open(data.data, config.seed);
  return dataset.evaluation.item(0); // a dataset has an image
}
