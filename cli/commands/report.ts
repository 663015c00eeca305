import { existsSync, statSync } from "node:fs";
import path from "node:path";
import type { Command } from "commander";
import { shellQuoted } from "../../src/core/shell.js";
import type { Chart, UsageEvidence, UsageReport } from "../../src/reports/index.js";
import { BrokenImages } from "../broken-images.js";
import { loadQuantizerModules } from "../config-file.js";
import { addModelFlags, type ModelFlags } from "../declare-flags.js";
import { engineOptions } from "../engine-options.js";
import { UsageError } from "../errors.js";
import { modelEvidence, vectorsOf } from "../model-evidence.js";
import { PassedOverNote } from "../passed-over.js";
import { firstPhotograph } from "../photographs.js";
import { print, printJson, type Terminal } from "../terminal.js";
import { integer } from "../values.js";

interface Flags extends ModelFlags {
  readonly html?: string;
  readonly plots?: string;
  readonly images?: readonly string[];
  readonly model?: string;
  readonly codes?: number;
}

/** A report, and what it can be turned into. */
interface Source {
  /** null for a run that has not finished, of which there are curves and pictures only. */
  readonly usage: UsageReport | null;
  readonly page: () => Promise<string>;
  readonly charts: () => Promise<readonly Chart[]>;
}

export function addReport(program: Command, terminal: Terminal): void {
  const command = program
    .command("report")
    .description("show how a codebook is used: usage, most and least used codes, rank and frequency")
    .argument("<folder>", "run folder, or codes that encode wrote: the folder, or its .vqc or .parquet file")
    .option(
      "--html <file>",
      "write a page that opens from disk as well; for a run, with its curves and pictures",
    )
    .option("--plots <dir>", "write every chart as SVG, PNG and CSV into this folder")
    .option(
      "--images <images...>",
      "of a run: count on these images instead of its evaluation set, and show where codes stand and what they look like",
    )
    .option(
      "--model <model>",
      "of codes: the run or model.safetensors that made them, to show the codes' vectors",
    )
    .option("--codes <n>", "how many of the most and least used codes to list (default: 10)", integer);
  addModelFlags(command);
  command.action((folder: string, flags: Flags) => report(terminal, folder, flags));
}

async function report(terminal: Terminal, folder: string, flags: Flags): Promise<void> {
  const { html, plots, codes, json = false } = flags;
  const { renderUsageText, writePlots } = await import("../../src/reports/index.js");
  const { writeFileAtomic } = await import("../../src/files/index.js");
  if (codes !== undefined && codes < 1) {
    throw new UsageError(`--codes: expected an integer >= 1, got ${codes}.`);
  }
  await loadQuantizerModules(flags.quantizerModule ?? []);
  const source = await open(terminal, folder, flags);
  if (json) printJson(terminal, source.usage);
  else if (source.usage !== null) print(terminal, renderUsageText(source.usage));
  else
    print(terminal, `${folder} has not finished: its codes have not been counted on an evaluation set yet.`);
  const written: string[] = [];
  if (html !== undefined) {
    await writeFileAtomic(html, await source.page());
    written.push(html);
  }
  if (plots !== undefined) {
    await writePlots(plots, await source.charts());
    written.push(plots);
  }
  if (!json && written.length > 0) print(terminal, `\nWritten: ${written.join(", ")}`);
}

function open(terminal: Terminal, folder: string, flags: Flags): Promise<Source> {
  // Codes are a folder of any format, or a packed or Parquet file by itself.
  if (existsSync(path.join(folder, "manifest.json")) || isFile(folder)) {
    if (flags.images !== undefined) {
      throw new UsageError(
        "--images: expected a run folder with it, got codes. Give the run that made them.",
      );
    }
    return openCodes(terminal, folder, flags);
  }
  if (existsSync(path.join(folder, "comparison.json"))) {
    throw new UsageError(
      `${folder}: expected a run folder or a folder of codes, got a comparison. Give one of the runs in it.`,
    );
  }
  if (flags.model !== undefined) {
    throw new UsageError(
      "--model: expected codes with it, got a run folder, which has its own model. Leave it out.",
    );
  }
  return openRun(terminal, folder, flags);
}

/** So many of the most used codes are followed from place to place. */
const FOLLOWED = 32;

async function openCodes(terminal: Terminal, folder: string, flags: Flags): Promise<Source> {
  const reports = await import("../../src/reports/index.js");
  const { countCodes, readCodes } = await import("../../src/tokenizer/index.js");
  const { originOf, readStoredModel } = await import("../../src/runs/index.js");
  const counted = await countCodes(folder);
  const name = path.basename(path.resolve(folder));
  const { model } = flags;
  const origin = model === undefined ? undefined : originOf((await readStoredModel(model)).file.config);
  const scope = "all codes in the folder";
  const usage = reports.usageReport(counted, { name, scope, origin, ...listing(flags) });
  const evidence = once(
    async (): Promise<UsageEvidence> => ({
      counts: counted.counts,
      places: await placesOf(readCodes(folder), counted.counts),
      ...(model === undefined
        ? {}
        : await modelEvidence(terminal, model, { ...evidenceOptions(flags), isNamed: true })),
    }),
  );
  return {
    usage,
    page: async () => reports.renderUsagePage(usage, await evidence()),
    charts: async () => reports.usageCharts(usage, await evidence()),
  };
}

