import { isDeepStrictEqual } from "node:util";
import { VqkitError } from "../../core/errors.js";
import { assertSameConventions, type MetricCard, type Spread, spread } from "../../metrics/index.js";
import { RunFolder } from "../../runs/index.js";
import { FIGURE_NAMES, type FigureName } from "../figures.js";
import { type EvaluationRecord, type RunRecord, readRunRecord } from "../run-record.js";
import { type ConfigDifference, configDifferences } from "./config-differences.js";

/** Each figure over several runs; null where it has no meaning (the codebook of a baseline that has none). */
export type ComparisonFigures = { readonly [F in FigureName]: Spread | null };

/** One quantizer: its runs, one a seed. */
export interface ComparisonRow extends ComparisonFigures {
  /** The quantizer's kind. */
  readonly quantizer: string;
  /** What tells this row from others of the same kind; the kind itself where there is only one. */
  readonly label: string;
  /** Exact, e.g. 1000 for FSQ. */
  readonly codebookSize: number;
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
  /** The same models before their first step; null when they were not evaluated. */
  readonly untrained: ComparisonFigures | null;
  /** The run folders, by seed. */
  readonly runs: readonly string[];
}

/** What one seed was evaluated on: the same images for every quantizer. */
export interface ComparedImages {
  readonly seed: number;
  readonly images: number;
  /** Digest of the pixels; null when it was not recorded. */
  readonly imagesDigest: string | null;
}

/** Quantizers side by side. JSON-safe: `comparison.json`. */
export interface Comparison {
  readonly format: "vqkit-comparison";
  readonly formatVersion: 1;
  /** In the order in which the quantizers were first given. */
  readonly rows: readonly ComparisonRow[];
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
  /** What else than quantizer and seed differs between the runs' configurations: none in a fair comparison. */
  readonly differences: readonly ConfigDifference[];
}

/** Lines of the conventions that say which images were used: they may differ from seed to seed, not within one. */
const IMAGE_LINES: readonly string[] = ["imagesDigest", "evaluationImages"];

/**
 * Puts finished runs side by side: one row for each quantizer configuration, its runs differing in the seed.
 *
 * @param runs run folders, or their paths
 * @throws VqkitError("run") for no runs, an unfinished one, two of the same quantizer and seed, figures measured by
 * different conventions, or different images at the same seed; VqkitError("format" | "file")
 */
export async function buildComparison(runs: readonly (string | RunFolder)[]): Promise<Comparison> {
  const folders = await Promise.all(
    runs.map((run) => (typeof run === "string" ? RunFolder.open(run) : Promise.resolve(run))),
  );
  const records = await Promise.all(folders.map(readRunRecord));
  const [first] = records;
  if (first === undefined) throw new VqkitError("run", "comparison: expected at least one run, got none.");
  const evaluations = checkEvaluations(records);
  const groups = byQuantizer(records);
  return {
    format: "vqkit-comparison",
    formatVersion: 1,
    rows: groups.map((group) => rowOf(group, groups)),
    baselines: {
      untrained: figuresOf(records, ({ untrained }) => untrained),
      meanColour: figuresOf(firstOfEachSeed(records), ({ meanColour }) => meanColour),
    },
    conventions: sharedConventions(records),
    heldOut: first.figures.heldOut,
    evaluations,
    differences: configDifferences(records),
  };
}

/** All runs by one set of conventions; of one seed, on the same images. */
function checkEvaluations(records: readonly RunRecord[]): ComparedImages[] {
  const named = (card: (record: RunRecord) => MetricCard) =>
    records.map((record) => ({ name: record.run.dir, card: card(record) }));
  assertSameConventions(named(({ conventions }) => without(conventions, IMAGE_LINES)));
  assertSameConventions(named(({ figures }) => ({ heldOut: figures.heldOut })));
  return firstOfEachSeed(records).map((first) => {
    const { seed } = first.figures;
    const same = records.filter(({ figures }) => figures.seed === seed);
    assertSameConventions(same.map(({ run, conventions }) => ({ name: run.dir, card: conventions })));
    assertSameConventions(
      same.map(({ run, figures }) => ({ name: run.dir, card: { images: figures.final.images } })),
    );
    const { imagesDigest } = first.conventions;
    return {
      seed,
      images: first.figures.final.images,
      imagesDigest: typeof imagesDigest === "string" ? imagesDigest : null,
    };
  });
}

