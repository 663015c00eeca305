import { existsSync } from "node:fs";
import path from "node:path";
import type { Command } from "commander";
import { isObject, valueAt, withoutUndefined } from "../../src/core/objects.js";
import { shellQuoted } from "../../src/core/shell.js";
import type {
  ComparisonControl,
  ComparisonEvent,
  ComparisonOptions,
  MeasuredRun,
} from "../../src/training/index.js";
import { BrokenImages } from "../broken-images.js";
import { type ComparedRuns, trainedOnQueue } from "../compare-on-queue.js";
import { ComparisonProgress } from "../comparison-progress.js";
import type { ConfigObject } from "../config-file.js";
import { DATA_FLAGS } from "../data-flags.js";
import { addRunFlags, finishRunCommand } from "../declare-flags.js";
import { DRY_RUN_FLAG, DRY_RUN_HELP, printMeasuredComparison } from "../dry-run.js";
import { Interrupted, UsageError } from "../errors.js";
import { type FlagValues, freeRunFolder } from "../gather-config.js";
import { hubNote } from "../hub-note.js";
import { LeftOutImages } from "../left-out.js";
import { loggerHooks, TENSORBOARD_FLAG, TENSORBOARD_HELP } from "../loggers.js";
import { resumedFolder } from "../newest-run.js";
import { yaml } from "../packages.js";
import { PassedOverNote } from "../passed-over.js";
import { comparedPhotographs } from "../photographs.js";
import {
  addQueueFlags,
  addSubmissionFlags,
  QUEUE_FIELDS,
  type QueueFlags,
  queueAddress,
} from "../queue-flags.js";
import { LOSS_FLAGS, type RunFlag, TRAINING_FLAGS } from "../run-flags.js";
import { print, printJson, type Terminal } from "../terminal.js";
import { integer, integers, repeated, words } from "../values.js";

const COMPARISON_FLAGS: readonly RunFlag[] = [
  {
    flag: "--quantizers <list>",
    field: "quantizers",
    description: "kinds to compare, as vq,fsq (default: fsq, rotation, simvq and vq)",
    parse: words,
  },
  {
    flag: "--codebook-size <n>",
    field: "codebookSize",
    description: "codes in every codebook; fsq takes the nearest size that its rule allows (default: 1024)",
    parse: integer,
  },
  {
    flag: "--seeds <list>",
    field: "seeds",
    description: "one run of each quantizer for each seed, as 0,1,2 (default: 0)",
    parse: integers,
  },
  {
    flag: "--sweep <field=values>",
    field: "sweep",
    description:
      "train with each of these values too, as codebookSize=256,1024,4096 or learningRate=1e-4,4e-4; repeatable, for a grid",
    parse: repeated,
  },
  {
    flag: "--baseline <row>",
    field: "baseline",
    description:
      "the row that differences are taken from: a kind, a label of the table or a run folder (default: the first)",
  },
];
const FLAGS = [...COMPARISON_FLAGS, ...TRAINING_FLAGS, ...DATA_FLAGS, ...LOSS_FLAGS];

export function addCompare(program: Command, terminal: Terminal): void {
  const command = program
    .command("compare")
    .description(
      "train several quantizers on the same images, order, first weights and budget, or take runs that are finished; print one table and write a page",
    )
    .argument(
      "[images...]",
      "folders, glob patterns or files: images, tar shards, Parquet (unless the configuration names them); or finished run folders to compare",
    );
  addRunFlags(command, FLAGS);
  command
    .option(
      "-o, --out <dir>",
      "folder for the runs and the comparison (default: runs/comparison, or ...-2 when taken)",
    )
    .option("--overwrite", "replace earlier runs in that folder")
    .option(TENSORBOARD_FLAG, TENSORBOARD_HELP)
    .option(DRY_RUN_FLAG, DRY_RUN_HELP)
    .option(
      "--resume [dir]",
      "resume the comparison in this folder, without one the newest in runs/: finished runs are kept, an unfinished one is resumed, the rest are started",
    )
    .option("--plots <dir>", "write every chart as SVG, PNG and CSV into this folder");
  addQueueFlags(command, "let the workers of this queue train");
  addSubmissionFlags(command, "run", "runs may differ then");
  finishRunCommand(command, {
    flags: FLAGS,
    named: QUEUE_FIELDS,
    json: "print the comparison as JSON on stdout",
    body: (config, values) => compare(terminal, config, values),
  });
}

async function compare(terminal: Terminal, written: ConfigObject, values: FlagValues): Promise<void> {
  const { baseline, ...config } = written;
  const isQueued = queueAddress(values as QueueFlags) !== undefined;
  if (values.dryRun === true) {
    if (isQueued)
      throw new UsageError("--queue: expected a comparison that is trained, got --dry-run. Leave one out.");
    await dryRun(terminal, config, values);
    return;
  }
  const { runs, sweep, out } = await comparedRuns(terminal, { config, baseline, values });
  const { buildComparison, comparisonCharts, renderComparisonTable, writeComparison, writePlots } =
    await import("../../src/reports/index.js");
  const comparison = await buildComparison(runs, {
    sweep,
    // Only its row can say whether it is one.
    ...(baseline === undefined ? {} : { baseline: String(baseline) }),
  });
  const photographs = await comparedPhotographs(terminal, comparison, { quiet: values.quiet === true });
  const files = await writeComparison(out, comparison, { photographs });
  if (typeof values.plots === "string") {
    await writePlots(values.plots, await comparisonCharts(comparison));
    files.push(values.plots);
  }
  if (values.json === true) printJson(terminal, comparison);
  else
    print(
      terminal,
      [renderComparisonTable(comparison), ...files.map((file) => `Written: ${file}`)].join("\n"),
    );
}

