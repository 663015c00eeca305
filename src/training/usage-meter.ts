import { type Indices, SlidingUsage } from "../metrics/index.js";
import type { TensorMap } from "../runs/index.js";
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
  | "usage"
>;

/** Codebook usage in training, by both of its denominators: the step's own batch, and the last few steps. */
export class UsageMeter {
  readonly #options: UsageMeterOptions;
  #batch: SlidingUsage;
  #window: SlidingUsage;

  constructor(options: UsageMeterOptions) {
    this.#options = options;
    [this.#batch, this.#window] = this.#empty();
  }

  /** Takes a step's indices in, flat [..., Q] and not empty, and returns the figures after it. */
  add(indices: Indices): UsageFields {
    this.#batch.add(indices);
    this.#window.add(indices);
    return this.figures();
  }

  /** The figures after the last step that was taken in; perplexities are NaN before the first. */
  figures(): UsageFields {
    const batch = this.#batch.figures();
    const window = this.#window.figures();
    return {
      usageBatch: batch.usage,
      perplexityBatch: batch.perplexity ?? Number.NaN,
      samplesBatch: batch.samples,
      usageWindow: window.usage,
      perplexityWindow: window.perplexity ?? Number.NaN,
      samplesWindow: window.samples,
      usage: window.usage,
    };
  }

  /** The steps in the window as `indices` [steps, indices of a step], for a checkpoint; nothing before the first. */
  state(): TensorMap {
    const batches = this.#window.batches();
    const [first] = batches;
    if (first === undefined) return new Map();
    const data = new Int32Array(batches.length * first.length);
    for (const [i, batch] of batches.entries()) data.set(batch, i * first.length);
    return new Map([["indices", { dtype: "I32", shape: [batches.length, first.length], data }]]);
  }

  /** Continues from what `state` gave. @throws VqkitError("codes") for an index that is no code */
  restore(state: TensorMap): void {
    [this.#batch, this.#window] = this.#empty();
    const { data, shape } = state.get("indices") ?? {};
    if (!(data instanceof Int32Array)) return;
    const length = shape?.[1] ?? 0;
    for (let at = 0; at < data.length; at += length) this.add(data.subarray(at, at + length));
  }

  #empty(): [SlidingUsage, SlidingUsage] {
    return [new SlidingUsage({ ...this.#options, window: 1 }), new SlidingUsage(this.#options)];
  }
}
