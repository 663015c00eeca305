import { type Indices, SlidingUsage } from "../metrics/index.js";
import type { StepMetrics } from "./step-metrics.js";

export interface UsageMeterOptions {
  /** K. */
  readonly codebookSize: number;
  /** Q. */
  readonly numCodebooks: number;
  /** Steps in the sliding window, >= 1. */
  readonly window: number;
}

type UsageFields = Pick<
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
  readonly #batch: SlidingUsage;
  readonly #window: SlidingUsage;

  constructor({ codebookSize, numCodebooks, window }: UsageMeterOptions) {
    this.#batch = new SlidingUsage({ codebookSize, numCodebooks, window: 1 });
    this.#window = new SlidingUsage({ codebookSize, numCodebooks, window });
  }

  /** Takes a step's indices in, flat [..., Q] and not empty, and returns the figures after it. */
  add(indices: Indices): UsageFields {
    this.#batch.add(indices);
    this.#window.add(indices);
    const batch = this.#batch.figures();
    const window = this.#window.figures();
    return {
      usageBatch: batch.usage,
      perplexityBatch: batch.perplexity as number, // null only before the first index
      samplesBatch: batch.samples,
      usageWindow: window.usage,
      perplexityWindow: window.perplexity as number,
      samplesWindow: window.samples,
      usage: window.usage,
    };
  }
}
