import { VqkitError } from "../core/errors.js";
import { CodeCounts, type Indices } from "./code-counts.js";
import { type UsageFigures, usageFigures } from "./usage.js";

export interface SlidingUsageOptions {
  /** K. */
  readonly codebookSize: number;
  /** Q; 1 unless told. */
  readonly numCodebooks?: number;
  /** How many of the last batches count, >= 1. */
  readonly window: number;
}

/**
 * Usage over the last W batches of training. It starts empty: no code is used before the first batch. A step costs
 * time in the batch, not in the window or the codebook; memory is one copy of the indices in the window.
 */
export class SlidingUsage {
  readonly window: number;
  readonly #counts: CodeCounts;
  readonly #batches: (Indices | undefined)[];
  #next = 0;

  /** @throws VqkitError("codes") unless K, Q and W are integers >= 1. */
  constructor({ codebookSize, numCodebooks = 1, window }: SlidingUsageOptions) {
    if (!Number.isSafeInteger(window) || window < 1) {
      throw new VqkitError("codes", `window: expected an integer >= 1 (batches), got ${window}.`);
    }
    this.window = window;
    this.#counts = new CodeCounts(codebookSize, numCodebooks);
    this.#batches = new Array<Indices | undefined>(window).fill(undefined);
  }

  /** Counts a batch, flat [..., Q], and forgets the one that falls out of the window. @throws as `CodeCounts.add` */
  add(indices: Indices): void {
    this.#counts.add(indices);
    const oldest = this.#batches[this.#next];
    if (oldest !== undefined) this.#counts.remove(oldest);
    this.#batches[this.#next] = indices.slice();
    this.#next = (this.#next + 1) % this.window;
  }

  /** Codes seen in the window, 0..K; constant time. */
  used(codebook = 0): number {
    return this.#counts.used(codebook);
  }

  /** Indices in the window, per codebook. */
  get samples(): number {
    return this.#counts.samples;
  }

  /** Every figure of the window; costs time in the codebook's size. */
  figures(): UsageFigures {
    return usageFigures(this.#counts);
  }

  /** The batches in the window, oldest first: what a checkpoint keeps, and `add` restores. */
  batches(): Indices[] {
    const inOrder = [...this.#batches.slice(this.#next), ...this.#batches.slice(0, this.#next)];
    return inOrder.filter((batch) => batch !== undefined).map((batch) => batch.slice());
  }
}
