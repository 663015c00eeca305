import { cliProgress } from "./packages.js";
import type { Terminal } from "./terminal.js";

/** Between two lines of progress where no bar can be drawn. */
const SECONDS_BETWEEN_LINES = 10;
/** The rate is that of the latest updates, so that a slow start does not spoil the estimate. */
const RATE_WINDOW = 50;

export interface ProgressOptions {
  /** What is being done, e.g. "training vq". */
  readonly label: string;
  /** How many units make it complete; a function where that is learnt on the way, undefined while unknown. */
  readonly total: number | (() => number | undefined);
  /** What is counted, in the plural, e.g. "steps". */
  readonly unit: string;
  readonly quiet?: boolean;
}

/** Shows how far a task is, how fast it goes and how long it will take, on stderr. */
export interface Progress {
  /** @param done units done so far; @param detail a few words, e.g. the current loss */
  update(done: number, detail?: string): void;
  /** Ends the display; call it in `finally`. */
  stop(): void;
}

/** A bar on a terminal, a line now and then elsewhere, nothing when quiet. */
export function startProgress(terminal: Terminal, options: ProgressOptions): Progress {
  if (options.quiet) return { update: () => {}, stop: () => {} };
  return terminal.stderr.isTTY ? startBar(terminal, options) : startLines(terminal, options);
}

function startBar(terminal: Terminal, { label, total, unit }: ProgressOptions): Progress {
  const rate = new Rate();
  const { SingleBar } = cliProgress();
  const bar = new SingleBar({
    stream: terminal.stderr as NodeJS.WritableStream,
    format: `${label} {bar} {percentage} % | {value}/{total} ${unit} | {pace} | {detail}`,
    barCompleteChar: "█",
    barIncompleteChar: "░",
    barsize: 24,
    hideCursor: true,
    // The program itself handles interruption.
    gracefulExit: false,
  });
  bar.start(totalOf(total) ?? 0, 0, { pace: "starting", detail: "" });
  return {
    update(done, detail = "") {
      const known = totalOf(total);
      // A bar needs an end: as long as there is none to be known, it is where the task is.
      bar.setTotal(known ?? done);
      bar.update(done, { pace: rate.at(done, known), detail });
    },
    stop: () => bar.stop(),
  };
}

function startLines(terminal: Terminal, { label, total, unit }: ProgressOptions): Progress {
  const rate = new Rate();
  let shown = performance.now();
  return {
    update(done, detail = "") {
      const known = totalOf(total);
      const pace = rate.at(done, known);
      const now = performance.now();
      if ((known === undefined || done < known) && now - shown < SECONDS_BETWEEN_LINES * 1000) return;
      shown = now;
      const parts = [
        `${label}: ${known === undefined ? done : `${done}/${known}`} ${unit}`,
        pace,
        detail,
      ].filter((part) => part !== "");
      terminal.stderr.write(`${parts.join(" | ")}\n`);
    },
    stop: () => {},
  };
}

function totalOf(total: ProgressOptions["total"]): number | undefined {
  return typeof total === "function" ? total() : total;
}

/** Units a second over the latest updates, and the time left at that rate where the total is known. */
export class Rate {
  readonly #samples: { readonly done: number; readonly at: number }[] = [];

  /** `9.13/s, 42 s left`; empty as long as it is not known. @param done units done by now */
  at(done: number, total: number | undefined): string {
    // What stands at its beginning has not begun.
    if (this.#samples.length === 1 && this.#samples[0]?.done === done) this.#samples.pop();
    this.#samples.push({ done, at: performance.now() });
    if (this.#samples.length > RATE_WINDOW) this.#samples.shift();
    const [first] = this.#samples;
    const last = this.#samples.at(-1);
    if (first === undefined || last === undefined || last.done <= first.done || last.at <= first.at)
      return "";
    const perSecond = (1000 * (last.done - first.done)) / (last.at - first.at);
    const pace = `${formatRate(perSecond)}/s`;
    return total === undefined
      ? pace
      : `${pace}, ${formatSeconds(Math.max(0, total - done) / perSecond)} left`;
  }
}

/** Three significant digits. */
export function formatRate(perSecond: number): string {
  return perSecond >= 100 ? perSecond.toFixed(0) : perSecond.toPrecision(3);
}

/** `42 s`, `3 min 05 s`, `2 h 10 min`. */
export function formatSeconds(seconds: number): string {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes} min ${String(whole % 60).padStart(2, "0")} s`;
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} min`;
}
