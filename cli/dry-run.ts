import type { MeasuredRun, RunMeasurement } from "../src/training/index.js";
import { many } from "./count-text.js";
import { formatSeconds } from "./progress.js";
import { describeQuantizer, describeShared } from "./run-description.js";
import { print, printJson, type Terminal } from "./terminal.js";

/** What `--dry-run` is called in the help of every command that trains. */
export const DRY_RUN_FLAG = "--dry-run";
export const DRY_RUN_HELP =
  "make a few steps and tell what the whole would take: parameters, memory, seconds a step, time in all; writes nothing";

const NOTHING_WRITTEN = "Nothing was written.";

/** Prints what one training would take. */
export function printMeasuredRun(
  terminal: Terminal,
  measurement: RunMeasurement,
  { steps, json }: { readonly steps: number; readonly json: boolean },
): void {
  if (json) {
    printJson(terminal, measurement);
    return;
  }
  const { description, evaluations, evaluationSeconds, totalSeconds } = measurement;
  const lines = [
    ...describeShared(description),
    `quantizer  ${describeQuantizer(description.quantizer)}`,
    `memory     ${megabytes(measurement.peakBytes)} at the peak, measured${elsewhere(description)}`,
    `a step     ${describeStepTime(measurement)}`,
    `evaluation ${formatShort(evaluationSeconds)}, ${many(evaluations, "time")}`,
    `in all     ${formatSeconds(totalSeconds)} for ${many(steps, "step")}`,
    NOTHING_WRITTEN,
  ];
  print(terminal, lines.join("\n"));
}

/** Prints what a comparison would take: a line for each run, and the sum. */
export async function printMeasuredComparison(
  terminal: Terminal,
  runs: readonly MeasuredRun[],
  { json }: { readonly json: boolean },
): Promise<void> {
  const totalSeconds = runs.reduce((sum, { measurement }) => sum + measurement.totalSeconds, 0);
  const peakBytes = Math.max(...runs.map(({ measurement }) => measurement.peakBytes));
  if (json) {
    printJson(terminal, { runs, totalSeconds, peakBytes });
    return;
  }
  const { textTable } = await import("../src/reports/index.js");
  const [first] = runs;
  if (first === undefined) return;
  const { description } = first.measurement;
  const rows = runs.map(({ quantizer, seed, swept, measurement }) => [
    [quantizer, ...Object.entries(swept).map(([field, value]) => `${field} ${JSON.stringify(value)}`)].join(
      ", ",
    ),
    String(seed),
    parametersOf(measurement).toLocaleString("en-US"),
    formatShort(measurement.stepSeconds),
    formatSeconds(measurement.totalSeconds),
  ]);
  const lines = [
    ...describeShared(description),
    textTable(rows, { head: ["quantizer", "seed", "parameters", "a step", "in all"] }),
    `memory     ${megabytes(peakBytes)} at the peak, measured${elsewhere(description)}`,
    `in all     ${formatSeconds(totalSeconds)} for ${many(runs.length, "run")}`,
    NOTHING_WRITTEN,
  ];
  print(terminal, lines.join("\n"));
}

function parametersOf({ description: { model, quantizer } }: RunMeasurement): number {
  return model.parameters + quantizer.parameters;
}

function describeStepTime({ stepSeconds, measuredSteps }: RunMeasurement): string {
  return `${formatShort(stepSeconds)}, the median of ${many(measuredSteps, "measured step")}`;
}

/** Two digits under ten seconds, where a whole number would say little. */
function formatShort(seconds: number): string {
  return seconds < 10 ? `${seconds.toPrecision(2)} s` : formatSeconds(seconds);
}

function megabytes(bytes: number): string {
  return `${Math.round(bytes / 1e6).toLocaleString("en-US")} MB`;
}

function elsewhere({ engine: { device } }: RunMeasurement["description"]): string {
  return device === "cpu" ? "" : ", without the GPU's own";
}
