import { join } from "node:path";
import { z } from "zod";
import { parseConfig } from "../../core/config.js";
import { ConfigError } from "../../core/errors.js";
import { describeQuantizers, type QuantizerConfig, quantizerKinds } from "../../quantizers/index.js";
import { RunFolder } from "../../runs/index.js";
import { dataObject, type RunConfig, type RunOptions, resolveRun } from "../run-config.js";
import type { StepMetrics } from "../step-metrics.js";
import { Trainer } from "../trainer.js";
import type { TrainerHooks } from "../trainer-hooks.js";
import type { RunDescription, TrainingResult } from "../training-result.js";

/** What the comparison itself decides for each run. */
const decidedHere = ["quantizer", "seed", "out", "overwrite", "nominalCodebookSize"] as const;

/** Which quantizers to train, and everything that they share. */
export interface ComparisonOptions {
  /** What all runs have in common. */
  readonly base: Omit<RunOptions, (typeof decidedHere)[number]>;
  /** Kinds, or a kind with its options; each kind once. Default: every registered kind. */
  readonly quantizers?: readonly (string | QuantizerConfig)[];
  /** Given to every quantizer that does not set its own size; default 1024. Some kinds only come near it. */
  readonly codebookSize?: number;
  /** Each quantizer is trained once for each; default [0]. */
  readonly seeds?: readonly number[];
  /** The folder that receives one run folder a run, `<kind>-seed<N>`. */
  readonly out: string;
  /** Replace earlier runs there; default false. */
  readonly overwrite?: boolean;
}

/** One run of a comparison, checked and resolved. */
export interface PlannedRun {
  readonly quantizer: string;
  readonly seed: number;
  readonly dir: string;
  readonly config: RunConfig;
}

/** Which run an event is about. */
export interface RunIdentity {
  /** The quantizer's kind. */
  readonly quantizer: string;
  readonly seed: number;
  /** The run folder. */
  readonly dir: string;
  /** Position of the run, from 0, and how many there are. */
  readonly index: number;
  readonly total: number;
}

/** What a comparison tells as it goes. */
export type ComparisonEvent =
  | (RunIdentity & {
      readonly type: "run-start";
      readonly config: RunConfig;
      readonly description: RunDescription;
    })
  | (RunIdentity & { readonly type: "step"; readonly metrics: StepMetrics })
  | (RunIdentity & { readonly type: "run-end"; readonly result: TrainingResult });

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
  codebookSize: z.int().min(2).default(1024),
  seeds: z.array(z.int().min(0)).min(1).default([0]),
  out: z.string().min(1),
  overwrite: z.boolean().default(false),
});

/**
 * The runs of a comparison, in order: all quantizers with the first seed, then with the next.
 *
 * Every run has the same budget, model, loss and images. For one seed, all quantizers see the same crops in the same
 * order, and their encoders and decoders start from the same weights; only the projections beside the quantizer, which
 * a code dimension other than `latentChannels` needs, belong to one run alone. The held-out files are the same for all
 * seeds: `data.splitSeed` is the first seed unless set.
 *
 * @param options `ComparisonOptions`, not yet trusted
 * @throws ConfigError that names the offending field of the comparison or of a run
 */
export function planComparison(options: unknown): PlannedRun[] {
  const { base, codebookSize, seeds, out, overwrite, ...rest } = parseConfig(comparisonSchema, options, "");
  const taken = decidedHere.find((name) => Object.hasOwn(base, name));
  if (taken !== undefined) {
    throw new ConfigError(
      `base.${taken}`,
      "expected nothing, for the comparison sets it for each run. Remove it.",
    );
  }
  const quantizers = (rest.quantizers ?? quantizerKinds()).map((each) =>
    withSize(typeof each === "string" ? { kind: each } : each, codebookSize),
  );
  checkDistinct(
    "quantizers",
    quantizers.map(({ options: { kind } }) => kind),
  );
  checkDistinct("seeds", seeds);
  const data = withSplitSeed(dataObject(base.data), seeds[0] as number);
  return seeds.flatMap((seed) =>
    quantizers.map(({ options: quantizer, nominalCodebookSize }) => {
      const dir = join(out, `${quantizer.kind}-seed${seed}`);
      const run = { ...base, data, quantizer, nominalCodebookSize, seed, out: dir, overwrite };
      return { quantizer: quantizer.kind, seed, dir, config: resolveRun(run) };
    }),
  );
}

/**
 * Trains every quantizer with every seed, one run after another, and tells what happens. All options and folders are
 * checked before the first run starts.
 *
 * When the caller leaves the loop or aborts, the run under way ends as `Trainer.run` says; finished runs stand.
 *
 * @param control what `Trainer.create` and `Trainer.run` take
 * @throws as `planComparison`, `Trainer.create` and `Trainer.run` do
 */
export async function* compareQuantizers(
  options: ComparisonOptions,
  control: TrainerHooks & { readonly signal?: AbortSignal } = {},
): AsyncGenerator<ComparisonEvent, void, undefined> {
  const { signal, ...hooks } = control;
  const runs = planComparison(options);
  for (const { dir, config } of runs) await RunFolder.check(dir, { overwrite: config.overwrite });
  for (const [index, { quantizer, seed, dir, config }] of runs.entries()) {
    const identity: RunIdentity = { quantizer, seed, dir, index, total: runs.length };
    const trainer = await Trainer.create(config, hooks);
    try {
      yield { ...identity, type: "run-start", config, description: trainer.describe() };
      for await (const metrics of trainer.run(signal === undefined ? {} : { signal })) {
        yield { ...identity, type: "step", metrics };
      }
      // The loop above ended by itself, so there is a result.
      yield { ...identity, type: "run-end", result: trainer.result as TrainingResult };
    } finally {
      trainer.dispose();
    }
  }
}

interface SizedQuantizer {
  readonly options: QuantizerConfig;
  readonly nominalCodebookSize: number;
}

/** Gives a quantizer the common size, if it sets none by `codebookSize` or `levels` and has such an option. */
function withSize(options: QuantizerConfig, common: number): SizedQuantizer {
  const { codebookSize, levels } = options;
  const nominalCodebookSize = typeof codebookSize === "number" ? codebookSize : common;
  if (codebookSize !== undefined || levels !== undefined) return { options, nominalCodebookSize };
  // An unknown kind has no description; resolving it names the known ones.
  const known = describeQuantizers().find(({ kind }) => kind === options.kind)?.options ?? [];
  const takesSize = known.some(({ name }) => name === "codebookSize");
  return { options: takesSize ? { ...options, codebookSize: common } : options, nominalCodebookSize };
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
