import { isDeepStrictEqual } from "node:util";
import { VqkitError } from "../../core/errors.js";
import { isObject, valueAt } from "../../core/objects.js";
import type { JsonObject, JsonValue } from "../../files/index.js";
import type { RunRecord } from "../records/run-record.js";

/** Runs that differ in nothing but the seed, ascending; what they share is a row of the comparison. */
export interface RunGroup {
  readonly records: readonly [RunRecord, ...RunRecord[]];
  /** What tells this row from others. */
  readonly label: string;
  /** The values of the swept fields. */
  readonly swept: JsonObject;
}

/** Where a run was made and how often it wrote something down: no reason for a row of its own. */
const CIRCUMSTANCES: Readonly<Record<string, readonly string[]>> = {
  "": [
    "seed",
    "out",
    "overwrite",
    "nominalCodebookSize",
    "threads",
    "logEvery",
    "evaluateEvery",
    "checkpointEvery",
    "evaluateUntrained",
    "timelineRecords",
    "reconstructionStrips",
  ],
  data: ["images", "splitSeed", "prefetch", "cacheMegabytes", "maxPixels"],
};

/**
 * Puts runs of equal configurations together, in the order in which these first come.
 *
 * @param sweep fields whose values make rows of their own, e.g. "codebookSize" or "model.baseWidth"
 * @throws VqkitError("run") for two runs of the same configuration and seed
 */
export function groupRuns(records: readonly RunRecord[], sweep: readonly string[]): RunGroup[] {
  const groups: { key: JsonObject; swept: JsonObject; records: [RunRecord, ...RunRecord[]] }[] = [];
  for (const record of records) {
    const swept = Object.fromEntries(sweep.map((field) => [field, sweptValue(record, field)]));
    const key = { swept, config: madeOf(record) };
    const group = groups.find((each) => isDeepStrictEqual(each.key, key));
    if (group === undefined) groups.push({ key, swept, records: [record] });
    else group.records.push(record);
  }
  for (const group of groups) sortBySeed(group.records);
  const labels = labelsOf(groups);
  return groups.map(({ records: runs, swept }, i) => ({ records: runs, swept, label: labels[i] ?? "" }));
}

function madeOf({ config }: RunRecord): JsonObject {
  const { data, ...rest } = config as JsonObject; // it came out of JSON
  const kept = (value: JsonObject, part: string): JsonObject =>
    Object.fromEntries(Object.entries(value).filter(([field]) => !CIRCUMSTANCES[part]?.includes(field)));
  return { ...kept(rest, ""), data: isObject(data) ? kept(data, "data") : (data ?? null) };
}

/** The size that was asked for stands for `codebookSize`: some quantizers only come near it. */
function sweptValue({ config, figures }: RunRecord, field: string): JsonValue {
  const { nominalCodebookSize, codebookSize } = figures.quantizer;
  if (field === "codebookSize") return nominalCodebookSize ?? codebookSize;
  return (valueAt(config, field) as JsonValue | undefined) ?? null;
}

function sortBySeed(records: [RunRecord, ...RunRecord[]]): void {
  records.sort((a, b) => a.figures.seed - b.figures.seed);
  const twice = records.find((record, i) => record.figures.seed === records[i - 1]?.figures.seed);
  if (twice === undefined) return;
  throw new VqkitError(
    "run",
    `${twice.run.dir}: expected one run for each configuration and seed, got another of ${twice.figures.quantizer.kind} and seed ${twice.figures.seed}. Leave one out.`,
  );
}

type Unlabelled = Omit<RunGroup, "label">;

/** For each group the shortest name that no other group has as well; at last the folder of its first run. */
function labelsOf(groups: readonly Unlabelled[]): string[] {
  const candidates = groups.map(namesOf);
  return candidates.map((names, i) => {
    const only = names.find((name, level) =>
      candidates.every((others, j) => j === i || others[level] !== name),
    );
    return only ?? groups[i]?.records[0].run.dir ?? "";
  });
}

/** The kind; with its size; with what is swept; the folder's own name. */
function namesOf({ records: [{ figures, name }], swept }: Unlabelled): string[] {
  const { kind, codebookSize } = figures.quantizer;
  const values = Object.entries(swept).map(([field, value]) => sweptName(field, value));
  // Of a sweep the swept values say more than the size that came of them.
  if (values.length > 0) return [kind, [kind, ...values].join(" ")];
  return [kind, `${kind} ${codebookSize}`, name.replace(/-seed\d+$/, "")];
}

/** `codebookSize=256`; the last word of a path is enough where it is to be read. */
export function sweptName(field: string, value: JsonValue): string {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return `${field.split(".").at(-1)}=${text}`;
}