/** Measures what the runs of a new comparison would take. */
async function dryRun(terminal: Terminal, config: ConfigObject, values: FlagValues): Promise<void> {
  if (values.resume !== undefined || (await finishedRuns(valueAt(config, "data.images"))) !== undefined) {
    throw new UsageError(
      "--dry-run: expected a new comparison, got runs that are there already. Leave it out.",
    );
  }
  const { measureComparison } = await import("../../src/training/index.js");
  const quiet = values.quiet === true;
  const broken = new BrokenImages(terminal, { quiet });
  const passedOver = await PassedOverNote.create(terminal, { quiet });
  const runs: MeasuredRun[] = [];
  for await (const run of measureComparison(comparisonOptions(config), {
    ...broken.hooks,
    onPassedOver: passedOver.report,
    signal: terminal.signal,
  })) {
    runs.push(run);
  }
  broken.summarise();
  await printMeasuredComparison(terminal, runs, { json: values.json === true });
}

interface CompareArguments {
  /** What the command line says of the runs. */
  readonly config: ConfigObject;
  readonly baseline: unknown;
  readonly values: FlagValues;
}

async function comparedRuns(
  terminal: Terminal,
  { config, baseline, values }: CompareArguments,
): Promise<ComparedRuns> {
  const { compareQuantizers, resumeComparison } = await import("../../src/training/index.js");
  const { quantizerKinds } = await import("../../src/quantizers/index.js");
  const resume = await resumedFolder(terminal, values, "comparison");
  if (resume !== undefined) {
    refuseOthers(config, [], `--resume ${resume}: expected nothing but --baseline with it`);
    if (values.queue !== undefined)
      return trainedOnQueue(terminal, values, { out: resume, options: undefined });
    return trained(terminal, values, {
      out: resume,
      events: (control) => resumeComparison(resume, control),
    });
  }
  const finished = await finishedRuns(valueAt(config, "data.images"));
  if (finished !== undefined) {
    if (values.queue === undefined) return takenRuns(finished, config);
    throw new UsageError("--queue: expected images to train on, got runs that are finished. Leave it out.");
  }
  const options = comparisonOptions(config);
  checkFree(options);
  if (baseline !== undefined) checkBaseline(String(baseline), options, quantizerKinds());
  if (values.queue !== undefined) return trainedOnQueue(terminal, values, { out: options.out, options });
  return trained(terminal, values, {
    out: options.out,
    events: (control) => compareQuantizers(options, control),
  });
}

/** Trains what is to be trained, and writes each run's report. @throws Interrupted saying how to resume */
async function trained(
  terminal: Terminal,
  values: FlagValues,
  {
    out,
    events,
  }: {
    readonly out: string;
    readonly events: (control: ComparisonControl) => AsyncIterable<ComparisonEvent>;
  },
): Promise<ComparedRuns> {
  const { RunFolder } = await import("../../src/runs/index.js");
  const { writeRunReport } = await import("../../src/reports/index.js");
  const quiet = values.quiet === true;
  const broken = new BrokenImages(terminal, { quiet });
  const passedOver = await PassedOverNote.create(terminal, { quiet });
  const leftOut = new LeftOutImages(terminal, { quiet });
  const progress = new ComparisonProgress(terminal, { quiet });
  const runs: string[] = [];
  const fields = new Set<string>();
  try {
    for await (const event of events({
      signal: terminal.signal,
      ...broken.hooks,
      onPassedOver: passedOver.report,
      onLeftOut: leftOut.report,
      onFetch: hubNote(terminal, { quiet }),
      onInitialization: progress.initialization,
      ...(await loggerHooks(values, values.resume === undefined ? undefined : out, progress.warn)),
    })) {
      progress.show(event);
      if (event.type === "run-start") broken.name();
      if (event.type !== "run-end" && event.type !== "run-kept") continue;
      runs.push(event.dir);
      for (const field of Object.keys(event.swept)) fields.add(field);
      const run = await RunFolder.open(event.dir);
      // A kill between the end of a run and its report leaves a run without one.
      if (event.type === "run-end" || !existsSync(run.path("report"))) await writeRunReport(run);
    }
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error;
    throw new Interrupted(
      `Interrupted after ${runs.length} runs. To resume: vqkit compare --resume ${shellQuoted(out)}`,
    );
  } finally {
    progress.stop();
  }
  broken.summarise();
  leftOut.summarise();
  return { runs, sweep: [...fields], out };
}

