/** How often a piece is tried, and what is no try. */
import type { Job } from "bullmq";
import { VqkitError } from "../core/errors.js";
import type { PieceJob, Task } from "./task.js";

/** Tries of a piece up to now, the one under way among them. */
export function triesOf({ attemptsStarted }: Pick<Job, "attemptsStarted">, { returned }: PieceJob): number {
  return attemptsStarted - returned;
}

/**
 * What a piece's job says of it with what earlier attempts have left: where they came further than when its tries began
 * to count, they count anew. A training that proceeds may outlive any number of workers.
 */
export function withDone(job: Pick<Job, "attemptsStarted">, data: PieceJob, done: number): PieceJob {
  if (done <= data.done) return data;
  return { ...data, done, returned: job.attemptsStarted - 1 };
}

/** A piece whose workers ended without a word, time after time, is one that ends workers. @throws VqkitError("queue") */
export function checkTries(job: Pick<Job, "attemptsStarted">, data: PieceJob, { tries }: Task): void {
  if (triesOf(job, data) <= tries) return;
  throw new VqkitError("queue", `its workers ended, or were silent for too long, ${tries} times`);
}

/** What ioredis says of a request that was under way when Redis went: no fault of the piece. */
export function isClosed(error: unknown): boolean {
  return error instanceof Error && /connection is closed/i.test(error.message);
}

/** What BullMQ says when a result comes from one that does not hold the lease. */
export function isLeaseError(error: unknown): boolean {
  return (
    error instanceof Error &&
    /missing lock|lock mismatch|not in the active state|missing key/i.test(error.message)
  );
}
