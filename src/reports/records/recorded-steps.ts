import { isMissingFile } from "../../files/index.js";
import type { RunFolder } from "../../runs/index.js";

/** The records of a run's metrics; none of a run that was stopped before its first step. @throws as `RunFolder.metrics` */
export async function* recordedSteps(run: RunFolder): ReturnType<RunFolder["metrics"]> {
  try {
    yield* run.metrics();
  } catch (error) {
    if (!isMissingFile(error)) throw error;
  }
}
