import type { EngineOptions } from "../src/backend/index.js";
import { messageOf, VqkitError } from "../src/core/errors.js";
import type { UsageEvidence } from "../src/reports/index.js";
import type { Tokenizer } from "../src/tokenizer/index.js";
import { isTyped } from "./errors.js";
import { heldOutPhotograph } from "./photographs.js";
import { note, type Terminal } from "./terminal.js";

export interface ModelEvidenceOptions {
  readonly engine: EngineOptions;
  readonly quiet: boolean;
  /** Whether the model was named for this: then it is an error that it cannot be loaded. Default false. */
  readonly isNamed?: boolean;
}

/**
 * What only a model can show on a page: its codes' vectors, a whole photograph, and what the doctor says of its run. A
 * report is worth having without them too, so what cannot be had is told and left out.
 *
 * @param model a run folder, or a model file
 */
export async function modelEvidence(
  terminal: Terminal,
  model: string,
  { engine, quiet, isNamed = false }: ModelEvidenceOptions,
): Promise<UsageEvidence> {
  const { Tokenizer } = await import("../src/tokenizer/index.js");
  try {
    const tokenizer = await Tokenizer.load(model, engine);
    try {
      return {
        ...(await vectorsOf(tokenizer)),
        ...(await diagnosisOf(model)),
        ...(await heldOutPhotograph(terminal, tokenizer, { dir: model, quiet })),
      };
    } finally {
      tokenizer.dispose();
    }
  } catch (error) {
    if (isNamed || !(await isTyped(error))) throw error;
    note(terminal, `The codes' vectors are left out: ${messageOf(error)}`, { quiet });
    return {};
  }
}

/** What the doctor says of the run that a model is from; nothing of a model without one. */
async function diagnosisOf(model: string): Promise<Pick<UsageEvidence, "diagnosis">> {
  const { diagnose, readDiagnosisRecord } = await import("../src/reports/index.js");
  const { RunFolder } = await import("../src/runs/index.js");
  try {
    return { diagnosis: diagnose(await readDiagnosisRecord(await RunFolder.open(model))) };
  } catch (error) {
    if (error instanceof VqkitError) return {};
    throw error;
  }
}

/** The codes of each codebook. */
export async function vectorsOf(tokenizer: Tokenizer): Promise<Pick<UsageEvidence, "vectors">> {
  if (!tokenizer.hasCodeVectors) return {};
  const codebooks = Array.from({ length: tokenizer.numCodebooks }, (_, codebook) => codebook);
  return { vectors: await Promise.all(codebooks.map((codebook) => tokenizer.codeVectors(codebook))) };
}
