import { shellQuoted } from "../../core/shell.js";
import { lastSteps, stepsInWindow } from "../../core/usage-words.js";
import { formatCount, formatDuration, type Html, html } from "../../drawing/index.js";
import type { RunPlan, RunStatus } from "../run-view.js";

const STATUS_TEXTS: Readonly<Record<RunStatus, string>> = {
  training: "Training",
  finished: "Finished",
  model: "Model",
  stopped: "Stopped",
};

export function statusPill(status: RunStatus): Html {
  return html`<span class="status ${status}">${STATUS_TEXTS[status]}</span>`;
}

/** `vq · 1,024 codes · seed 0` */
export function describePlan({ quantizer, codebookSize, seed }: RunPlan): string {
  return [
    quantizer,
    codebookSize === undefined ? undefined : `${formatCount(codebookSize)} codes`,
    seed === undefined ? undefined : `seed ${seed}`,
  ]
    .filter((part) => part !== undefined)
    .join(" · ");
}

/** How far a run has come, from its newest record. */
export interface Progress {
  readonly step: number;
  readonly steps: number | undefined;
  /** Seconds, at the speed so far; undefined where that is not known. */
  readonly left: number | undefined;
}

export function progressOf(last: Readonly<Record<string, unknown>> | undefined, plan: RunPlan): Progress {
  const step = typeof last?.step === "number" ? last.step : 0;
  const elapsed = last?.elapsedSeconds;
  const { steps } = plan;
  const isKnown = typeof elapsed === "number" && step > 0 && steps !== undefined;
  return { step, steps, left: isKnown ? (elapsed / step) * Math.max(0, steps - step) : undefined };
}

export function progressBar({ step, steps, left }: Progress): Html {
  if (steps === undefined) return html`<p class="soft">Step ${formatCount(step)}</p>`;
  const time = left === undefined || step >= steps ? "" : `, about ${formatDuration(left)} left`;
  return html`<div class="progress"><progress max="${steps}" value="${step}" aria-label="Steps done"></progress><span class="soft">Step ${formatCount(step)} of ${formatCount(steps)}${time}</span></div>`;
}

/** A figure of a record; undefined where it has none. */
export function figureOf(
  record: Readonly<Record<string, unknown>> | undefined,
  name: string,
): number | undefined {
  const value = record?.[name];
  return typeof value === "number" ? value : undefined;
}

/** What `usageWindow` of a record is the usage of. */
export function usageTitle(record: Readonly<Record<string, unknown>> | undefined): string {
  return `Usage of ${lastSteps(stepsInWindow(record))}`;
}

/** The command that resumes a stopped run. */
export function resumeCommand(dir: string): string {
  return `vqkit train --resume ${shellQuoted(dir)}`;
}
