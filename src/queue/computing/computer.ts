import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { VqkitError } from "../../core/errors.js";
import type { ComputationName, Computations } from "./computations.js";
import type { ThreadMessage, ThreadRequest, ThreadStart } from "./computing-thread.js";
import type { ComputingControl } from "./control.js";

const THREAD = new URL("./computing-thread.js", import.meta.url);

/** Says of what language the text of `node --eval` is; a thread that starts from a file refuses it. */
const NOT_FOR_THREADS = /^--(experimental-default|input)-type/;

/** Those that leave something in memory for the next. */
const KEEPING: ReadonlySet<ComputationName> = new Set(["evaluatePart", "evaluationProbe"]);

export interface ComputerOptions {
  /** Whether it computes on a thread of its own, so that the calling one can renew leases; default true. */
  readonly ownThread?: boolean;
  /** Modules that register quantizers of one's own. */
  readonly modules?: readonly string[];
}

/** Does computations that take long, one at a time. */
export class Computer {
  readonly #ownThread: boolean;
  readonly #modules: readonly string[];
  /** One that has something in memory for the next computation. */
  #thread: Worker | undefined;

  constructor({ ownThread = true, modules = [] }: ComputerOptions = {}) {
    this.#ownThread = ownThread;
    this.#modules = modules;
  }

  /**
   * @throws what the computation throws; the reason of the signal, once the computation has ended;
   * VqkitError("engine") when its thread has died
   */
  async run<N extends ComputationName>(
    name: N,
    work: Computations[N]["work"],
    { signal, onItems = () => {} }: Pick<ComputingControl, "signal"> & Partial<ComputingControl>,
  ): Promise<Computations[N]["result"]> {
    signal.throwIfAborted();
    const isKept = KEEPING.has(name);
    // Whoever keeps nothing wants all the memory.
    if (!isKept) await this.dispose();
    if (!this.#ownThread) {
      const { computations } = await import("./computations.js");
      return computations[name](work, { signal, onItems });
    }
    const thread = this.#thread ?? this.#start();
    this.#thread = undefined;
    let isAlive = false;
    try {
      const answer = await answerOf(thread, { type: "run", name, work }, { signal, onItems });
      isAlive = true;
      if (answer.type === "done") return answer.result as Computations[N]["result"];
      throw answer.type === "aborted" ? signal.reason : failureOf(answer);
    } finally {
      if (isAlive && isKept) this.#thread = thread;
      else await thread.terminate();
    }
  }

  #start(): Worker {
    const thread = started({ modules: this.#modules });
    // One that dies while it has nothing to do is replaced.
    thread.on("error", () => {});
    thread.on("exit", () => {
      if (this.#thread === thread) this.#thread = undefined;
    });
    return thread;
  }

  /** Frees what computations have left in memory. */
  async dispose(): Promise<void> {
    const thread = this.#thread;
    this.#thread = undefined;
    await thread?.terminate();
    if (this.#ownThread) return;
    const { releaseKept } = await import("./computations.js");
    await releaseKept();
  }
}

function started(workerData: ThreadStart): Worker {
  if (!existsSync(THREAD)) {
    throw new VqkitError(
      "engine",
      `workers: expected ${fileURLToPath(THREAD)}, got no such file. Threads need the built package.`,
    );
  }
  const execArgv = process.execArgv.filter((each) => !NOT_FOR_THREADS.test(each));
  return new Worker(THREAD, { workerData, execArgv });
}

type Answer = Exclude<ThreadMessage, { type: "items" }>;

/** Waits for what a thread says at the end of a computation. @throws VqkitError("engine") when it has died */
async function answerOf(
  thread: Worker,
  request: ThreadRequest,
  { signal, onItems }: ComputingControl,
): Promise<Answer> {
  const end = (): void => thread.postMessage({ type: "end" } satisfies ThreadRequest);
  const watched = new AbortController();
  const answered = new Promise<Answer>((resolve, reject) => {
    let death: unknown = "no reason";
    const onMessage = (message: ThreadMessage): void => {
      if (message.type === "items") onItems(message.items);
      else resolve(message);
    };
    const onError = (error: unknown): void => {
      death = error;
    };
    const onExit = (): void => reject(deadThread(death));
    thread.on("message", onMessage).on("error", onError).on("exit", onExit);
    watched.signal.addEventListener("abort", () => {
      thread.off("message", onMessage).off("error", onError).off("exit", onExit);
    });
  });
  signal.addEventListener("abort", end, { once: true });
  try {
    thread.postMessage(request);
    return await answered;
  } finally {
    watched.abort();
    signal.removeEventListener("abort", end);
  }
}

function failureOf({ message, code }: Extract<ThreadMessage, { type: "failed" }>): Error {
  return code === null ? new Error(message) : new VqkitError(code, message);
}

function deadThread(cause: unknown): VqkitError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new VqkitError("engine", `queue: expected a thread that computes, got one that ended: ${reason}.`, {
    cause,
  });
}
