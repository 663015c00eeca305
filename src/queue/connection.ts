import type { Job, Queue, Worker } from "bullmq";
import type { Redis } from "ioredis";
import { abortable } from "../core/abort.js";
import { messageOf, VqkitError } from "../core/errors.js";
import { parseAddress, type QueueAddress } from "./address.js";

/** Begins every key of ours in Redis. */
export const PREFIX = "vqkit";

/** Commands wait while Redis is away, and connecting is tried again at most so many milliseconds apart. */
const SLOWEST_RETRY = 2000;
const CONNECT_TIMEOUT = 10_000;

/** A connection to Redis, with what is opened on it. Commands wait while Redis is away. */
export class QueueConnection {
  readonly redis: Redis;
  /** For messages: no password. */
  readonly shown: string;
  readonly #bullmq: typeof import("bullmq");
  readonly #opened: (Queue | Worker)[] = [];

  private constructor(redis: Redis, shown: string, bullmq: typeof import("bullmq")) {
    this.redis = redis;
    this.shown = shown;
    this.#bullmq = bullmq;
  }

  /**
   * @throws VqkitError("queue") when bullmq and ioredis are not installed, Redis cannot be reached or refuses the password;
   * ConfigError at `queue` for an address that is none
   */
  static async open(address: QueueAddress, signal?: AbortSignal): Promise<QueueConnection> {
    const { shown, options } = parseAddress(address);
    const { bullmq, ioredis } = await loadPackages();
    const redis = new ioredis.Redis(address.url, {
      ...options,
      lazyConnect: true,
      connectTimeout: CONNECT_TIMEOUT,
      maxRetriesPerRequest: null,
      retryStrategy: (times) => Math.min(50 * 2 ** Math.min(times, 10), SLOWEST_RETRY),
    });
    let reason: unknown;
    redis.on("error", (error) => {
      reason = error;
    });
    try {
      await abortable(redis.connect(), signal);
      await abortable(redis.ping(), signal);
    } catch (error) {
      redis.disconnect();
      signal?.throwIfAborted();
      throw new VqkitError(
        "queue",
        `queue: expected Redis at ${shown}, got ${messageOf(reason ?? error)}. Check the address, the password and whether it runs.`,
        { cause: error },
      );
    }
    return new QueueConnection(redis, shown, bullmq);
  }

  /** Whether commands are answered now. */
  get isReady(): boolean {
    return this.redis.status === "ready";
  }

  /** The pieces of a task. */
  queue(name: string): Queue {
    const queue = new this.#bullmq.Queue(name, { connection: this.redis, prefix: PREFIX });
    queue.on("error", () => {}); // a lost connection is made again
    this.#opened.push(queue);
    return queue;
  }

  /** Takes pieces of a task, one at a time and by hand. @param leaseSeconds a piece whose worker is silent for so long is another's */
  taker(name: string, leaseSeconds: number): Worker {
    const worker = new this.#bullmq.Worker(name, null, {
      connection: this.redis,
      prefix: PREFIX,
      autorun: false,
      lockDuration: Math.ceil(1000 * leaseSeconds),
      stalledInterval: Math.max(100, Math.ceil(500 * leaseSeconds)),
      maxStalledCount: Number.MAX_SAFE_INTEGER, // tries are counted by who takes the piece
    });
    worker.on("error", () => {});
    this.#opened.push(worker);
    return worker;
  }

  /** A piece as it stands in Redis now. */
  fetch(taker: Worker, id: string): Promise<Job | undefined> {
    return this.#bullmq.Job.fromId(taker, id);
  }

  /** An error after which a piece is not tried again. */
  final(message: string): Error {
    return new this.#bullmq.UnrecoverableError(message);
  }

  /** Ends one of what was opened. */
  async end(opened: Queue | Worker): Promise<void> {
    this.#opened.splice(this.#opened.indexOf(opened), 1);
    await ended(opened);
  }

  /** Ends everything, also while Redis is away. */
  async close(): Promise<void> {
    await Promise.all(this.#opened.splice(0).map(ended));
    this.redis.disconnect();
  }
}

/** Longer than an end takes; while Redis is away it would take for ever. */
const END_TIMEOUT = 2000;

async function ended(opened: Queue | Worker): Promise<void> {
  const end = "opts" in opened && "run" in opened ? (opened as Worker).close(true) : opened.close();
  await abortable(end, AbortSignal.timeout(END_TIMEOUT)).catch(() => {});
}

async function loadPackages(): Promise<{
  bullmq: typeof import("bullmq");
  ioredis: Pick<typeof import("ioredis"), "Redis">;
}> {
  try {
    const [bullmq, ioredis] = await Promise.all([import("bullmq"), import("ioredis")]);
    return { bullmq, ioredis };
  } catch (error) {
    throw new VqkitError(
      "queue",
      `queue: expected the packages bullmq and ioredis, got none that can be loaded (${messageOf(error).split("\n")[0]}). Install them: npm install bullmq ioredis.`,
      { cause: error },
    );
  }
}