async function openRun(terminal: Terminal, folder: string, flags: Flags): Promise<Source> {
  const { VqkitError } = await import("../../src/core/errors.js");
  const reports = await import("../../src/reports/index.js");
  const { originOf, RunFolder } = await import("../../src/runs/index.js");
  const run = await RunFolder.open(folder);
  const curves = await reports.readCurves(run);
  const trainingCharts = reports.trainingCharts(curves);
  const found = await reports.runUsage(run, { curves, ...listing(flags) }).catch(async (error: unknown) => {
    if (!(error instanceof VqkitError) || error.code !== "run") throw error;
    // What it was counted on is given.
    if (flags.images !== undefined) return null;
    if (await run.isModelAlone()) throw uncounted(folder, "a model alone, imported or pruned");
    if (showsUnfinished(flags)) return null;
    const { trainedBy } = await run.readConfig();
    throw trainedBy === undefined
      ? error
      : uncounted(folder, "a run that PyTorch trained, not evaluated yet");
  });
  if (flags.images === undefined) {
    if (found === null) {
      return { usage: null, page: () => reports.renderRunReport(run), charts: async () => trainingCharts };
    }
    const { report: evaluated, evidence: own } = found;
    const evidence = once(() => modelEvidence(terminal, folder, evidenceOptions(flags)));
    return {
      usage: evaluated,
      page: async () => reports.renderRunReport(run, await evidence()),
      charts: async () => [
        ...reports.usageCharts(evaluated, { ...own, ...(await evidence()) }),
        ...trainingCharts,
      ],
    };
  }
  const { counted, evidence } = await survey(terminal, folder, flags);
  const usage = reports.usageReport(counted, {
    name: found?.report.name ?? path.basename(path.resolve(folder)),
    origin: originOf(await run.readConfig()),
    scope: "images given",
    otherScopes: found?.report.scopes ?? [],
    ...listing(flags),
  });
  const all = { ...found?.evidence, ...evidence };
  return {
    usage,
    page: () => reports.renderRunReport(run, all, usage),
    charts: async () => [...reports.usageCharts(usage, all), ...trainingCharts],
  };
}

/** Whether what is asked for can be had of a run that has not finished. */
function showsUnfinished({ html, plots, json = false }: Flags): boolean {
  return (html !== undefined || plots !== undefined) && !json;
}

function uncounted(folder: string, got: string): UsageError {
  const type = `vqkit report ${shellQuoted(folder)} --images IMAGES`;
  return new UsageError(`${folder}: expected images to count codes on, got ${got}. Type: ${type}`);
}

function evidenceOptions(flags: Flags) {
  return { engine: engineOptions(flags), quiet: flags.quiet === true };
}

/** Everything that a run's model and some images show. */
async function survey(terminal: Terminal, folder: string, flags: Flags) {
  const { Tokenizer, surveyCodes } = await import("../../src/tokenizer/index.js");
  const { quiet = false, images = [] } = flags;
  const broken = new BrokenImages(terminal, { quiet });
  const passedOver = await PassedOverNote.create(terminal, { quiet });
  const tokenizer = await Tokenizer.load(folder, engineOptions(flags));
  try {
    const counted = await surveyCodes(tokenizer, images, {
      ...broken.hooks,
      onPassedOver: passedOver.report,
    });
    broken.summarise();
    const { counts, atlases, grids } = counted;
    const evidence: UsageEvidence = {
      counts,
      places: await placesOf(grids, counts),
      ...(await vectorsOf(tokenizer)),
      ...(await firstPhotograph(tokenizer, images)),
      atlases,
    };
    return { counted, evidence };
  } finally {
    tokenizer.dispose();
  }
}

type Grids = Parameters<typeof import("../../src/tokenizer/index.js")["finestGrid"]>[0];
type Counts = NonNullable<UsageEvidence["counts"]>;

async function placesOf(grids: AsyncIterable<Grids> | Iterable<Grids>, counts: Counts) {
  const { mostUsedCodes } = await import("../../src/metrics/index.js");
  const { PlaceCounter } = await import("../../src/reports/index.js");
  const { finestGrid } = await import("../../src/tokenizer/index.js");
  const { codebookSize, numCodebooks } = counts;
  const counters = Array.from(
    { length: numCodebooks },
    (_, codebook) =>
      new PlaceCounter({
        codebookSize,
        numCodebooks,
        codebook,
        codes: mostUsedCodes(counts, FOLLOWED, codebook).map(({ index }) => index),
      }),
  );
  for await (const grid of grids) {
    const finest = finestGrid(grid);
    for (const counter of counters) counter.add(finest);
  }
  return counters.map((counter) => counter.result());
}

/** The first call computes, later ones get the same. */
function once<T>(compute: () => Promise<T>): () => Promise<T> {
  let value: Promise<T> | undefined;
  return () => {
    value ??= compute();
    return value;
  };
}

function listing({ codes }: Flags): { readonly codes?: number } {
  return codes === undefined ? {} : { codes };
}

function isFile(name: string): boolean {
  return statSync(name, { throwIfNoEntry: false })?.isFile() ?? false;
}