/** The paths, where all of them are run folders; undefined where none is. @throws UsageError for a mix */
async function finishedRuns(images: unknown): Promise<readonly string[] | undefined> {
  const { findRuns } = await import("../../src/data/index.js");
  const { ownFolderKind } = await import("../../src/files/index.js");
  const sources = (Array.isArray(images) ? images : [images]).filter((each) => typeof each === "string");
  const given: string[] = [];
  for (const source of sources) {
    const runs = existsSync(source) ? [] : await findRuns(source);
    given.push(...(runs.length > 0 ? runs : [source]));
  }
  const kinds = await Promise.all(given.map((each) => ownFolderKind(each)));
  const runs = given.filter((_, i) => kinds[i] === "run");
  if (runs.length === given.length && runs.length > 0) return runs;
  const [run] = runs;
  if (run !== undefined) {
    const other = given.find((each) => !runs.includes(each));
    throw new UsageError(
      `${other}: expected run folders alone or images alone, got this beside the run ${run}. Give finished runs to compare, or images to train on.`,
    );
  }
  const comparison = given[kinds.indexOf("comparison")];
  if (comparison === undefined) return undefined;
  throw new UsageError(
    `${comparison}: expected images or run folders, got a comparison. Give the runs in it, or resume it: --resume ${shellQuoted(comparison)}.`,
  );
}

/** Runs that others have finished. */
function takenRuns(runs: readonly string[], config: ConfigObject): ComparedRuns {
  const [only] = runs;
  if (runs.length < 2) {
    throw new UsageError(
      `${only}: expected at least two runs to compare, got one. See it by: vqkit report ${shellQuoted(only ?? "")}.`,
    );
  }
  refuseOthers(
    { ...config, data: withoutImages(config.data) },
    ["out", "overwrite"],
    "expected nothing to train with, for the runs are finished",
  );
  const options = comparisonOptions(config);
  checkFree(options);
  return { runs, sweep: [], out: options.out };
}

function withoutImages(data: unknown): unknown {
  const { images: _images, ...rest } = isObject(data) ? data : {};
  return Object.keys(rest).length === 0 ? undefined : rest;
}

function refuseOthers(config: ConfigObject, allowed: readonly string[], expected: string): void {
  const odd = Object.entries(config).find(([key, value]) => value !== undefined && !allowed.includes(key));
  if (odd !== undefined) throw new UsageError(`${expected}, got ${odd[0]}. Leave it out.`);
}

/** As far as can be told before the runs are trained. */
function checkBaseline(
  baseline: string,
  { quantizers = [] }: ComparisonOptions,
  known: readonly string[],
): void {
  const given = Array.isArray(quantizers) ? quantizers : [];
  const kinds = given.map((each) => (typeof each === "string" ? each : String(each?.kind)));
  const rows = kinds.length === 0 ? known : kinds;
  if (rows.some((kind) => baseline.startsWith(kind))) return;
  throw new UsageError(
    `--baseline ${JSON.stringify(baseline)}: expected a row of the comparison, which begins with ${rows.join(" or ")}.`,
  );
}

/** What the configuration says of the comparison itself, and the rest as what its runs have in common. */
function comparisonOptions(config: ConfigObject): ComparisonOptions {
  const { quantizers, codebookSize, seeds, sweep, overwrite, out, ...base } = config;
  const given = { quantizers, codebookSize, seeds, sweep: sweepOf(sweep), overwrite };
  return {
    ...withoutUndefined(given),
    out: out ?? freeRunFolder("comparison", existsSync, overwrite === true),
    base,
    // Checked by whoever takes it.
  } as unknown as ComparisonOptions;
}

/** The flag's texts as the object that a configuration file has. */
function sweepOf(given: unknown): unknown {
  if (!Array.isArray(given)) return given;
  const fields = given.map((text) => sweptField(String(text)));
  const names = fields.map(([field]) => field);
  const again = names.find((name, i) => names.indexOf(name) < i);
  if (again !== undefined) {
    throw new UsageError(`--sweep: expected each field once, got ${again} again. Put its values together.`);
  }
  return Object.fromEntries(fields);
}

/** `codebookSize=256,1024`, with YAML's values: `model.widthMultipliers=[1,2],[1,2,4]`. */
function sweptField(text: string): [field: string, values: unknown] {
  const at = text.indexOf("=");
  const wrong = new UsageError(`--sweep ${text}: expected field=values, as codebookSize=256,1024,4096.`);
  if (at < 1 || text.slice(at + 1).trim() === "") throw wrong;
  try {
    return [text.slice(0, at).trim(), yaml().parse(`[${text.slice(at + 1)}]`)];
  } catch {
    throw wrong;
  }
}

/** Runs of other names would not meet the earlier ones, and their comparison would replace the earlier one unasked. */
function checkFree({ out, overwrite }: ComparisonOptions): void {
  if (overwrite === true || typeof out !== "string" || !existsSync(path.join(out, "comparison.json"))) return;
  throw new UsageError(
    `--out ${out}: expected a folder without a comparison, got one with comparison.json. Choose another, or add --overwrite.`,
  );
}
