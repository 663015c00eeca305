import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import type { Job, Worker } from "bullmq";
import { abortable } from "../core/abort.js";
import { messageOf, VqkitError } from "../core/errors.js";
import { QueueConnection } from "./connection.js";
import { Lease } from "./lease.js";
import type { Served, ServeOptions, WorkerEvent } from "./serve-options.js";
import { removeStatus, writeStatus } from "./status-store.js";
import { jobSchema, type PieceJob, type PieceResult, queueName, readTasks, type Task } from "./task.js";
import type { TaskWork } from "./task-work.js";
import { checkTries, isClosed, isLeaseError, triesOf, withDone } from "./tries.js";
import { WorkerMeans } from "./worker-means.js";
import type { WorkerStatus } from "./worker-status.js";

/** Between two looks for work where there is none, in milliseconds. */
const POLL = 250;
/** After which a plan that could not be read is looked at again. */
const ASKED_AGAIN = 5000;
/** Between two reports of a worker. */
const REPORT = 1000;

/**
 * Does pieces of the tasks of a queue, one at a time, until it is told to end.
 *
 * Jobs name pieces of plans that lie in the shared folder, and nothing else: no code, and no path. A piece counts only
 * when Redis has taken its result from the holder of its lease, in one step; so a worker that was away for too long
 * (asleep, or cut off) changes nothing.
 *
 * @throws VqkitError("queue") when Redis cannot be reached; ConfigError for a wrong option
 */
export async function serveQueue(options: ServeOptions): Promise<Served> {
  const connection = await QueueConnection.open(options.queue, options.signal);
  const server = new Server(connection, options);
  try {
    return await server.run();
  } finally {
    await server.close();
  }
}

interface Part {
  readonly task: Task;
  readonly taker: Worker;
  readonly work: TaskWork;
}

class Server {
  readonly #connection: QueueConnection;
  readonly #options: ServeOptions;
  readonly #means: WorkerMeans;
  readonly #parts = new Map<string, Part>();
  #status: WorkerStatus;
  #reported = Number.NEGATIVE_INFINITY;
  /** By task: when it is looked at again. */
  readonly #refusedUntil = new Map<string, number>();

