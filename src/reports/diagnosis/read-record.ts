import { VqkitError } from "../../core/errors.js";
import { fieldsOf } from "../../core/objects.js";
import type { RunFolder } from "../../runs/index.js";
import { recordedSteps } from "../records/recorded-steps.js";
import { type RunFigures, readRunRecord } from "../records/run-record.js";
import { DiagnosisHistory, type DiagnosisRecord } from "./record.js";

/**
 * Reads what the doctor looks at. A run that was not finished, or is still under way, has no evaluation.
 *
 * @throws VqkitError("format" | "file")
 */
export async function readDiagnosisRecord(run: RunFolder): Promise<DiagnosisRecord> {
  const config = await run.readConfig();
  const figures = await finalFigures(run);
  const quantizer = figures?.quantizer ?? fieldsOf(config.quantizer);
  const history = new DiagnosisHistory({
    codebookSize: asNumber(quantizer.codebookSize),
    codeDim: asNumber(quantizer.codeDim),
    plannedSteps: asNumber(config.steps),
    config,
  });
  for await (const metrics of recordedSteps(run)) history.add(metrics);
  return history.record({
    final: figures?.final ?? null,
    ...(figures === null ? {} : { heldOut: figures.heldOut }),
    codebookUsage: figures === null ? null : await codebookUsage(run),
    meanColourPsnr: figures?.meanColour?.psnr ?? null,
    checkerboard: figures?.spectrum?.checkerboard ?? null,
  });
}

async function finalFigures(run: RunFolder): Promise<RunFigures | null> {
  try {
    return (await readRunRecord(run)).figures;
  } catch (error) {
    if (error instanceof VqkitError && error.code === "run") return null;
    throw error;
  }
}

/** Of each codebook; null for a run without counts of its evaluation. */
async function codebookUsage(run: RunFolder): Promise<number[] | null> {
  try {
    const { counts } = await run.readUsage();
    return Array.from(
      { length: counts.numCodebooks },
      (_, codebook) => counts.usedCodes(codebook).length / counts.codebookSize,
    );
  } catch (error) {
    if (error instanceof VqkitError && error.code === "run") return null;
    throw error;
  }
}

function asNumber(value: unknown): number | null {
  return typeof value === "number" ? value : null;
}
