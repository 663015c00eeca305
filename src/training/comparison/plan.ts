import { join } from "node:path";
import { z } from "zod";
import { parseConfig } from "../../core/config.js";
import { ConfigError } from "../../core/errors.js";
import type { JsonObject, JsonValue } from "../../files/index.js";
import { describeQuantizers, type QuantizerConfig, quantizerKinds } from "../../quantizers/index.js";
import { dataObject, type RunConfig, type RunOptions, resolveRun } from "../run-config.js";
import { completed, completedQuantizer, type SourceModel } from "../source-model.js";
import { checkSweep, pointName, type Sweep, sweepPoints, withSweptValue } from "./sweep.js";

/** What the comparison itself decides for each run. */
const decidedHere = ["quantizer", "seed", "out", "overwrite", "nominalCodebookSize"] as const;

/** Which quantizers to train, and everything that they share. */
export interface ComparisonOptions {
  /** What all runs have in common. */
  readonly base: Omit<RunOptions, (typeof decidedHere)[number]>;
  /** Kinds, or a kind with its options; each kind once. Default: vq, rotation, simvq and fsq. */
  readonly quantizers?: readonly (string | QuantizerConfig)[];
  /**
   * Given to every quantizer that does not set its own size. Some kinds only come near it. Default: the size of the model
   * that the runs start from (`base.from`), otherwise 1024.
   */
  readonly codebookSize?: number;
  /** Each quantizer is trained once for each; default [0]. */
  readonly seeds?: readonly number[];
  /**
   * Each quantizer is trained with each of these values too: `codebookSize`, fields of a run (`learningRate`,
   * `model.baseWidth`), or options that all quantizers have (`quantizer.codeDim`). Default: nothing is swept.
   */
  readonly sweep?: Sweep;
  /** The folder that receives one run folder a run: `<kind>-seed<N>`, with the swept values between. */
  readonly out: string;
  /** Replace earlier runs there; default false. */
  readonly overwrite?: boolean;
}

/** One run of a comparison, checked and resolved. */
export interface PlannedRun {
  readonly quantizer: string;
  readonly seed: number;
  /** The values of the swept fields; none without a sweep. */
  readonly swept: JsonObject;
  readonly dir: string;
  readonly config: RunConfig;
}

/** What is compared where nobody says what: the four of the demo. */
const COMPARED: readonly string[] = ["fsq", "rotation", "simvq", "vq"];

const comparisonSchema = z.strictObject({
  base: z.record(z.string(), z.unknown()),
  quantizers: z
    .array(
      z.union([z.string(), z.looseObject({ kind: z.string() })], {
        error: "expected the name of a quantizer or an object with kind",
      }),
    )
    .min(1)
    .optional(),
  codebookSize: z.int().min(2).optional(),
  seeds: z.array(z.int().min(0)).min(1).default([0]),
  sweep: z.record(z.string(), z.array(z.json()).min(1)).default({}),
  out: z.string().min(1),
  overwrite: z.boolean().default(false),
});

/**
 * The runs of a comparison, in order: all quantizers with the first seed, then with the next; of a sweep, all quantizers
 * with the first values, then with the next.
 *
 * Every run has the same budget, model, loss and images, but for what is swept. For one seed, all quantizers see the
 * same crops in the same order, and their encoders and decoders start from the same weights; only the projections beside
 * the quantizer, which a code dimension other than `latentChannels` needs, belong to one run alone. The held-out files
 * are the same for all seeds: `data.splitSeed` is the first seed unless set.
 *
 * @param options `ComparisonOptions`, not yet trusted
 * @param source the model that `base.from` names: what the runs leave open is as in it
 * @throws ConfigError that names the offending field of the comparison or of a run
 */
export function planComparison(options: unknown, source: SourceModel | null = null): PlannedRun[] {
  const { base, seeds, sweep, ...rest } = parseConfig(comparisonSchema, options, "");
  checkBase(base);
  checkSweep(sweep);
  const quantizers = (rest.quantizers ?? COMPARED).map((each) =>
    typeof each === "string" ? { kind: each } : each,
  );
  checkDistinct(
    "quantizers",
    quantizers.map(({ kind }) => kind),
  );
  checkDistinct("seeds", seeds);
  if (Object.hasOwn(sweep, "codebookSize")) checkSizes(sweep.codebookSize ?? [], quantizers);
  const shared = { ...base, data: withSplitSeed(dataObject(base.data), seeds[0] as number) };
  const runs = seeds.flatMap((seed) =>
    sweepPoints(sweep).flatMap((swept) =>
      quantizers.map((quantizer) => plannedRun({ ...rest, seed, swept, shared, quantizer, source })),
    ),
  );
  checkFolders(runs);
  return runs;
}

interface RunParts {
  readonly shared: Readonly<Record<string, unknown>>;
  readonly quantizer: QuantizerConfig;
  readonly swept: JsonObject;
  readonly seed: number;
  readonly codebookSize?: number | undefined;
  readonly out: string;
  readonly overwrite: boolean;
  readonly source: SourceModel | null;
}

