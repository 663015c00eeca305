import { basename, resolve } from "node:path";
import { ConfigError, VqkitError } from "../../core/errors.js";
import { didYouMean } from "../../core/suggest.js";
import type { JsonObject } from "../../files/index.js";
import { type Interval, type MetricCard, meanInterval, type Spread, spread } from "../../metrics/index.js";
import { RunFolder } from "../../runs/index.js";
import { FIGURE_NAMES, type FigureName } from "../figures.js";
import { type EvaluationRecord, type RunRecord, readRunRecord } from "../records/run-record.js";
import { type ComparedImages, checkComparable, firstOfEachSeed, sharedConventions } from "./comparable.js";
import { type ConfigDifference, configDifferences } from "./config-differences.js";
import { groupRuns, type RunGroup } from "./groups.js";
import { type PairedDifference, pairedDifference } from "./paired-difference.js";

/** A figure over several seeds. */
export interface ComparedFigure extends Spread {
  /** 95 % interval of the mean over seeds by Student's t; null for one seed, which says nothing of the spread. */
  readonly interval: Interval | null;
}

/** Each figure over several runs; null where it has no meaning (the codebook of a baseline that has none). */
export type ComparisonFigures = { readonly [F in FigureName]: ComparedFigure | null };

/** Each figure's difference from the baseline; null where either has none, or they are on different scales. */
export type ComparisonDifferences = { readonly [F in FigureName]: PairedDifference | null };

/** One configuration: its runs, one a seed. */
export interface ComparisonRow extends ComparisonFigures {
  /** The quantizer's kind. */
  readonly quantizer: string;
  /** What tells this row from others: the kind itself where there is only one row of it. */
  readonly label: string;
  /** The values of the fields that the comparison swept; none without a sweep. */
  readonly swept: JsonObject;
  /** K of each codebook: exact, e.g. 1000 for FSQ. */
  readonly codebookSize: number;
  /** Q: codes of a position. */
  readonly numCodebooks: number;
  /** The size that was asked for; null when it was not recorded. */
  readonly nominalCodebookSize: number | null;
  /** D, numbers in a code; null when it was not recorded. */
  readonly codeDim: number | null;
  /** Ascending; entry i of every `values` is of seed i. */
  readonly seeds: readonly number[];
  /** Indices that usage and perplexity were counted on, in each codebook, by seed. */
  readonly samples: readonly (number | null)[];
  /** The usage that a uniform source would show in as many indices. */
  readonly expectedUniformUsage: Spread | null;
  /** This row less the baseline's, seed by seed; null for the baseline itself. */
  readonly fromBaseline: ComparisonDifferences | null;
  /** The same models before their first step; null when they were not evaluated. */
  readonly untrained: ComparisonFigures | null;
  /** The run folders, by seed. */
  readonly runs: readonly string[];
}

/** Configurations side by side. JSON-safe: `comparison.json`. */
export interface Comparison {
  readonly format: "vqkit-comparison";
  readonly formatVersion: 1;
  /** The label of the row that the others' differences are from. */
  readonly baseline: string;
  /** Fields that were swept, e.g. "codebookSize" or "model.baseWidth". */
  readonly sweep: readonly string[];
  /** In the order in which the configurations were first given. */
  readonly rows: readonly ComparisonRow[];
  /** Without intervals: their values are no sample of seeds. */
  readonly baselines: {
    /** All models before their first step; null when none was evaluated. */
    readonly untrained: ComparisonFigures | null;
    /** Predicting each image's mean colour, one value a seed; null when it was not evaluated. */
    readonly meanColour: ComparisonFigures | null;
  };
  /** How every figure was measured. */
  readonly conventions: MetricCard;
  /** Whether the images of the evaluation were kept out of training. */
  readonly heldOut: boolean;
  readonly evaluations: readonly ComparedImages[];
  /** What else than quantizer, seed and what was swept differs between the runs' configurations. */
  readonly differences: readonly ConfigDifference[];
}

export interface BuildComparisonOptions {
  /**
   * The row to take differences from: its label, the name or path of one of its runs, or its kind where no other row
   * has it; default the first row.
   */
  readonly baseline?: string;
  /** Fields whose values make rows of their own, e.g. "codebookSize" or "model.baseWidth"; default none. */
  readonly sweep?: readonly string[];
}

/**
 * Puts finished runs side by side: one row for each configuration, its runs differing in the seed.
 *
 * @param runs run folders, or their paths
 * @throws VqkitError("run") for no runs, an unfinished one, two of the same configuration and seed, figures measured by
 * different conventions, or different images; ConfigError("baseline") for a row that is not there;
 * VqkitError("format" | "file")
 */
