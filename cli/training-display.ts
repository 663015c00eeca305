import type { MultiBar } from "cli-progress";
import { lastSteps, ONE_BATCH, stepsInWindow } from "../src/core/usage-words.js";
import type { InitializationProgress } from "../src/quantizers/index.js";
import type { Finding } from "../src/reports/index.js";
import type { StepMetrics, TrainingPhase } from "../src/training/index.js";
import { cliProgress } from "./packages.js";
import { Rate, startProgress } from "./progress.js";
import { describeInitialization, describeStep } from "./run-description.js";
import { Sparkline } from "./sparkline.js";
import { note, printable, type Terminal } from "./terminal.js";

export interface TrainingDisplayOptions {
  /** The quantizer's kind. */
  readonly kind: string;
  readonly steps: number;
  /** Steps that a resumed run has had; default 0. */
  readonly done?: number;
  readonly quiet: boolean;
}

/** Shows a training under way on stderr. */
export interface TrainingDisplay {
  /** The run turns to something else. */
  phase(phase: TrainingPhase): void;
  /** How far the choosing of the first codes is. */
  initialization(progress: InitializationProgress): void;
  step(metrics: StepMetrics): void;
  /** A line that stays, where no moving line can swallow it. */
  note(line: string): void;
  /** The doctor's newest finding. */
  finding(finding: Finding): void;
  /** Ends the display and gives the cursor back; call it in `finally`. */
  stop(): void;
}

/** Rows of a terminal under which a panel would scroll itself away. */
const FEWEST_ROWS = 6;

/** A panel on a terminal, a line now and then elsewhere, nothing when quiet. */
export function startTrainingDisplay(terminal: Terminal, options: TrainingDisplayOptions): TrainingDisplay {
  const { isTTY = false, rows = FEWEST_ROWS } = terminal.stderr;
  if (options.quiet || !isTTY || rows < FEWEST_ROWS) return startLines(terminal, options);
  return new TrainingPanel(terminal, options);
}

function startLines(
  terminal: Terminal,
  { kind, steps, done = 0, quiet }: TrainingDisplayOptions,
): TrainingDisplay {
  const progress = startProgress(terminal, { label: `training ${kind}`, total: steps, unit: "steps", quiet });
  return {
    phase: () => {},
    initialization: (initialized) => progress.update(done, describeInitialization(initialized)),
    step: (metrics) => progress.update(metrics.step, describeStep(metrics)),
    note: (line) => note(terminal, line, { quiet }),
    finding: () => {}, // its note says it
    stop: () => progress.stop(),
  };
}

const PHASES: Readonly<Record<TrainingPhase, string>> = {
  initializing: describeInitialization(),
  untrained: "evaluating the untrained model",
  training: "",
  evaluating: "evaluating",
  saving: "saving",
};
/** What a line is given at most: beyond it, curves get no clearer. */
const WIDEST = 100;
const LABEL = 8;
const SHORTEST_BAR = 8;
const LONGEST_BAR = 24;

/** A note may wrap over what was drawn: from where it begins, everything is cleared first. */
const CLEAR_BELOW = "\x1b[J";

/** Four lines that are drawn anew ten times a second; what is noted scrolls away above them. */
class TrainingPanel implements TrainingDisplay {
  readonly #terminal: Terminal;
  readonly #options: TrainingDisplayOptions;
  readonly #bars: MultiBar;
  readonly #rate = new Rate();
  readonly #loss = new Sparkline("log");
  readonly #usage = new Sparkline();
  #phase: TrainingPhase = "training";
  #pace = "starting";
  #initialization = "";
  #last: StepMetrics | undefined;
  #finding: Finding | undefined;
  #isOver = false;

