import { checkerboard, discriminatorWins, weightAtClamp } from "./adversarial-rules.js";
import { deadCodes, idleCodebook, overSizedCodebook, usageFalling } from "./codebook-rules.js";
import { commitmentGrowing, lowRankLatents, normGap } from "./latent-rules.js";
import type { DiagnosisRecord } from "./record.js";
import { type Outcome, type Remedy, type Rule, type Severity, severities } from "./rule.js";
import { settingsOf } from "./settings.js";
import { explainsTheRest, explodingGradient, underTrained } from "./training-rules.js";

/** The rules of every run, in the order of docs/doctor.md. */
export const diagnosisRules: readonly Rule[] = [
  usageFalling,
  deadCodes,
  idleCodebook,
  overSizedCodebook,
  commitmentGrowing,
  normGap,
  lowRankLatents,
  underTrained,
  explodingGradient,
];

/** Rules that are a question for some runs alone. */
const particularRules: readonly Rule[] = [discriminatorWins, weightAtClamp, checkerboard];

/** Something that is wrong with a run. */
export interface Finding {
  /** The rule's name, e.g. `dead-codes`; stable. */
  readonly rule: string;
  readonly title: string;
  readonly severity: Severity;
  /** What was measured, beside its threshold. */
  readonly seen: string;
  /** What to try, the likeliest help first; nothing that the run's configuration has already. */
  readonly remedies: readonly string[];
  /** What other rules found and this explains: of a run that has hardly been trained, all that looks wrong with it. */
  readonly symptoms: readonly RuleNote[];
}

/** A rule that found nothing, or could not be judged. */
export interface RuleNote {
  readonly rule: string;
  readonly seen: string;
}

/** What the doctor makes of a run. JSON-safe. */
export interface Diagnosis {
  /** The gravest first. */
  readonly findings: readonly Finding[];
  readonly fine: readonly RuleNote[];
  /** Rules whose figures were not recorded, and why. */
  readonly notJudged: readonly RuleNote[];
}

/** A rule with what it found. */
interface Found {
  readonly rule: Rule;
  readonly outcome: Extract<Outcome, { readonly status: "found" }>;
}

/**
 * Judges a record by every rule. Pure and quick (no file, no tensor; time in the bins of the curves, not in the steps),
 * so that it may be called at every step of a training in progress.
 */
export function diagnose(record: DiagnosisRecord): Diagnosis {
  const settings = settingsOf(record.config);
  const helpful = (remedies: readonly Remedy[]): string[] =>
    remedies.flatMap((remedy) => {
      if (typeof remedy === "string") return remedy;
      return remedy.helps(settings) ? remedy.text : [];
    });
  const asked = [...diagnosisRules, ...particularRules].filter((rule) => rule.applies?.(record) ?? true);
  const outcomes = asked.map((rule) => ({ rule, outcome: rule.judge(record) }));
  const found = outcomes.filter((each): each is Found => each.outcome.status === "found");
  const cause = found.find(({ rule, outcome }) => rule === underTrained && explainsTheRest(record, outcome));
  const symptoms = found
    .filter((each) => each !== cause)
    .map(({ rule, outcome }) => ({ rule: rule.name, seen: outcome.seen }));
  const findings = (cause === undefined ? found : [cause]).map(
    ({ rule: { name, title, remedies }, outcome: { severity, seen } }): Finding => ({
      rule: name,
      title,
      severity,
      seen,
      remedies: helpful(remedies),
      symptoms: cause === undefined ? [] : symptoms,
    }),
  );
  const notes = (status: "fine" | "unknown"): RuleNote[] =>
    outcomes
      .filter(({ outcome }) => outcome.status === status)
      .map(({ rule, outcome }) => ({ rule: rule.name, seen: outcome.seen }));
  return {
    findings: findings.sort((a, b) => severities.indexOf(b.severity) - severities.indexOf(a.severity)),
    fine: notes("fine"),
    notJudged: notes("unknown"),
  };
}
