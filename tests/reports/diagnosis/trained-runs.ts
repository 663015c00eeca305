/** Runs that are really trained, and what the doctor finds in them. */
import path from "node:path";
import { expect } from "vitest";
import { diagnose, type Finding, readDiagnosisRecord } from "../../../src/reports/diagnosis/index.js";
import { RunFolder } from "../../../src/runs/index.js";
import type { RunOptions } from "../../../src/training/index.js";
import { type Folders, tinyRun, train } from "../../training/tiny-runs.js";

/** Trains for real and diagnoses the folder. */
export async function findingsOf(
  { images, runs }: Folders,
  name: string,
  changes: Partial<RunOptions>,
): Promise<readonly Finding[]> {
  const out = path.join(runs, name);
  await train(tinyRun(images, { out, threads: 1, ...changes }));
  const record = await readDiagnosisRecord(await RunFolder.open(out));
  const { findings, notJudged } = diagnose(record);
  // Every figure that this version records is there.
  expect(notJudged.filter(({ seen }) => seen.includes("earlier versions"))).toEqual([]);
  return findings;
}

/** Of the rules. */
export const names = (findings: readonly Finding[]) => findings.map(({ rule }) => rule);
