import type { QueueAddress } from "./address.js";
import { QueueConnection } from "./connection.js";
import { readStatuses } from "./status-store.js";
import { queueName, readTasks } from "./task.js";
import type { WorkerStatus } from "./worker-status.js";

/** A task and how far its pieces are. */
export interface MonitoredTask {
  readonly id: string;
  /** What is done to each piece: "encode". */
  readonly kind: string;
  readonly pieces: number;
  readonly done: number;
  readonly failed: number;
  readonly underWay: number;
  /** Its submitter was interrupted: nobody takes pieces. */
  readonly isPaused: boolean;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
}

/** What there is on a queue. */
export interface QueueState {
  /** Without a password. */
  readonly address: string;
  /** Whether Redis answers; where it does not, nothing is known. */
  readonly isReady: boolean;
  readonly tasks: readonly MonitoredTask[];
  readonly workers: readonly WorkerStatus[];
}

/** Looks at a queue and changes nothing. */
export class QueueMonitor {
  readonly #connection: QueueConnection;

  private constructor(connection: QueueConnection) {
    this.#connection = connection;
  }

  /** @throws VqkitError("queue") when Redis cannot be reached; ConfigError at `queue` */
  static async open(address: QueueAddress, signal?: AbortSignal): Promise<QueueMonitor> {
    return new QueueMonitor(await QueueConnection.open(address, signal));
  }

  async state(): Promise<QueueState> {
    const { isReady, redis, shown: address } = this.#connection;
    if (!isReady) return { address, isReady, tasks: [], workers: [] };
    const tasks: MonitoredTask[] = [];
    for (const { id, kind, pieces, createdAt } of await readTasks(redis)) {
      const queue = this.#connection.queue(queueName(id));
      try {
        const {
          completed = 0,
          failed = 0,
          active = 0,
        } = await queue.getJobCounts("completed", "failed", "active");
        const counts = { done: completed, failed, underWay: active };
        tasks.push({ id, kind, pieces, ...counts, isPaused: await queue.isPaused(), createdAt });
      } finally {
        await this.#connection.end(queue);
      }
    }
    return { address, isReady, tasks, workers: await readStatuses(redis) };
  }

  close(): Promise<void> {
    return this.#connection.close();
  }
}
