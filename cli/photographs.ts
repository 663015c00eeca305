import type { EngineOptions } from "../src/backend/index.js";
import type { SourceItem } from "../src/data/index.js";
import type { CodedPhotograph } from "../src/evaluation/index.js";
import type { Comparison } from "../src/reports/index.js";
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
  const { VqkitError } = await import("../src/core/errors.js");
  try {
    const dirs = rows.slice(0, MOST_ROWS).map(({ label, runs }) => ({ label, dir: runs[0] as string }));
    const [first] = dirs;
    if (first === undefined) return [];
    const image = await evaluatedImage(first.dir);
    const shown: Labelled[] = [];
    for (const { label, dir } of dirs) {
      shown.push({ label, photograph: await photographOf(dir, image, engine) });
    }
    return shown;
  } catch (error) {
    if (!(error instanceof VqkitError)) throw error;
    note(terminal, `A whole photograph is left out: ${error.message}`, { quiet });
    return [];
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

/** The first image that a run is evaluated on. @throws VqkitError */
async function evaluatedImage(dir: string): Promise<SourceItem> {
  const { dataConfigSchema, ImageDataset } = await import("../src/data/index.js");
  const { RunFolder } = await import("../src/runs/index.js");
  const { VqkitError } = await import("../src/core/errors.js");
  const config = await (await RunFolder.open(dir)).readConfig();
  const data = dataConfigSchema.safeParse(config.data);
  if (!data.success || typeof config.seed !== "number") {
    throw new VqkitError("format", `${dir}: expected the images and the seed of a run in its configuration.`);
  }
  const dataset = await ImageDataset.open(data.data, config.seed);
  return dataset.evaluation.item(0); // a dataset has an image
}
