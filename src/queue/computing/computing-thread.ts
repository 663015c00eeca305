/** What a thread of `Computer` runs: one computation after another, of which it tells how far each is. */
import { parentPort, workerData } from "node:worker_threads";
import { messageOf, VqkitError } from "../../core/errors.js";
import { importModules } from "../../tokenizer/index.js";
import { type ComputationName, computations } from "./computations.js";
import type { ComputingControl } from "./control.js";

/** What the thread is started with. */
export interface ThreadStart {
  /** Modules that register quantizers of one's own. */
  readonly modules: readonly string[];
}

/** What it is told: a computation, when it has none, or to end the one that it has. */
export type ThreadRequest =
  | { readonly type: "run"; readonly name: ComputationName; readonly work: unknown }
  | { readonly type: "end" };

/** What it tells. An error goes as data, since a thrown one would lose its class. */
export type ThreadMessage =
  | { readonly type: "items"; readonly items: number }
  | { readonly type: "done"; readonly result: unknown }
  | { readonly type: "aborted" }
  | { readonly type: "failed"; readonly message: string; readonly code: VqkitError["code"] | null };

const loading = importModules((workerData as ThreadStart).modules);
loading.catch(() => {}); // told with the first computation
let stop = new AbortController();

function tell(message: ThreadMessage): void {
  parentPort?.postMessage(message);
}

async function run({ name, work }: Extract<ThreadRequest, { type: "run" }>): Promise<void> {
  const { signal } = stop;
  try {
    await loading;
    const compute = computations[name] as (work: unknown, control: ComputingControl) => Promise<unknown>;
    const onItems = (items: number): void => tell({ type: "items", items });
    tell({ type: "done", result: await compute(work, { signal, onItems }) });
  } catch (error) {
    if (signal.aborted && error === signal.reason) tell({ type: "aborted" });
    else tell({ type: "failed", message: messageOf(error), code: codeOf(error) });
  }
}

function codeOf(error: unknown): VqkitError["code"] | null {
  return error instanceof VqkitError ? error.code : null;
}

parentPort?.on("message", (request: ThreadRequest) => {
  if (request.type === "end") return stop.abort(new Error("the computation was ended"));
  stop = new AbortController();
  void run(request);
});
