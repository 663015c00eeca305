import { diagnose, type Finding } from "./diagnose.js";
import { type DiagnosedRun, DiagnosisHistory, type DiagnosisRecord } from "./record.js";
import { type Severity, severities } from "./rule.js";
import { WARMUPS } from "./training-rules.js";

/** Steps between two looks. */
const EVERY = 10;
/** A finding must stand in so many looks in a row: what is over by the next one was noise. */
const IN_A_ROW = 3;
/** No look before this share of the planned steps. */
const FIRST_LOOK = 0.1;

export interface LiveDiagnosisOptions {
  /** Steps in which the learning rate rises; default 0. */
  readonly warmupSteps?: number;
}

/**
 * The doctor beside a training in progress: tells each finding once, when it has appeared, and once more when it has
 * become graver. Memory does not grow with the run. A look takes time in the bins of the curves, not in the steps.
 *
 * ```ts
 * const doctor = new LiveDiagnosis({ codebookSize: 1024, codeDim: 64, plannedSteps: 1000 });
 * for await (const metrics of trainer.run()) {
 *   for (const { severity, title, seen } of doctor.add(metrics)) console.warn(severity, title, seen);
 * }
 * ```
 */
export class LiveDiagnosis {
  readonly #history: DiagnosisHistory;
  readonly #firstLook: number;
  /** Looks in a row in which a rule has found something. */
  #standing: ReadonlyMap<string, number> = new Map();
  readonly #told = new Map<string, Severity>();

  constructor(run: DiagnosedRun, { warmupSteps = 0 }: LiveDiagnosisOptions = {}) {
    this.#history = new DiagnosisHistory(run);
    // Rules compare the newest steps with the middle of those so far, and fresh weights under a rising learning rate look
    // like trouble: hence the warm-ups.
    this.#firstLook = Math.max(Math.ceil(FIRST_LOOK * (run.plannedSteps ?? 0)), WARMUPS * warmupSteps);
  }

  /** Takes in a step without looking: those before a run was resumed. @param metrics as `add` */
  recall(metrics: Readonly<Record<string, unknown>>): void {
    this.#history.add(metrics);
  }

  /**
   * Takes in a step.
   *
   * @param metrics `StepMetrics`, or a line of metrics.jsonl
   * @returns the findings that are new with it, the gravest first
   */
  add(metrics: Readonly<Record<string, unknown>>): Finding[] {
    this.#history.add(metrics);
    const { step } = metrics;
    if (typeof step !== "number" || step < this.#firstLook || step % EVERY !== 0) return [];
    const { findings } = diagnose(this.#history.record());
    const looks = new Map(findings.map(({ rule }) => [rule, (this.#standing.get(rule) ?? 0) + 1]));
    this.#standing = looks;
    const lasting = findings.filter(({ rule }) => (looks.get(rule) ?? 0) >= IN_A_ROW);
    return this.#news(lasting);
  }

  /** The last look, with the evaluation of the finished run. @returns the findings that were not told before */
  finish(evaluation: Pick<DiagnosisRecord, "final" | "heldOut" | "meanColourPsnr">): Finding[] {
    return this.#news(diagnose(this.#history.record(evaluation)).findings);
  }

  #news(findings: readonly Finding[]): Finding[] {
    const news = findings.filter(({ rule, severity }) => {
      const told = this.#told.get(rule);
      return told === undefined || severities.indexOf(severity) > severities.indexOf(told);
    });
    for (const { rule, severity } of news) this.#told.set(rule, severity);
    return news;
  }
}