function plannedRun({ shared, swept, seed, codebookSize, out, overwrite, ...parts }: RunParts): PlannedRun {
  const { source } = parts;
  let options = { ...shared, quantizer: parts.quantizer } as unknown as JsonObject; // resolved below
  let size = codebookSize;
  for (const [field, value] of Object.entries(swept)) {
    if (field === "codebookSize") size = value as number;
    else options = withSweptValue(options, field, value);
  }
  const given = options.quantizer as unknown as QuantizerConfig;
  const sized =
    size === undefined && source !== null
      ? withSize(completedQuantizer(given, source) as QuantizerConfig, sizeOf(source.quantizer))
      : withSize(given, size);
  const { kind } = parts.quantizer;
  const name = [kind, pointName(swept), `seed${seed}`].filter((part) => part !== "").join("-");
  const dir = join(out, name);
  const { quantizer, nominalCodebookSize } = sized;
  const decided = { ...options, quantizer, nominalCodebookSize, seed, out: dir, overwrite };
  const config = resolveRun(
    source === null ? decided : completed(decided as unknown as RunOptions, source), // resolved here
  );
  return { quantizer: kind, seed, swept, dir, config };
}

interface SizedQuantizer {
  readonly quantizer: QuantizerConfig;
  readonly nominalCodebookSize: number;
}

/** Gives a quantizer the common size, if it sets none by `codebookSize` or `levels` and has such an option. */
function withSize(quantizer: QuantizerConfig, common = 1024): SizedQuantizer {
  const { codebookSize } = quantizer;
  const nominalCodebookSize = typeof codebookSize === "number" ? codebookSize : common;
  if (hasOwnSize(quantizer) || !takesSize(quantizer)) return { quantizer, nominalCodebookSize };
  return { quantizer: { ...quantizer, codebookSize: common }, nominalCodebookSize };
}

/** The number of codes in a resolved configuration; undefined where it says none. */
function sizeOf({ codebookSize, levels }: QuantizerConfig): number | undefined {
  if (typeof codebookSize === "number") return codebookSize;
  return Array.isArray(levels)
    ? levels.reduce((product: number, level) => product * Number(level), 1)
    : undefined;
}

function hasOwnSize({ codebookSize, levels }: QuantizerConfig): boolean {
  return codebookSize !== undefined || levels !== undefined;
}

/** An unknown kind has no description; resolving it names the known ones. */
function takesSize({ kind }: QuantizerConfig): boolean {
  const options = describeQuantizers().find((each) => each.kind === kind)?.options ?? [];
  return options.some(({ name }) => name === "codebookSize");
}

/** A sweep of sizes that a quantizer does not follow would train the same model again and again. */
function checkSizes(sizes: readonly JsonValue[], quantizers: readonly QuantizerConfig[]): void {
  const wrong = sizes.findIndex((size) => typeof size !== "number" || !Number.isInteger(size) || size < 2);
  if (wrong >= 0) {
    throw new ConfigError(
      `sweep.codebookSize[${wrong}]`,
      `expected an integer >= 2, got ${JSON.stringify(sizes[wrong])}.`,
    );
  }
  for (const [i, quantizer] of quantizers.entries()) {
    const isKnown = quantizerKinds().includes(quantizer.kind);
    if (!hasOwnSize(quantizer) && (takesSize(quantizer) || !isKnown)) continue;
    throw new ConfigError(
      `quantizers[${i}]`,
      `expected a quantizer that takes the codebook size of the sweep, got ${JSON.stringify(quantizer)}. Leave its size out, or leave it out of the sweep.`,
    );
  }
}

function checkBase(base: Readonly<Record<string, unknown>>): void {
  const taken = decidedHere.find((name) => Object.hasOwn(base, name));
  if (taken === undefined) return;
  throw new ConfigError(
    `base.${taken}`,
    "expected nothing, for the comparison sets it for each run. Remove it.",
  );
}

function withSplitSeed(data: unknown, seed: number): unknown {
  if (typeof data !== "object" || data === null) return data;
  const { splitSeed } = data as { splitSeed?: unknown };
  return { ...data, splitSeed: splitSeed ?? seed };
}

function checkDistinct(name: string, values: readonly (string | number)[]): void {
  const again = values.findIndex((value, i) => values.indexOf(value) < i);
  if (again >= 0) {
    throw new ConfigError(
      `${name}[${again}]`,
      `expected each value once, got ${JSON.stringify(values[again])} again.`,
    );
  }
}

function checkFolders(runs: readonly PlannedRun[]): void {
  const dirs = runs.map(({ dir }) => dir);
  const again = dirs.find((dir, i) => dirs.indexOf(dir) < i);
  if (again === undefined) return;
  throw new ConfigError(
    "sweep",
    `expected values that can be told apart in names of folders, got two for ${again}.`,
  );
}
