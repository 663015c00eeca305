import { VqkitError } from "../../core/errors.js";
import { RunFolder, type UsageRecord } from "../../runs/index.js";
import { readCurves, ThinnedCurve, type TrainingCurves } from "../records/training-curves.js";
import { type CodebookReport, usageReport } from "../records/usage-report.js";
import type { Comparison, ComparisonRow } from "./comparison.js";

/** What the run folders of a row hold besides its figures. */
export interface RowEvidence {
  readonly row: ComparisonRow;
  /** By seed, thinned to what a page of all rows can hold. */
  readonly curves: readonly TrainingCurves[];
  /** Codes of the first codebook on the evaluation set, of the lowest seed; undefined where no run counted any. */
  readonly codebook: CodebookReport | undefined;
  /** The configuration of the lowest seed. */
  readonly config: Readonly<Record<string, unknown>>;
}

/** Points that all curves of one chart have together, so that the page stays small however many runs it compares. */
const POINTS = 12_000;
const FEWEST_POINTS = 60;
const MOST_POINTS = 600;

/**
 * Reads what charts are drawn from, one run at a time.
 *
 * @throws VqkitError("run") for a run that has vanished; VqkitError("format" | "codes" | "file")
 */
export async function readEvidence({ rows }: Comparison): Promise<RowEvidence[]> {
  const runs = rows.reduce((sum, row) => sum + row.runs.length, 0);
  const points = Math.min(MOST_POINTS, Math.max(FEWEST_POINTS, Math.floor(POINTS / runs)));
  const evidence: RowEvidence[] = [];
  for (const row of rows) {
    const folders = await Promise.all(row.runs.map((dir) => RunFolder.open(dir)));
    const curves: TrainingCurves[] = [];
    for (const folder of folders) curves.push(thinned(await readCurves(folder), points));
    const [first] = folders as [RunFolder]; // a row has a run
    const counted = await usageOf(first);
    evidence.push({
      row,
      curves,
      codebook: counted && usageReport(counted).codebooks[0],
      config: await first.readConfig(),
    });
  }
  return evidence;
}

/** undefined for a run that kept no counts. */
async function usageOf(run: RunFolder): Promise<UsageRecord | undefined> {
  try {
    return await run.readUsage();
  } catch (error) {
    if (error instanceof VqkitError && error.code === "run") return undefined;
    throw error;
  }
}

function thinned(curves: TrainingCurves, points: number): TrainingCurves {
  const thin = [...curves.curves].map(([name, curve]) => {
    if (curve.length <= points) return [name, curve] as const;
    const kept = new ThinnedCurve(points / 2); // which keeps up to twice as many
    for (const point of curve) kept.add(point);
    return [name, kept.points()] as const;
  });
  return { ...curves, curves: new Map(thin) };
}
