import { isDeepStrictEqual } from "node:util";
import { messageOf, VqkitError } from "../core/errors.js";
import { isMissingFile, type JsonLine, readJsonLines } from "../files/index.js";
import { type DiagnosedRun, DiagnosisHistory, type DiagnosisRecord } from "../reports/diagnosis/index.js";
import { CurveCollector, type TrainingCurves } from "../reports/records/index.js";
import type { RunFolder } from "../runs/index.js";

/** What the metrics of a run say so far. */
export interface WatchedMetrics {
  readonly curves: TrainingCurves;
  /** What the doctor looks at. */
  readonly record: DiagnosisRecord;
  /** What is wrong with the file; what stands before the damage has been read. */
  readonly problem: string | undefined;
}

/** As the writer's: no line of metrics is longer. */
const MAX_LINE = 2 ** 20;

/**
 * Follows a `metrics.jsonl`: each call reads what has come since the last one. Its memory does not grow with the run.
 *
 * A run that is resumed from a checkpoint cuts its metrics back. Each call therefore begins at the last line that was read;
 * where that is another now, all is read again.
 */
export class MetricsWatch {
  readonly #path: string;
  readonly #run: DiagnosedRun;
  #curves = new CurveCollector();
  #history: DiagnosisHistory;
  #last: JsonLine | undefined;
  #problem: string | undefined;
  #turn: Promise<void> = Promise.resolve();

  /** @param run what is known before its first step */
  constructor(folder: RunFolder, run: DiagnosedRun) {
    this.#path = folder.path("metrics");
    this.#run = run;
    this.#history = new DiagnosisHistory(run);
  }

  /** Calls may overlap; they are served in order. @throws VqkitError("file") */
  async read(): Promise<WatchedMetrics> {
    const mine = this.#turn.then(() => this.#update());
    this.#turn = mine.catch(() => {
      // The caller of this turn gets the error; the next turn begins where the last good line stands.
    });
    await mine;
    return { curves: this.#curves.curves(), record: this.#history.record(), problem: this.#problem };
  }

  async #update(): Promise<void> {
    if (this.#last !== undefined && !(await this.#continues(this.#last))) this.#restart();
    try {
      for await (const line of this.#lines()) this.#add(line);
      this.#problem = undefined;
    } catch (error) {
      this.#problem = this.#explain(error);
    }
  }

  /** The line read last and those after it; all where none has been read. */
  #lines(): AsyncGenerator<JsonLine, void, undefined> {
    return readJsonLines(this.#path, {
      maxLine: MAX_LINE,
      ...(this.#last === undefined ? {} : { from: this.#last }),
      onTornLine: () => {}, // it is being written
    });
  }

  /** Whether the last line still stands where it stood; a file that is gone or cut shorter does not have it. */
  async #continues(last: JsonLine): Promise<boolean> {
    try {
      for await (const { value } of this.#lines()) return isDeepStrictEqual(value, last.value);
      return false;
    } catch (error) {
      if (error instanceof VqkitError && (error.code === "format" || error.code === "file")) return false;
      throw error;
    }
  }

  #add(line: JsonLine): void {
    if (line.offset === this.#last?.offset) return;
    this.#curves.add(line.value);
    this.#history.add(line.value);
    this.#last = line;
  }

  #restart(): void {
    this.#curves = new CurveCollector();
    this.#history = new DiagnosisHistory(this.#run);
    this.#last = undefined;
  }

  /** A run has no metrics before its first step; damage is shown beside what could be read. */
  #explain(error: unknown): string | undefined {
    if (!(error instanceof VqkitError)) throw error;
    if (isMissingFile(error)) return undefined;
    return messageOf(error);
  }
}
