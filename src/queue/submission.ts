import { setTimeout as sleep } from "node:timers/promises";
import type { Job, Queue } from "bullmq";
import type { QueueConnection } from "./connection.js";
import { readStatuses } from "./status-store.js";
import {
  announceTask,
  jobId,
  type PieceJob,
  type PieceResult,
  pieceResultSchema,
  queueName,
  type Task,
  withdrawTask,
} from "./task.js";
import type { FailedPiece, TaskState } from "./task-state.js";

/** Jobs that are added in one request. */
const ADDED_AT_ONCE = 1000;
/** Between two looks at a piece that is not done, in milliseconds. */
const POLL = 100;
/** Workers say when a piece was tried often enough. */
const COUNTED_BY_WORKERS = 1_000_000;
/** Between two looks at everything. */
const SURVEY = 1000;

/** A task as its submitter has it: adds its pieces to the queue, and waits for them in order. */
export class Submission {
  readonly #connection: QueueConnection;
  readonly #queue: Queue;
  readonly #task: Task;
  readonly #onState: (state: TaskState) => void;
  #surveyed = Number.NEGATIVE_INFINITY;

  constructor(connection: QueueConnection, task: Task, onState: (state: TaskState) => void = () => {}) {
    this.#connection = connection;
    this.#task = task;
    this.#queue = connection.queue(queueName(task.id));
    this.#onState = onState;
  }

  /**
   * Adds the pieces. Those that are there already stand as they are; those that were given up are tried again.
   *
   * @param options.resume whether pieces of an earlier submitter count; otherwise they are forgotten
   */
  async begin({ resume }: { readonly resume: boolean }): Promise<void> {
    if (!resume) await this.#queue.obliterate({ force: true });
    for (const job of await this.#queue.getFailed()) {
      await job.retry("failed", { resetAttemptsMade: true, resetAttemptsStarted: true }).catch(() => {});
    }
    await this.#queue.resume();
    await this.#add();
  }

  /** Waits until a piece is done. @returns undefined for one that was given up; @throws the reason of `signal` */
  async result(piece: number, signal?: AbortSignal): Promise<PieceResult | undefined> {
    for (;;) {
      signal?.throwIfAborted();
      const state = await this.#queue.getJobState(jobId(piece));
      if (state === "unknown")
        await this.#add(); // Redis has forgotten
      else if (state === "failed") return undefined;
      else if (state === "completed") {
        // Read after that: a job that was read before has no result yet.
        const job: Job | undefined = await this.#queue.getJob(jobId(piece));
        const { data } = pieceResultSchema.safeParse(job?.returnvalue);
        if (data !== undefined) return data;
        await this.redo(piece);
      }
      await this.survey();
      await sleep(POLL, undefined, signal === undefined ? {} : { signal }).catch(() => {});
    }
  }

  /** Has a piece done once more whose files are not what they were. */
  async redo(piece: number): Promise<void> {
    await (await this.#queue.getJob(jobId(piece)))?.remove();
    await this.#queue.addBulk([this.#job(piece)]);
  }

  /** Waits until every piece is done or given up. */
  async settled(signal?: AbortSignal): Promise<readonly FailedPiece[]> {
    for (;;) {
      signal?.throwIfAborted();
      const { completed = 0, failed = 0 } = await this.#queue.getJobCounts("completed", "failed");
      await this.survey();
      if (completed + failed >= this.#task.pieces) break;
      await sleep(POLL, undefined, signal === undefined ? {} : { signal }).catch(() => {});
    }
    const jobs: Job[] = await this.#queue.getFailed();
    return jobs
      .map(({ data, failedReason }) => ({ piece: (data as PieceJob).piece, reason: failedReason ?? "" }))
      .sort((a, b) => a.piece - b.piece);
  }

  /** Tells how far everything is, now and then. */
  async survey(): Promise<void> {
    const now = performance.now();
    if (now - this.#surveyed < SURVEY) return;
    this.#surveyed = now;
    const { completed = 0, failed = 0 } = await this.#queue.getJobCounts("completed", "failed");
    const workers = await readStatuses(this.#connection.redis);
    this.#onState({ done: completed, failed, total: this.#task.pieces, workers });
  }

  /** Lets no worker take another piece, until `begin`. */
  async pause(): Promise<void> {
    await this.#queue.pause();
  }

  /** Takes everything of the task out of Redis. */
  async remove(): Promise<void> {
    await withdrawTask(this.#connection.redis, this.#task.id);
    await this.#queue.obliterate({ force: true });
  }

  /** Those that are there already stand as they are. */
  async #add(): Promise<void> {
    const { pieces } = this.#task;
    for (let start = 0; start < pieces; start += ADDED_AT_ONCE) {
      const count = Math.min(ADDED_AT_ONCE, pieces - start);
      await this.#queue.addBulk(Array.from({ length: count }, (_, i) => this.#job(start + i)));
    }
    await announceTask(this.#connection.redis, this.#task);
  }

  #job(piece: number): Parameters<Queue["addBulk"]>[0][number] {
    const data: PieceJob = { piece, returned: 0, done: 0 };
    const opts = { jobId: jobId(piece), attempts: COUNTED_BY_WORKERS, stackTraceLimit: 0 };
    return { name: this.#task.kind, data, opts };
  }
}
