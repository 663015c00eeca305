/** What workers and submitters compute that takes long: plain data in and out, so that another thread can do it. */
import type { ComputingControl } from "./control.js";
import { type TrainingRecord, type TrainingWork, train, trainingProbe } from "./train.js";

/** By name: what goes in and what comes out. */
export interface Computations {
  readonly train: { readonly work: TrainingWork; readonly result: TrainingRecord };
  readonly trainingProbe: { readonly work: TrainingWork; readonly result: string };
}

export type ComputationName = keyof Computations;

type Computed = {
  readonly [N in ComputationName]: (
    work: Computations[N]["work"],
    control: ComputingControl,
  ) => Promise<Computations[N]["result"]>;
};

export const computations: Computed = { train, trainingProbe };
