import type { Job } from "bullmq";
import { VqkitError } from "../core/errors.js";

/** Renewed so often within its time. */
const RENEWALS = 4;

/**
 * The right to do a piece, for a while. It is renewed as long as its holder lives; once it is lost, `signal` is aborted. What is
 * done afterwards counts for nothing: completing a piece is one step of Redis that looks at the lease, and files carry the
 * name of the lease that they were written under.
 */
export class Lease {
  readonly #job: Pick<Job, "extendLock">;
  readonly #token: string;
  readonly #seconds: number;
  readonly #lost = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  /** By this process's own clock; Redis's began later. */
  #until: number;
  #ended = false;

  /** @param token as the piece was taken with; just now */
  constructor(job: Pick<Job, "extendLock">, token: string, seconds: number) {
    this.#job = job;
    this.#token = token;
    this.#seconds = seconds;
    this.#until = performance.now() + 1000 * seconds;
    this.#next();
  }

  /** Aborted when the lease is lost. */
  get signal(): AbortSignal {
    return this.#lost.signal;
  }

  get isLost(): boolean {
    return this.#lost.signal.aborted;
  }

  /** No more renewals. */
  end(): void {
    this.#ended = true;
    clearTimeout(this.#timer);
  }

  #next(): void {
    if (this.#ended) return;
    this.#timer = setTimeout(() => void this.#renew(), (1000 * this.#seconds) / RENEWALS);
  }

  /** While Redis is away the answer comes late or never: then the clock decides. */
  async #renew(): Promise<void> {
    const asked = performance.now();
    const left = this.#until - asked;
    if (left <= 0) return this.#lose();
    const deadline = setTimeout(() => this.#lose(), left);
    try {
      const renewed = await this.#job.extendLock(this.#token, Math.ceil(1000 * this.#seconds));
      if (renewed === 1) this.#until = asked + 1000 * this.#seconds;
      else this.#lose();
    } catch {
      // Whether it was renewed is not known; the next renewal or the clock tells.
    } finally {
      clearTimeout(deadline);
    }
    if (!this.isLost) this.#next();
  }

  #lose(): void {
    if (this.#ended || this.isLost) return;
    this.#lost.abort(new VqkitError("queue", "piece: expected to hold its lease, got one that has ended."));
  }
}
