import type { InitializationProgress } from "../src/quantizers/index.js";
import type { ComparisonEvent, RunIdentity } from "../src/training/index.js";
import { type Progress, startProgress } from "./progress.js";
import {
  describeInitialization,
  describeQuantizer,
  describeRecipe,
  describeShared,
  describeStep,
  describeWarnings,
} from "./run-description.js";
import { note, type Terminal } from "./terminal.js";

/** Tells on stderr how a comparison goes: what all runs share once, then each run with a bar of its own. */
export class ComparisonProgress {
  readonly #terminal: Terminal;
  readonly #quiet: boolean;
  #progress: Progress | undefined;
  #hasStarted = false;

  constructor(terminal: Terminal, { quiet }: { readonly quiet: boolean }) {
    this.#terminal = terminal;
    this.#quiet = quiet;
  }

  /** How far the choosing of a run's first codes is. */
  readonly initialization = (progress: InitializationProgress): void =>
    this.#progress?.update(0, describeInitialization(progress));

  show(event: ComparisonEvent): void {
    switch (event.type) {
      case "run-start": {
        this.#start(event);
        break;
      }
      case "step": {
        this.#progress?.update(event.metrics.step, describeStep(event.metrics));
        break;
      }
      case "run-end": {
        this.stop();
        const { psnr } = event.result.evaluation.figures;
        const quality = psnr === null ? "" : `PSNR ${psnr.toFixed(2)} dB. `;
        this.#note(`           ${quality}Written: ${event.dir}`);
        break;
      }
      case "run-kept": {
        this.#note(describeRun(event));
        this.#note(`           finished before, and kept: ${event.dir}`);
        break;
      }
      default:
        event satisfies never;
    }
  }

  /** A line that stays, also where the user asked for quiet. */
  readonly warn = (line: string): void => note(this.#terminal, line);

  stop(): void {
    this.#progress?.stop();
    this.#progress = undefined;
  }

  #start(event: Extract<ComparisonEvent, { type: "run-start" }>): void {
    const { description, config, quantizer, resumed } = event;
    const shared = this.#hasStarted ? [] : describeShared(description);
    this.#hasStarted = true;
    for (const line of [
      ...shared,
      `${place(event)}${[describeQuantizer(description.quantizer), ...circumstances(event)].join("; ")}`,
      ...(resumed === null ? [] : [`resume     after step ${resumed.step} of ${config.steps}`]),
      ...describeRecipe(description),
      ...describeWarnings(description),
    ]) {
      this.#note(line);
    }
    this.#progress = startProgress(this.#terminal, {
      label: `training ${quantizer}`,
      total: config.steps,
      unit: "steps",
      quiet: this.#quiet,
    });
  }

  #note(line: string): void {
    note(this.#terminal, line, { quiet: this.#quiet });
  }
}

/** A run in one line: which of how many, its kind and seed, and what is swept. */
export function describeRun(run: RunIdentity): string {
  return `${place(run)}${[run.quantizer, ...circumstances(run)].join("; ")}`;
}

function place({ index, total }: RunIdentity): string {
  return `run ${index + 1}/${total}`.padEnd(11);
}

/** The seed and what is swept. */
function circumstances({ swept, seed }: RunIdentity): string[] {
  const values = Object.entries(swept).map(([field, value]) => `${field} ${JSON.stringify(value)}`);
  return [...values, `seed ${seed}`];
}
