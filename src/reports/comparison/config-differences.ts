import { isDeepStrictEqual } from "node:util";
import type { JsonValue } from "../../runs/index.js";
import type { RunRecord } from "../run-record.js";

/** A field in which configurations differ. JSON-safe. */
export interface ConfigDifference {
  /** Where it stands, e.g. `model.baseWidth`. */
  readonly path: string;
  /** The different values, in the order of the runs; null where the field is missing. */
  readonly values: readonly JsonValue[];
}

/** What a comparison varies on purpose, and where its results are put. */
const VARIED: ReadonlySet<string> = new Set(["quantizer", "nominalCodebookSize", "seed", "out", "overwrite"]);

/** The fields, quantizer and seed aside, that are not the same in all runs. */
export function configDifferences(records: readonly Pick<RunRecord, "config">[]): ConfigDifference[] {
  return differences(
    records.map(({ config }) =>
      Object.fromEntries(Object.entries(config).filter(([field]) => !VARIED.has(field))),
    ),
    "",
  );
}

function differences(values: readonly unknown[], path: string): ConfigDifference[] {
  const [first, ...others] = values;
  if (others.every((other) => isDeepStrictEqual(first, other))) return [];
  if (!values.every(isPlainObject)) return [{ path, values: distinct(values) }];
  const keys = new Set(values.flatMap((value) => Object.keys(value)));
  return [...keys].flatMap((key) =>
    differences(
      values.map((value) => (value as Readonly<Record<string, unknown>>)[key]),
      path === "" ? key : `${path}.${key}`,
    ),
  );
}

function distinct(values: readonly unknown[]): JsonValue[] {
  const found: unknown[] = [];
  for (const value of values) {
    if (!found.some((other) => isDeepStrictEqual(other, value))) found.push(value);
  }
  return found.map((value) => (value ?? null) as JsonValue); // it came out of JSON
}

function isPlainObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
