import { isDeepStrictEqual } from "node:util";
import { ConfigError } from "../core/errors.js";
import { type RunConfig, resolveRun, runOptionNames, savedConfig } from "./run-config.js";

/**
 * What may change when a run goes on: how long and how fast it learns, what it writes, what it computes on, and where
 * the same images are now. Everything else would make the checkpoint that of another run.
 */
export const changeableFields: readonly string[] = [
  "steps",
  "learningRate",
  "warmupSteps",
  "schedule",
  "finalLearningRateFraction",
  "gradientClip",
  "onNan",
  "logEvery",
  "evaluateEvery",
  "checkpointEvery",
  "engine",
  "device",
  "threads",
  "data.images",
  "data.prefetch",
  "data.cacheMegabytes",
];

/** A field that differs between the run and what was asked for. */
export interface ConfigChange {
  /** e.g. `data.prefetch` */
  readonly field: string;
  readonly from: unknown;
  readonly to: unknown;
}

/**
 * The configuration that a run goes on with.
 *
 * @param saved what the run folder has
 * @param changes what the caller wants otherwise; a field that is not named stays
 * @throws ConfigError naming the first field that may not change, or that is wrong
 */
export function resumedConfig(
  saved: unknown,
  changes: Readonly<Record<string, unknown>>,
): { readonly config: RunConfig; readonly changes: readonly ConfigChange[] } {
  const before = resolveRun(saved);
  const misplaced = ["out", "overwrite"].find((name) => name in changes);
  if (misplaced !== undefined) {
    throw new ConfigError(misplaced, "expected nothing, for a run goes on in its own folder. Remove it.");
  }
  const merged = { ...before, ...changes } as Record<string, unknown>;
  for (const part of ["data", "quantizer", "optimizer", "model"] as const) {
    const given = part in changes ? objectOf(part, changes[part]) : {};
    // A preset says every field of the model.
    merged[part] = "preset" in given ? given : { ...before[part], ...given };
  }
  if (!("nominalCodebookSize" in changes)) merged.nominalCodebookSize = before.nominalCodebookSize;
  refuseOtherKind(before, merged.quantizer);
  const config = resolveRun(merged);
  const found = [...differences("", savedConfig(before), savedConfig(config))];
  const refused = found.find(({ field }) => !changeableFields.includes(field));
  if (refused !== undefined) {
    const { field, from, to } = refused;
    throw new ConfigError(
      field,
      `expected ${shown(from)} as in the run that goes on, got ${shown(to)}. Only these may change: ${changeableFields.join(", ")}. Start a new run for the rest.`,
    );
  }
  return { config, changes: found };
}

/** A part of the options as an object, from its short form. */
function objectOf(part: string, value: unknown): Record<string, unknown> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return { ...value };
  if (part === "data") return { images: value };
  if (part === "quantizer") return { kind: value };
  if (part === "model") return { preset: value };
  throw new ConfigError(part, `expected an object, got ${shown(value)}.`);
}

/** Before the options of one kind are read as those of another. */
function refuseOtherKind({ quantizer }: RunConfig, given: unknown): void {
  const { kind } = given as { kind?: unknown };
  if (kind === quantizer.kind) return;
  throw new ConfigError(
    "quantizer.kind",
    `expected ${shown(quantizer.kind)} as in the run that goes on, got ${shown(kind)}. Start a new run for another quantizer.`,
  );
}

/** Each leaf that differs; lists are leaves. */
function* differences(field: string, before: unknown, after: unknown): Generator<ConfigChange> {
  if (!isPlain(before) || !isPlain(after)) {
    if (!isDeepStrictEqual(before, after)) yield { field, from: before, to: after };
    return;
  }
  const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
  const order = (key: string) => (field === "" ? runOptionNames.indexOf(key) : 0);
  for (const key of [...keys].sort((a, b) => order(a) - order(b))) {
    yield* differences(field === "" ? key : `${field}.${key}`, before[key], after[key]);
  }
}

function isPlain(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? "nothing";
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
