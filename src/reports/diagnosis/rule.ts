import { formatCount } from "../../drawing/index.js";
import type { Curve } from "./curve.js";
import type { DiagnosedCurve, DiagnosisRecord } from "./record.js";
import type { RunSettings } from "./settings.js";

/** info: good to know. warning: the run is worse for it. critical: the run has failed in this respect. */
export const severities = ["info", "warning", "critical"] as const;
export type Severity = (typeof severities)[number];

/** What one rule makes of a record. */
export type Outcome =
  | {
      readonly status: "found";
      readonly severity: Severity;
      /** What was measured, beside its threshold; one sentence. */
      readonly seen: string;
    }
  | { readonly status: "fine"; readonly seen: string }
  /** The record does not have what the rule needs; `seen` says what is missing. */
  | { readonly status: "unknown"; readonly seen: string };

/** Something to try: for every run, or for those whose settings leave room for it. */
export type Remedy = string | { readonly text: string; readonly helps: (settings: RunSettings) => boolean };

/** A named check with fixed thresholds. Pure: the same record gives the same outcome. */
export interface Rule {
  /** Lower case words with hyphens; stable, for programs to match on. */
  readonly name: string;
  readonly title: string;
  /** What to try, the likeliest help first. */
  readonly remedies: readonly Remedy[];
  readonly judge: (record: DiagnosisRecord) => Outcome;
  /** Whether it is a question at all for the run; by default it is. Another run does not hear of the rule. */
  readonly applies?: (record: DiagnosisRecord) => boolean;
}

export const fine = (seen: string): Outcome => ({ status: "fine", seen });
export const unknown = (seen: string): Outcome => ({ status: "unknown", seen });
export const found = (severity: Severity, seen: string): Outcome => ({ status: "found", severity, seen });

/** Trends are judged from so many records on. */
export const FEWEST_RECORDS = 20;

/** Judges a trend where enough was recorded. */
export function withTrend(
  record: DiagnosisRecord,
  name: DiagnosedCurve,
  judge: (curve: Curve) => Outcome,
): Outcome {
  const curve = record.curves[name];
  const records = curve?.records ?? 0;
  if (curve === undefined || records === 0) return unknown(`${name} was not recorded`);
  if (records < FEWEST_RECORDS) {
    return unknown(`${formatCount(records)} records of ${name}; a trend needs at least ${FEWEST_RECORDS}`);
  }
  return judge(curve);
}
