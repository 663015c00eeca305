import { EPOCH_SO_FAR, lastSteps, ONE_BATCH, stepsInWindow } from "../../core/usage-words.js";
import type { Point } from "../../drawing/charts/index.js";
import { formatCount } from "../../drawing/index.js";
import { expectedUniformUsage } from "../../metrics/index.js";
import type { RunFolder } from "../../runs/index.js";
import { recordedSteps } from "./recorded-steps.js";
import type { UsageScope } from "./usage-report.js";

/** What metrics.jsonl says, thinned to what a chart can show. */
export interface TrainingCurves {
  /** Steps recorded. */
  readonly records: number;
  /** Every figure by name, [step, value] by ascending step. */
  readonly curves: ReadonlyMap<string, readonly Point[]>;
  /** The last record; undefined when there is none. */
  readonly last: Readonly<Record<string, unknown>> | undefined;
}

/** At most twice as many points are kept at any time, so a long run costs no more memory than a short one. */
const POINTS = 600;

/**
 * Reads the metrics of a run, one record at a time. Each figure keeps every 2^n-th of the records that have it, and the
 * last. A run without metrics has no curves.
 *
 * @throws VqkitError("format" | "file")
 */
export async function readCurves(run: RunFolder): Promise<TrainingCurves> {
  const collector = new CurveCollector();
  for await (const record of recordedSteps(run)) collector.add(record);
  return collector.curves();
}

/** Gathers curves record by record, in memory that does not grow with the run: for those who follow one under way. */
export class CurveCollector {
  readonly #thinned = new Map<string, ThinnedCurve>();
  #last: Readonly<Record<string, unknown>> | undefined;
  #records = 0;

  /** @param record a line of metrics.jsonl; one without a step is skipped */
  add(record: Readonly<Record<string, unknown>>): void {
    const { step } = record;
    if (typeof step !== "number") return;
    this.#records++;
    this.#last = record;
    for (const [name, value] of Object.entries(record)) {
      if (name === "step" || typeof value !== "number") continue;
      let curve = this.#thinned.get(name);
      if (curve === undefined) {
        curve = new ThinnedCurve(POINTS);
        this.#thinned.set(name, curve);
      }
      curve.add([step, value]);
    }
  }

  /** What has been gathered so far. */
  curves(): TrainingCurves {
    const curves = new Map([...this.#thinned].map(([name, curve]) => [name, curve.points()]));
    return { records: this.#records, last: this.#last, curves };
  }
}

/** Keeps every 2^n-th point, n rising whenever there would be more than twice `limit`. */
export class ThinnedCurve {
  readonly #limit: number;
  #kept: Point[] = [];
  #every = 1;
  #seen = 0;
  #last: Point | undefined;

  constructor(limit: number) {
    this.#limit = limit;
  }

  add(point: Point): void {
    if (this.#seen % this.#every === 0) this.#kept.push(point);
    this.#seen++;
    this.#last = point;
    if (this.#kept.length > 2 * this.#limit) {
      this.#kept = this.#kept.filter((_, i) => i % 2 === 0);
      this.#every *= 2;
    }
  }

  /** The points kept and the newest one. */
  points(): Point[] {
    const newest = this.#last;
    return newest === undefined || this.#kept.at(-1) === newest ? [...this.#kept] : [...this.#kept, newest];
  }
}

/** Usage of the last batch and of the last window of training, where the metrics have them. */
export function trainingScopes(curves: TrainingCurves, codebookSize: number): UsageScope[] {
  const { last } = curves;
  if (last === undefined) return [];
  const at = `of training (step ${formatCount(last.step as number)})`;
  const scopes = [
    { scope: `${ONE_BATCH} ${at}`, suffix: "Batch" },
    { scope: `${lastSteps(stepsInWindow(last))} ${at}`, suffix: "Window" },
    // Recorded by trainers that count whole epochs.
    { scope: `${EPOCH_SO_FAR} ${at}`, suffix: "Epoch" },
  ];
  return scopes.flatMap(({ scope, suffix }) => {
    const usage = numberOf(last[`usage${suffix}`]);
    if (usage === null) return [];
    const samples = numberOf(last[`samples${suffix}`]);
    return {
      scope,
      samples,
      usage,
      expectedUniformUsage: samples === null ? null : expectedUniformUsage(samples, codebookSize),
      perplexity: numberOf(last[`perplexity${suffix}`]),
    };
  });
}

function numberOf(value: unknown): number | null {
  return typeof value === "number" ? value : null;
}