/** The conventions of all runs; what differs from seed to seed stands in `evaluations`. */
function sharedConventions(records: readonly RunRecord[]): MetricCard {
  const [first, ...others] = records.map(({ conventions }) => conventions);
  const differing = IMAGE_LINES.filter((line) => others.some((card) => card[line] !== first?.[line]));
  return without(first ?? {}, differing);
}

function without(card: MetricCard, lines: readonly string[]): MetricCard {
  return Object.fromEntries(Object.entries(card).filter(([line]) => !lines.includes(line)));
}

function firstOfEachSeed(records: readonly RunRecord[]): RunRecord[] {
  const bySeed = new Map<number, RunRecord>();
  for (const record of records) {
    if (!bySeed.has(record.figures.seed)) bySeed.set(record.figures.seed, record);
  }
  return [...bySeed.values()].sort((a, b) => a.figures.seed - b.figures.seed);
}

/** Runs of equal quantizer configurations, by ascending seed. */
type Group = readonly [RunRecord, ...RunRecord[]];

function byQuantizer(records: readonly RunRecord[]): Group[] {
  const groups: [RunRecord, ...RunRecord[]][] = [];
  for (const record of records) {
    const group = groups.find(([first]) =>
      isDeepStrictEqual(first.config.quantizer, record.config.quantizer),
    );
    if (group === undefined) groups.push([record]);
    else group.push(record);
  }
  for (const group of groups) {
    group.sort((a, b) => a.figures.seed - b.figures.seed);
    const twice = group.find((record, i) => record.figures.seed === group[i - 1]?.figures.seed);
    if (twice !== undefined) {
      throw new VqkitError(
        "run",
        `${twice.run.dir}: expected one run for each quantizer and seed, got another of ${twice.figures.quantizer.kind} and seed ${twice.figures.seed}. Leave one out.`,
      );
    }
  }
  return groups;
}

function rowOf(group: Group, groups: readonly Group[]): ComparisonRow {
  const { kind, codebookSize, nominalCodebookSize, codeDim } = group[0].figures.quantizer;
  return {
    quantizer: kind,
    label: labelOf(group, groups),
    codebookSize,
    nominalCodebookSize,
    codeDim,
    seeds: group.map(({ figures }) => figures.seed),
    ...(figuresOf(group, ({ final }) => final, { speed: true }) as ComparisonFigures),
    samples: group.map(({ figures }) => figures.final.samples),
    expectedUniformUsage: spreadOf(group.map(({ figures }) => figures.final.expectedUniformUsage)),
    untrained: figuresOf(group, ({ untrained }) => untrained),
    runs: group.map(({ run }) => run.dir),
  };
}

/** The kind; with its size where several rows are of that kind; the folder's name where that is not enough. */
function labelOf(group: Group, groups: readonly Group[]): string {
  const { kind, codebookSize } = group[0].figures.quantizer;
  const sameKind = groups.filter(([{ figures }]) => figures.quantizer.kind === kind);
  if (sameKind.length === 1) return kind;
  const sameSize = sameKind.filter(([{ figures }]) => figures.quantizer.codebookSize === codebookSize);
  return sameSize.length === 1 ? `${kind} ${codebookSize}` : group[0].name.replace(/-seed\d+$/, "");
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
  const spreads = FIGURE_NAMES.map((name) => {
    if (name === "imagesPerSecond") return [name, speed ? spreadOf(speeds) : null];
    return [name, spreadOf(made.map((one) => one[name]))];
  });
  return Object.fromEntries(spreads) as ComparisonFigures;
}

/** null when a value is missing: a mean over some of the runs would be of another set. */
function spreadOf(values: readonly (number | null)[]): Spread | null {
  const known = values.filter((value) => value !== null);
  return known.length === values.length ? spread(known) : null;
}
