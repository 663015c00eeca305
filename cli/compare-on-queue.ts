import { existsSync } from "node:fs";
import { fieldsOf } from "../src/core/objects.js";
import { shellQuoted } from "../src/core/shell.js";
import type { QueuedComparisonEvent } from "../src/queue/index.js";
import type { ComparisonOptions } from "../src/training/index.js";
import { BrokenImages } from "./broken-images.js";
import { describeRun } from "./comparison-progress.js";
import { Interrupted } from "./errors.js";
import type { FlagValues } from "./gather-config.js";
import { LeftOutImages } from "./left-out.js";
import { PassedOverNote } from "./passed-over.js";
import { startProgress } from "./progress.js";
import { addressOf, type QueueFlags, submissionOptions } from "./queue-flags.js";
import { QueueWatch } from "./queue-watch.js";
import { note, type Terminal } from "./terminal.js";

/** Finished runs, and what they are to be shown as. */
export interface ComparedRuns {
  readonly runs: readonly string[];
  /** Swept fields. */
  readonly sweep: readonly string[];
  readonly out: string;
}

/**
 * Lets the workers of a queue train what is to be trained, and writes each run's report.
 *
 * @param comparison.options of a new one; undefined where the one in `out` is resumed
 * @throws Interrupted saying how to resume
 */
export async function trainedOnQueue(
  terminal: Terminal,
  values: FlagValues,
  { out, options }: { readonly out: string; readonly options: ComparisonOptions | undefined },
): Promise<ComparedRuns> {
  const { compareQuantizers, resumeComparison } = await import("../src/queue/index.js");
  const quiet = values.quiet === true;
  const broken = new BrokenImages(terminal, { quiet });
  const passedOver = await PassedOverNote.create(terminal, { quiet });
  const leftOut = new LeftOutImages(terminal, { quiet });
  const watch = new QueueWatch(terminal, { quiet });
  let total: number | undefined;
  const progress = startProgress(terminal, { label: "training", total: () => total, unit: "steps", quiet });
  const queue = {
    queue: addressOf(String(values.queue)),
    ...submissionOptions(values as QueueFlags),
    ...broken.hooks,
    onPassedOver: passedOver.report,
    onLeftOut: leftOut.report,
    signal: terminal.signal,
    onProgress: (state: Parameters<QueueWatch["show"]>[0] & { steps: number; stepsTotal: number }) => {
      total = state.stepsTotal;
      progress.update(state.steps, watch.show(state, "runs"));
    },
  };
  const runs: string[] = [];
  const fields = new Set<string>();
  try {
    const events = options === undefined ? resumeComparison(out, queue) : compareQuantizers(options, queue);
    for await (const event of events) {
      runs.push(event.dir);
      for (const field of Object.keys(event.swept)) fields.add(field);
      await writeReport(event);
      for (const line of describe(event)) note(terminal, line, { quiet });
      broken.name();
    }
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error;
    throw new Interrupted(
      `Interrupted after ${runs.length} runs. To resume: vqkit compare --resume ${shellQuoted(out)} --queue URL`,
    );
  } finally {
    progress.stop();
  }
  broken.summarise();
  leftOut.summarise();
  return { runs, sweep: [...fields], out };
}

/** A kill between the end of a run and its report leaves a run without one. */
async function writeReport({ type, dir }: QueuedComparisonEvent): Promise<void> {
  const { RunFolder } = await import("../src/runs/index.js");
  const { writeRunReport } = await import("../src/reports/index.js");
  const run = await RunFolder.open(dir);
  if (type === "run-end" || !existsSync(run.path("report"))) await writeRunReport(run);
}

function describe(event: QueuedComparisonEvent): string[] {
  if (event.type === "run-kept") {
    return [describeRun(event), `           finished before, and kept: ${event.dir}`];
  }
  const { psnr } = fieldsOf(event.summary.figures.final);
  const quality = typeof psnr === "number" ? `PSNR ${psnr.toFixed(2)} dB. ` : "";
  return [describeRun(event), `           ${quality}Written: ${event.dir}`];
}
