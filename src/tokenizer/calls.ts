import { abortable } from "../core/abort.js";
import { VqkitError } from "../core/errors.js";

/** Calls under way: no more than a limit at once, each until its signal is aborted. */
export class CallsUnderWay {
  readonly #limit: number;
  readonly #calls = new Set<Promise<unknown>>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  /**
   * Runs a call to its end.
   *
   * @throws VqkitError("busy") when as many as the limit are under way; the signal's reason once it is aborted, at once
   */
  async run<T>(work: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
    signal?.throwIfAborted();
    if (this.#calls.size >= this.#limit) {
      throw new VqkitError(
        "busy",
        `Tokenizer: expected at most ${this.#limit} calls at once, got one more. Try again later, hand many images to encodeAll, or raise maxQueue.`,
      );
    }
    const call = abortable(work(), signal);
    this.#calls.add(call);
    try {
      return await call;
    } finally {
      this.#calls.delete(call);
    }
  }

  /** Waits until all calls that are under way have ended, well or not. */
  async ended(): Promise<void> {
    await Promise.allSettled(this.#calls);
  }
}
