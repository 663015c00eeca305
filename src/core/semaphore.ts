/** Lets jobs run while the sum of their weights stays within a capacity; the others wait in order of arrival. */
export class Semaphore {
  readonly #capacity: number;
  #free: number;
  readonly #waiting: { readonly weight: number; readonly start: () => void }[] = [];

  /** @param capacity the largest sum of weights at work at once, in the callers' unit; >= 1. */
  constructor(capacity: number) {
    this.#capacity = capacity;
    this.#free = capacity;
  }

  /**
   * Runs the job when there is room for it. A weight above the capacity counts as the capacity, so that such a job runs
   * alone instead of never.
   *
   * @param signal once aborted, a job that still waits fails with the signal's reason instead of starting.
   */
  async run<T>(weight: number, job: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    const held = Math.min(weight, this.#capacity);
    await this.#acquire(held);
    try {
      signal?.throwIfAborted();
      return await job();
    } finally {
      this.#free += held;
      this.#startWaiting();
    }
  }

  #acquire(weight: number): Promise<void> {
    return new Promise((start) => {
      this.#waiting.push({ weight, start });
      this.#startWaiting();
    });
  }

  #startWaiting(): void {
    for (let first = this.#waiting[0]; first !== undefined; first = this.#waiting[0]) {
      if (first.weight > this.#free) return;
      this.#waiting.shift();
      this.#free -= first.weight;
      first.start();
    }
  }
}