export async function buildComparison(
  runs: readonly (string | RunFolder)[],
  { baseline, sweep = [] }: BuildComparisonOptions = {},
): Promise<Comparison> {
  const folders = await Promise.all(
    runs.map((run) => (typeof run === "string" ? RunFolder.open(run) : Promise.resolve(run))),
  );
  const records = await Promise.all(folders.map(readRunRecord));
  const [first] = records;
  if (first === undefined) throw new VqkitError("run", "comparison: expected at least one run, got none.");
  const evaluations = checkComparable(records);
  const rows = groupRuns(records, sweep).map(rowOf);
  const reference = baselineAmong(rows, baseline);
  return {
    format: "vqkit-comparison",
    formatVersion: 1,
    baseline: reference.label,
    sweep,
    rows: rows.map((row) =>
      row === reference ? row : { ...row, fromBaseline: differences(row, reference) },
    ),
    baselines: {
      untrained: withoutIntervals(figuresOf(records, ({ untrained }) => untrained)),
      meanColour: withoutIntervals(figuresOf(firstOfEachSeed(records), ({ meanColour }) => meanColour)),
    },
    conventions: sharedConventions(records),
    heldOut: first.figures.heldOut,
    evaluations,
    differences: configDifferences(records, sweep),
  };
}

function rowOf({ records, label, swept }: RunGroup): ComparisonRow {
  const { kind, codebookSize, numCodebooks, nominalCodebookSize, codeDim } = records[0].figures.quantizer;
  return {
    quantizer: kind,
    label,
    swept,
    codebookSize,
    numCodebooks,
    nominalCodebookSize,
    codeDim,
    seeds: records.map(({ figures }) => figures.seed),
    ...(figuresOf(records, ({ final }) => final, { speed: true }) as ComparisonFigures),
    samples: records.map(({ figures }) => figures.final.samples),
    expectedUniformUsage: spreadOf(records.map(({ figures }) => figures.final.expectedUniformUsage)),
    fromBaseline: null,
    untrained: figuresOf(records, ({ untrained }) => untrained),
    runs: records.map(({ run }) => run.dir),
  };
}

/** By label, by one of its run folders, or by the kind that no other row has. */
function baselineAmong(rows: readonly ComparisonRow[], wanted: string | undefined): ComparisonRow {
  const [first] = rows as [ComparisonRow]; // there is a run, and so a row
  if (wanted === undefined) return first;
  const candidates = [
    rows.filter(({ label }) => label === wanted),
    rows.filter(({ runs }) => runs.some((dir) => dir === wanted || basename(resolve(dir)) === wanted)),
    rows.filter(({ quantizer }) => quantizer === wanted),
  ];
  const [found] = candidates.find(({ length }) => length === 1) ?? [];
  if (found !== undefined) return found;
  const labels = rows.map(({ label }) => label);
  throw new ConfigError(
    "baseline",
    `expected the name of a row, got "${wanted}". Rows: ${labels.map((label) => `"${label}"`).join(", ")}.${didYouMean(wanted, labels)}`,
  );
}

function differences(row: ComparisonRow, baseline: ComparisonRow): ComparisonDifferences {
  const each = FIGURE_NAMES.map((name) => {
    const [figure, reference] = [row[name], baseline[name]];
    // Runs that did not take turns on a quiet machine say nothing of speed.
    if (name === "imagesPerSecond") return [name, null];
    // A sum over code dimensions is on another scale where these are others.
    if (name === "quantizationError" && row.codeDim !== baseline.codeDim) return [name, null];
    if (figure === null || reference === null) return [name, null];
    return [
      name,
      pairedDifference(
        { seeds: row.seeds, values: figure.values },
        { seeds: baseline.seeds, values: reference.values },
      ),
    ];
  });
  return Object.fromEntries(each) as ComparisonDifferences;
}

/** Each figure of one evaluation of several runs; null when a run has not made that evaluation. */
function figuresOf(
  records: readonly RunRecord[],
  evaluation: (figures: RunRecord["figures"]) => EvaluationRecord | null,
  { speed = false } = {},
): ComparisonFigures | null {
  const made = records.map(({ figures }) => evaluation(figures)).filter((one) => one !== null);
  if (made.length !== records.length) return null;
  const speeds = records.map(({ figures }) => figures.training.imagesPerSecond);
  const figures = FIGURE_NAMES.map((name) => {
    if (name === "imagesPerSecond") return [name, speed ? comparedFigure(speeds) : null];
    return [name, comparedFigure(made.map((one) => one[name]))];
  });
  return Object.fromEntries(figures) as ComparisonFigures;
}

function withoutIntervals(figures: ComparisonFigures | null): ComparisonFigures | null {
  if (figures === null) return null;
  const each = FIGURE_NAMES.map((name) => [name, figures[name] && { ...figures[name], interval: null }]);
  return Object.fromEntries(each) as ComparisonFigures;
}

function comparedFigure(values: readonly (number | null)[]): ComparedFigure | null {
  const over = spreadOf(values);
  return over && { ...over, interval: meanInterval(over.values) };
}

/** null when a value is missing: a mean over some of the runs would be of another set. */
function spreadOf(values: readonly (number | null)[]): Spread | null {
  const known = values.filter((value) => value !== null);
  return known.length === values.length ? spread(known) : null;
}
