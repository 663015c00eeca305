import { joinArrays } from "../core/typed-arrays.js";
import type { StoredTensor, TensorMap } from "../files/index.js";
import { CodeCounts, type Indices, SlidingUsage, usageFigures } from "../metrics/index.js";
import { arrayOf, countsOf, storedCounts } from "../runs/index.js";
import type { StepMetrics } from "./step-metrics.js";

export interface UsageMeterOptions {
  /** K. */
  readonly codebookSize: number;
  /** Q. */
  readonly numCodebooks: number;
  /** Steps in the sliding window, >= 1. */
  readonly window: number;
}

export type UsageFields = Pick<
  StepMetrics,
  | "usageBatch"
  | "perplexityBatch"
  | "samplesBatch"
  | "usageWindow"
  | "perplexityWindow"
  | "samplesWindow"
  | "usageEpoch"
  | "perplexityEpoch"
  | "samplesEpoch"
  | "usage"
>;

/** What stands before the names of the epoch's counts in a checkpoint. */
const EPOCH = "epoch/";

/** Codebook usage in training, by each of its denominators: the step's own batch, the last few steps, the epoch. */
export class UsageMeter {
  readonly #options: UsageMeterOptions;
  #batch: SlidingUsage;
  #window: SlidingUsage;
  #epoch: { readonly number: number; readonly counts: CodeCounts };

  constructor(options: UsageMeterOptions) {
    this.#options = options;
    [this.#batch, this.#window] = this.#empty();
    this.#epoch = this.#newEpoch(0);
  }

  /**
   * Takes a step's indices in, flat [..., Q] and not empty, and returns the figures after it.
   *
   * @param epoch that of the step, 0 for the first; another one than before begins its counts anew
   */
  add(indices: Indices, epoch: number): UsageFields {
    if (epoch !== this.#epoch.number) this.#epoch = this.#newEpoch(epoch);
    this.#epoch.counts.add(indices);
    this.#addToWindows(indices);
    return this.figures();
  }

  /** The figures after the last step that was taken in; perplexities are NaN before the first. */
  figures(): UsageFields {
    const batch = this.#batch.figures();
    const window = this.#window.figures();
    const epoch = usageFigures(this.#epoch.counts);
    return {
      usageBatch: batch.usage,
      perplexityBatch: batch.perplexity ?? Number.NaN,
      samplesBatch: batch.samples,
      usageWindow: window.usage,
      perplexityWindow: window.perplexity ?? Number.NaN,
      samplesWindow: window.samples,
      usageEpoch: epoch.usage,
      perplexityEpoch: epoch.perplexity ?? Number.NaN,
      samplesEpoch: epoch.samples,
      usage: window.usage,
    };
  }

  /**
   * For a checkpoint: the steps in the window as `indices` [steps, indices of a step], and the counts of the epoch.
   * Nothing before the first step.
   */
  state(): TensorMap {
    const batches = this.#window.batches();
    const [first] = batches;
    if (first === undefined) return new Map();
    const { number, counts } = this.#epoch;
    const epoch = [...storedCounts(counts)].map(([name, tensor]): [string, StoredTensor] => [
      EPOCH + name,
      tensor,
    ]);
    const data = joinArrays(batches, (length) => new Int32Array(length));
    return new Map<string, StoredTensor>([
      ["indices", { dtype: "I32", shape: [batches.length, first.length], data }],
      [`${EPOCH}number`, { dtype: "F64", shape: [], data: Float64Array.of(number) }],
      ...epoch,
    ]);
  }

  /**
   * Continues from what `state` gave.
   *
   * @throws VqkitError("format") for an array of another type or shape; VqkitError("codes") for an index that is no code
   */
  restore(state: TensorMap): void {
    [this.#batch, this.#window] = this.#empty();
    this.#epoch = this.#newEpoch(0);
    const indices = arrayOf(state, "indices", { dtype: "I32", shape: ["steps", "indices of a step"] });
    if (indices === undefined) return;
    const { data, shape } = indices;
    const length = shape[1] as number; // 0 only where there are no values
    for (let at = 0; at < data.length; at += length) this.#addToWindows(data.subarray(at, at + length));
    const ofEpoch = [...state].flatMap(([name, tensor]): [string, StoredTensor][] =>
      name.startsWith(EPOCH) ? [[name.slice(EPOCH.length), tensor]] : [],
    );
    const stored: TensorMap = new Map(ofEpoch);
    const number = arrayOf(stored, "number", { dtype: "F64", shape: [] })?.data[0] ?? 0;
    this.#epoch = { number, counts: countsOf(stored, this.#options) };
  }

  #addToWindows(indices: Indices): void {
    this.#batch.add(indices);
    this.#window.add(indices);
  }

  #newEpoch(number: number): { readonly number: number; readonly counts: CodeCounts } {
    const { codebookSize, numCodebooks } = this.#options;
    return { number, counts: new CodeCounts(codebookSize, numCodebooks) };
  }

  #empty(): [SlidingUsage, SlidingUsage] {
    return [new SlidingUsage({ ...this.#options, window: 1 }), new SlidingUsage(this.#options)];
  }
}
