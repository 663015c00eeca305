/** Small comparisons whose images lie in a folder that machines share. */
import { mkdir } from "node:fs/promises";
import path from "node:path";
import type { WorkerEvent } from "../../../src/queue/index.js";
import type { Comparison } from "../../../src/reports/index.js";
import type { ComparisonOptions, RunOptions } from "../../../src/training/index.js";
import { temporaryFolder, tinyRun, writeImages } from "../../training/tiny-runs.js";

/** Of two kinds, six images and checkpoints after each step. */
export async function sharedComparison(changes: Partial<RunOptions> = {}): Promise<{
  readonly shared: string;
  readonly out: string;
  readonly options: ComparisonOptions;
}> {
  const shared = await temporaryFolder();
  const images = path.join(shared, "images");
  await mkdir(images);
  await writeImages(images, 6);
  const { quantizer: _, ...base } = tinyRun(images, { checkpointEvery: 1, ...changes });
  const out = path.join(shared, "runs");
  const quantizers = [{ kind: "vq", codeDim: 8 }, "fsq"];
  return { shared, out, options: { base, quantizers, codebookSize: 16, out } };
}

/** A comparison without what differs between equal ones, which is speed alone. */
export function alike({ rows, ...rest }: Comparison): object {
  return { ...rest, rows: rows.map(({ imagesPerSecond: _, ...row }) => row) };
}

/** The steps that pieces ended with, in the order in which they ended. */
export function stepsTold(events: readonly WorkerEvent[]): number[] {
  return events.flatMap((event) => (event.type === "piece" ? [event.items] : []));
}

/** A digest of every file of each run, times aside. */
export async function outcomeOf(runs: readonly string[]): Promise<readonly Record<string, string>[]> {
  const tool = new URL("../../../tools/run-outcome.mjs", import.meta.url).href;
  const { runOutcome } = (await import(tool)) as { runOutcome(dir: string): Record<string, string> };
  return runs.map(runOutcome);
}
