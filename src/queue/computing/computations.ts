/** What workers and submitters compute that takes long: plain data in and out, so that another thread can do it. */
import type { ComputingControl } from "./control.js";
import {
  type EvaluationWork,
  evaluatePart,
  evaluationProbe,
  type PartRecord,
  type PartWork,
  releaseMeans,
} from "./evaluate.js";
import { type TrainingRecord, type TrainingWork, train, trainingProbe } from "./train.js";

/** By name: what goes in and what comes out. */
export interface Computations {
  readonly train: { readonly work: TrainingWork; readonly result: TrainingRecord };
  readonly trainingProbe: { readonly work: TrainingWork; readonly result: string };
  readonly evaluatePart: { readonly work: PartWork; readonly result: PartRecord };
  readonly evaluationProbe: { readonly work: EvaluationWork; readonly result: string };
}

export type ComputationName = keyof Computations;

type Computed = {
  readonly [N in ComputationName]: (
    work: Computations[N]["work"],
    control: ComputingControl,
  ) => Promise<Computations[N]["result"]>;
};

export const computations: Computed = { train, trainingProbe, evaluatePart, evaluationProbe };

/** Frees what is left in memory. */
export const releaseKept = releaseMeans;
