import type { VqkitError } from "../../core/errors.js";
import {
  joinedCount,
  joinKey,
  joinTasks,
  type PassResult,
  type PassTask,
  splitResult,
} from "./joined-passes.js";

export interface PassQueueOptions {
  /** Passes computed side by side, at least 1. */
  readonly lanes: number;
  /** Image side ÷ latent-grid side. */
  readonly factor: number;
}

interface Waiting {
  readonly task: PassTask;
  readonly key: string | undefined;
  readonly settle: {
    readonly resolve: (result: PassResult) => void;
    readonly reject: (error: unknown) => void;
  };
  readonly stopListening: () => void;
}

/**
 * Passes that wait for one of several threads. The one that has waited longest goes first, and with it those of its
 * kind and size behind it, as one pass: together they take less time than one by one. Nothing waits to be joined while
 * a thread is free.
 */
export class PassQueue {
  readonly #compute: (task: PassTask) => Promise<PassResult>;
  readonly #factor: number;
  #waiting: Waiting[] = [];
  #free: number;
  readonly #running = new Set<Promise<void>>();

  /** @param compute one pass, on whichever thread is free; called for `lanes` passes at once at most */
  constructor(compute: (task: PassTask) => Promise<PassResult>, { lanes, factor }: PassQueueOptions) {
    this.#compute = compute;
    this.#free = lanes;
    this.#factor = factor;
  }

  /** Passes that wait. */
  get length(): number {
    return this.#waiting.length;
  }

  /** @throws the signal's reason once it is aborted, at once where the pass waits */
  add(task: PassTask, signal?: AbortSignal): Promise<PassResult> {
    signal?.throwIfAborted();
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        this.#waiting = this.#waiting.filter((each) => each !== waiting);
        reject(signal?.reason);
      };
      signal?.addEventListener("abort", onAbort, { once: true });
      const stopListening = () => signal?.removeEventListener("abort", onAbort);
      const waiting = { task, key: joinKey(task), settle: { resolve, reject }, stopListening };
      this.#waiting.push(waiting);
      this.#start();
    });
  }

  /** Fails all that waits. @returns when what is being computed has ended */
  async end(error: VqkitError): Promise<void> {
    for (const waiting of this.#waiting.splice(0)) fail(waiting, error);
    await Promise.all(this.#running);
  }

  #start(): void {
    while (this.#free > 0 && this.#waiting.length > 0) {
      this.#free--;
      const running = this.#run(this.#takeNext()).then(() => {
        this.#running.delete(running);
        this.#free++;
        this.#start();
      });
      this.#running.add(running);
    }
  }

  #takeNext(): Waiting[] {
    const [first] = this.#waiting as [Waiting];
    const alike = first.key === undefined ? [first] : this.#waiting.filter(({ key }) => key === first.key);
    const taken = new Set(alike.slice(0, joinedCount(first.task, alike.length, this.#factor)));
    this.#waiting = this.#waiting.filter((each) => !taken.has(each));
    return [...taken];
  }

  /** Never fails: each pass is told. */
  async #run(joined: readonly Waiting[]): Promise<void> {
    const [first] = joined as readonly [Waiting];
    try {
      const task = joined.length === 1 ? first.task : joinTasks(joined.map((each) => each.task));
      const results = splitResult(await this.#compute(task), joined.length);
      for (const [i, { settle, stopListening }] of joined.entries()) {
        stopListening();
        settle.resolve(results[i] as PassResult);
      }
    } catch (error) {
      // What is wrong with one is not the others' fault.
      if (joined.length === 1) fail(first, error);
      else for (const each of joined) await this.#run([each]);
    }
  }
}

function fail({ settle, stopListening }: Waiting, error: unknown): void {
  stopListening();
  settle.reject(error);
}
