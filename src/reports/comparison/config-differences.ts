import { isDeepStrictEqual } from "node:util";
import { isObject } from "../../core/objects.js";
import type { JsonValue } from "../../files/index.js";
import type { RunRecord } from "../records/run-record.js";

/** A field in which configurations differ. JSON-safe. */
export interface ConfigDifference {
  /** Where it stands, e.g. `model.baseWidth`. */
  readonly path: string;
  /** The different values, in the order of the runs; null where the field is missing. */
  readonly values: readonly JsonValue[];
}

/** What a comparison varies on purpose, and where its results are put. */
const VARIED: readonly string[] = ["quantizer", "nominalCodebookSize", "seed", "out", "overwrite"];

/**
 * The fields, quantizer and seed aside, that are not the same in all runs.
 *
 * @param sweep fields that differ on purpose
 */
export function configDifferences(
  records: readonly Pick<RunRecord, "config">[],
  sweep: readonly string[] = [],
): ConfigDifference[] {
  const aside = [...VARIED, ...sweep];
  return differingFields(records.map(({ config }) => config)).flatMap(({ path, values }) =>
    aside.some((field) => path === field || path.startsWith(`${field}.`))
      ? []
      : [{ path, values: distinct(values) }],
  );
}

/**
 * The fields that are not the same in all configurations, lists being values.
 *
 * @returns value i of each is that of configuration i, null where it has no such field
 */
export function differingFields(configs: readonly Readonly<Record<string, unknown>>[]): ConfigDifference[] {
  return differences(configs, "");
}

function differences(values: readonly unknown[], path: string): ConfigDifference[] {
  const [first, ...others] = values;
  if (others.every((other) => isDeepStrictEqual(first, other))) return [];
  // A whole part that only some have is told field by field as well.
  const given = values.filter((value) => value !== undefined && value !== null);
  if (!given.every(isObject)) {
    return [{ path, values: values.map((value) => (value ?? null) as JsonValue) }]; // it came out of JSON
  }
  const keys = new Set(given.flatMap((value) => Object.keys(value)));
  return [...keys].flatMap((key) =>
    differences(
      values.map((value) => (isObject(value) ? value[key] : undefined)),
      path === "" ? key : `${path}.${key}`,
    ),
  );
}

function distinct(values: readonly JsonValue[]): JsonValue[] {
  const found: JsonValue[] = [];
  for (const value of values) {
    if (!found.some((other) => isDeepStrictEqual(other, value))) found.push(value);
  }
  return found;
}