  constructor(connection: QueueConnection, options: ServeOptions) {
    this.#connection = connection;
    this.#options = options;
    this.#means = new WorkerMeans(options);
    const now = Date.now();
    this.#status = {
      id: `${hostname()}-${process.pid}-${randomBytes(4).toString("hex")}`,
      host: hostname(),
      pid: process.pid,
      ...{ task: null, piece: null, items: 0, allItems: 0, allPieces: 0, refused: {} },
      ...{ startedAt: now, at: now },
    };
  }

  async run(): Promise<Served> {
    const { signal, untilDone = false } = this.#options;
    while (signal?.aborted !== true) {
      const worked = await this.#round().catch((error: unknown) => {
        if (signal?.aborted !== true) throw error;
        return "idle" as const;
      });
      if (worked === "done" && untilDone) break;
      if (worked === "piece") continue;
      await sleep(POLL, undefined, signal === undefined ? {} : { signal }).catch(() => {});
    }
    const { allPieces: pieces, allItems: items, refused } = this.#status;
    return { pieces, items, refused };
  }

  async close(): Promise<void> {
    if (this.#connection.isReady) await removeStatus(this.#connection.redis, this.#status.id).catch(() => {});
    await this.#connection.close();
    await this.#means.dispose();
  }

  /** Does one piece, if there is one. @returns "done" where no task has any left that this worker could do */
  async #round(): Promise<"piece" | "idle" | "done"> {
    const { signal } = this.#options;
    const tasks = await abortable(readTasks(this.#connection.redis), signal);
    await this.#forget(tasks);
    await this.#report();
    let isDone = true;
    for (const task of tasks) {
      const part = await this.#part(task);
      if (part === undefined) continue;
      const token = randomBytes(16).toString("hex");
      const job: Job | undefined = await abortable(part.taker.getNextJob(token, { block: false }), signal);
      if (job !== undefined) {
        await this.#do(part, job, token);
        return "piece";
      }
      isDone &&= await this.#isDone(task);
    }
    return isDone ? "done" : "idle";
  }

  /** Whether nothing of a task is left: what others are at may come back. */
  async #isDone(task: Task): Promise<boolean> {
    const queue = this.#connection.queue(queueName(task.id));
    try {
      const counts = await queue.getJobCounts("completed", "failed");
      return (counts.completed ?? 0) + (counts.failed ?? 0) >= task.pieces;
    } finally {
      await this.#connection.end(queue);
    }
  }

  /** Ends the parts of tasks that are gone, or begun anew. */
  async #forget(tasks: readonly Task[]): Promise<void> {
    for (const [id, { task, taker }] of this.#parts) {
      if (tasks.some((each) => each.id === id && each.createdAt === task.createdAt)) continue;
      this.#parts.delete(id);
      await this.#connection.end(taker);
    }
    const refused = Object.entries(this.#status.refused).filter(([key]) =>
      tasks.some((each) => keyOf(each) === key),
    );
    this.#status = { ...this.#status, refused: Object.fromEntries(refused) };
  }

  /** This worker's part in a task; undefined where it has none. */
  async #part(task: Task): Promise<Part | undefined> {
    const known = this.#parts.get(task.id);
    if (known !== undefined) return known;
    const key = keyOf(task);
    if (performance.now() < (this.#refusedUntil.get(key) ?? 0)) return undefined;
    try {
      const work = await this.#means.open(task);
      const taker = this.#connection.taker(queueName(task.id), task.leaseSeconds);
      await taker.startStalledCheckTimer();
      const part = { task, taker, work };
      this.#parts.set(task.id, part);
      const { [key]: _, ...refused } = this.#status.refused;
      this.#status = { ...this.#status, refused };
      this.#tell({ type: "task", task: task.id, kind: task.kind, pieces: task.pieces });
      return part;
    } catch (error) {
      if (this.#options.signal?.aborted === true) throw error;
      const reason = messageOf(error);
      // What another machine has just written may not be there yet; who has another model has it for good.
      const isForGood = error instanceof VqkitError && error.code === "queue";
      this.#refusedUntil.set(key, isForGood ? Number.POSITIVE_INFINITY : performance.now() + ASKED_AGAIN);
      const isNew = this.#status.refused[key] !== reason;
      this.#status = { ...this.#status, refused: { ...this.#status.refused, [key]: reason } };
      if (isNew) this.#tell({ type: "refused", task: task.id, reason });
      await this.#report({ isDue: true });
      return undefined;
    }
  }

  async #do({ task, taker, work }: Part, job: Job, token: string): Promise<void> {
    const lease = new Lease(job, token, task.leaseSeconds);
    const { success, data: read } = jobSchema.safeParse(job.data);
    const stop = this.#options.signal;
    const signal = stop === undefined ? lease.signal : AbortSignal.any([lease.signal, stop]);
    const started = performance.now();
    const piece = success ? read.piece : -1;
    let data: PieceJob = read ?? { piece, returned: 0, done: 0 };
    let result: PieceResult | undefined;
    try {
      if (!success || piece >= task.pieces)
        throw this.#connection.final("a job that names no piece of its task");
      data = withDone(job, data, await work.doneOf(piece));
      if (data !== read) await job.updateData(data);
      checkTries(job, data, task);
      this.#at({ task: task.id, piece, items: 0 });
      result = await work.do(piece, { signal, onItems: (items) => this.#at({ items }) });
      await this.#complete(taker, { job, token, result });
      const { items } = result;
      const { allItems, allPieces } = this.#status;
      this.#at({ task: null, piece: null, items: 0, allItems: allItems + items, allPieces: allPieces + 1 });
      const seconds = (performance.now() - started) / 1000;
      this.#tell({ type: "piece", task: task.id, kind: task.kind, piece, items, seconds });
    } catch (error) {
      if (result !== undefined) await work.drop(result);
      this.#at({ task: null, piece: null, items: 0 });
      if (lease.isLost || isLeaseError(error)) this.#tell({ type: "lost", task: task.id, piece });
      else if (success && (isClosed(error) || stop?.aborted === true)) await this.#giveBack(job, data, token);
      else await this.#failed(job, error, { task, data, token });
    } finally {
      lease.end();
    }
  }

  /** @throws BullMQ's error where this worker does not hold the lease any more */
  async #complete(
    taker: Worker,
    { job, token, result }: { readonly job: Job; readonly token: string; readonly result: PieceResult },
  ): Promise<void> {
    try {
      await job.moveToCompleted(result, token, false);
    } catch (error) {
      // After a lost connection the request is made again: the first one may have been heard.
      const taken = (await this.#connection.fetch(taker, job.id ?? ""))?.returnvalue as
        | PieceResult
        | undefined;
      if (taken?.folder !== result.folder) throw error;
    }
  }

  /** Hands a piece back that is none of its tries; where that does not succeed, its lease runs out. */
  async #giveBack(job: Job, data: PieceJob, token: string): Promise<void> {
    // Who ends does not wait for a Redis that is gone.
    if (this.#options.signal?.aborted === true && !this.#connection.isReady) return;
    try {
      await job.updateData({ ...data, returned: data.returned + 1 });
      await job.moveToWait(token);
    } catch {
      // The lease has ended meanwhile.
    }
  }

  async #failed(
    job: Job,
    error: unknown,
    { task, data, token }: { readonly task: Task; readonly data: PieceJob; readonly token: string },
  ): Promise<void> {
    const reason = messageOf(error);
    this.#tell({ type: "failed", task: task.id, piece: data.piece, reason });
    const isLast = triesOf(job, data) >= task.tries;
    const thrown = isLast || !(error instanceof Error) ? this.#connection.final(reason) : error;
    // Where the lease has ended, another worker has the piece.
    await job.moveToFailed(thrown, token, false).catch(() => {});
  }

  #at(change: Partial<WorkerStatus>): void {
    this.#status = { ...this.#status, ...change };
    void this.#report().catch(() => {});
  }

  async #report({ isDue = false } = {}): Promise<void> {
    const now = performance.now();
    if (!isDue && now - this.#reported < REPORT) return;
    this.#reported = now;
    // What waits for Redis to come back would be told late and many times.
    if (!this.#connection.isReady) return;
    this.#status = { ...this.#status, at: Date.now() };
    await writeStatus(this.#connection.redis, this.#status);
  }

  #tell(event: WorkerEvent): void {
    this.#options.onEvent?.(event);
  }
}

/** A task that was begun anew is looked at again. */
function keyOf({ id, createdAt }: Task): string {
  return `${id} ${createdAt}`;
}
