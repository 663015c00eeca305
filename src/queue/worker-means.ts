import { CompareWork } from "./compare/compare-work.js";
import { Computer } from "./computing/computer.js";
import { EncodeWork, WorkerModels } from "./encode/encode-work.js";
import { EvaluateWork } from "./evaluate/evaluate-work.js";
import type { ServeOptions } from "./serve-options.js";
import { SharedFolder } from "./shared-folder.js";
import type { Task } from "./task.js";
import type { TaskWork } from "./task-work.js";

/** What a worker has to do pieces with, of whatever kind. */
export class WorkerMeans {
  readonly #shared: SharedFolder;
  readonly #models: WorkerModels;
  readonly #computer: Computer;
  readonly #threads: number | undefined;
  /** Of models beside those in the shared folder. */
  readonly #paths: readonly string[];
  readonly #signal: AbortSignal;

  constructor({ shared = ".", models = [], load = {}, signal }: ServeOptions) {
    this.#shared = new SharedFolder(shared);
    this.#models = new WorkerModels(models, load);
    const { workers, quantizerModules = [], threads } = load;
    this.#computer = new Computer({ ownThread: workers !== 0, modules: quantizerModules });
    this.#threads = threads;
    this.#paths = models;
    this.#signal = signal ?? new AbortController().signal;
  }

  /** Takes part in a task. @throws VqkitError("queue") when this worker cannot; otherwise as its kind of work does */
  open(task: Task): Promise<TaskWork> {
    switch (task.kind) {
      case "encode":
        return EncodeWork.open(task, this.#shared, this.#models);
      case "compare":
        return CompareWork.open(task, this.#shared, {
          computer: this.#computer,
          threads: this.#threads,
          signal: this.#signal,
        });
      case "evaluate":
        return EvaluateWork.open(task, this.#shared, {
          computer: this.#computer,
          models: this.#paths,
          threads: this.#threads,
          signal: this.#signal,
        });
    }
  }

  async dispose(): Promise<void> {
    await this.#models.dispose();
    await this.#computer.dispose();
  }
}