  constructor(terminal: Terminal, options: TrainingDisplayOptions) {
    this.#terminal = terminal;
    this.#options = options;
    const { MultiBar } = cliProgress();
    this.#bars = new MultiBar({
      stream: terminal.stderr as NodeJS.WritableStream,
      hideCursor: true,
      // Our lines fit. Wrapping stays on for notes, which are longer.
      linewrap: true,
      // Notes push the panel down, so lines that did not change must be drawn again.
      forceRedraw: true,
      // The program itself handles interruption; `stop` follows it.
      gracefulExit: false,
    });
    const lines = [
      () => this.#progress(),
      () => this.#curve("loss"),
      () => this.#curve("usage"),
      () => this.#doctor(),
    ];
    for (const line of lines) {
      this.#bars.create(options.steps, 0, {}, { format: () => fitted(line(), this.#width) });
    }
    // The cursor is given back at the first interruption already: a second one ends the program at once.
    terminal.signal.addEventListener("abort", this.stop, { once: true });
  }

  phase(phase: TrainingPhase): void {
    this.#phase = phase;
  }

  initialization(progress: InitializationProgress): void {
    this.#initialization = describeInitialization(progress);
  }

  step(metrics: StepMetrics): void {
    this.#last = metrics;
    this.#loss.add(metrics.reconstructionLoss);
    this.#usage.add(metrics.usage);
    this.#pace = this.#rate.at(metrics.step, this.#options.steps) || this.#pace;
  }

  note(line: string): void {
    if (this.#isOver) note(this.#terminal, line);
    else this.#bars.log(`${CLEAR_BELOW}${printable(line)}\n`);
  }

  finding(finding: Finding): void {
    this.#finding = finding;
  }

  readonly stop = (): void => {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#phase = "training";
    this.#terminal.signal.removeEventListener("abort", this.stop);
    this.#bars.update(); // what was noted since the last drawing
    this.#bars.stop();
  };

  get #width(): number {
    // The last column stays free: some terminals wrap when it is written.
    return Math.max(1, Math.min(WIDEST, (this.#terminal.stderr.columns ?? 80) - 1));
  }

  #progress(): string {
    const { kind, steps, done: before = 0 } = this.#options;
    const done = this.#last?.step ?? before;
    const share = done / steps;
    const percent = `${Math.floor(100 * share)} %`;
    const isInitializing = this.#phase === "initializing";
    const pace = (isInitializing && this.#initialization) || PHASES[this.#phase] || this.#pace;
    // The longest of these that leaves room for a bar: what is still to come counts most.
    const forms: (readonly [head: string, tail: string])[] = [
      [`training ${kind}  `, `  ${percent}  ${done}/${steps} steps  ${pace}`],
      [`${kind} `, ` ${percent}  ${done}/${steps}  ${pace}`],
      ["", ` ${percent}  ${pace}`],
      ["", ` ${percent}`],
    ];
    const room = ([head, tail]: (typeof forms)[number]): number => this.#width - head.length - tail.length;
    const form = forms.find((each) => room(each) >= SHORTEST_BAR);
    if (form === undefined) return percent;
    const [head, tail] = form;
    const cells = Math.min(LONGEST_BAR, room(form));
    const filled = Math.round(cells * share);
    return `${head}${"█".repeat(filled)}${"░".repeat(cells - filled)}${tail}`;
  }

  #curve(figure: "loss" | "usage"): string {
    const metrics = this.#last;
    if (metrics === undefined) return figure;
    const words = [ONE_BATCH, lastSteps(stepsInWindow(metrics))].map((counted) => `of ${counted}`);
    const [value, of, line] =
      figure === "loss"
        ? [metrics.reconstructionLoss.toPrecision(3), words[0], this.#loss]
        : [`${(100 * metrics.usage).toFixed(1)} %`, words[1], this.#usage];
    const wide = Math.max(...words.map(({ length }) => length));
    const head = `${figure.padEnd(LABEL)}${value.padStart(8)}  ${of?.padEnd(wide)}  `;
    return `${head}${line.text(Math.max(0, this.#width - head.length))}`;
  }

  #doctor(): string {
    const label = "doctor".padEnd(LABEL);
    if (this.#finding === undefined) return `${label}nothing found${this.#isOver ? "" : " yet"}`;
    const { severity, title, seen } = this.#finding;
    return `${label}${severity}: ${title}: ${seen}`;
  }
}

/** A line in one row of the terminal. */
function fitted(line: string, width: number): string {
  const text = printable(line);
  return text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}…`;
}
