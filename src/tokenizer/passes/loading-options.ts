import { availableParallelism } from "node:os";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { EngineOptions } from "../../backend/index.js";
import { ConfigError, messageOf } from "../../core/errors.js";

/** How a tokenizer is loaded: what computes, and on which threads. */
export interface LoadOptions extends EngineOptions {
  /**
   * Worker threads that compute, each with a model of its own, so that the calling thread stays free for others; default
   * 0: computes on the calling thread. `threads` are those of each worker; by default the processors are shared out.
   */
  readonly workers?: number;
  /**
   * Calls of `encode`, `decode`, `decodeBatch` and `reconstruct` under way at once, at least 1; one more fails with
   * VqkitError("busy"). Default: 64 with workers, any number without.
   */
  readonly maxQueue?: number;
  /** Modules that register quantizers of one's own, paths or file URLs; they are run where the model is loaded. */
  readonly quantizerModules?: readonly string[];
}

/** Options, checked, with their defaults. */
export interface LoadSettings {
  readonly engine: EngineOptions;
  readonly workers: number;
  readonly maxQueue: number;
  readonly quantizerModules: readonly string[];
}

/** What a worker loads. Plain data. */
export interface WorkerModel {
  /** A run folder, or a model file; absolute, as the working folder may change. */
  readonly path: string;
  readonly engine: EngineOptions;
  readonly quantizerModules: readonly string[];
}

/** Threads are not worth their memory beyond this. */
const MOST_WORKERS = 256;
const DEFAULT_QUEUE = 64;

/** @throws ConfigError for a number out of range */
export function parseLoadOptions(options: LoadOptions): LoadSettings {
  const { workers = 0, maxQueue, quantizerModules = [], ...engine } = options;
  if (!Number.isInteger(workers) || workers < 0 || workers > MOST_WORKERS) {
    throw new ConfigError("workers", `expected an integer in 0..${MOST_WORKERS}, got ${workers}.`);
  }
  const most = maxQueue ?? (workers === 0 ? Number.POSITIVE_INFINITY : DEFAULT_QUEUE);
  const whole = Number.isInteger(most) || most === Number.POSITIVE_INFINITY;
  if (!whole || most < 1) throw new ConfigError("maxQueue", `expected an integer >= 1, got ${most}.`);
  return { engine, workers, maxQueue: most, quantizerModules };
}

/** What each worker loads: the processors are shared out among them unless told otherwise. */
export function workerModel(model: string, { engine, workers, quantizerModules }: LoadSettings): WorkerModel {
  const threads = engine.threads ?? Math.max(1, Math.floor(availableParallelism() / workers));
  return {
    path: path.resolve(model),
    engine: { ...engine, threads },
    quantizerModules: quantizerModules.map((each) => path.resolve(fileOf(each))),
  };
}

/** @throws ConfigError naming a module that cannot be run */
export async function importModules(modules: readonly string[]): Promise<void> {
  for (const each of modules) {
    try {
      await import(pathToFileURL(path.resolve(fileOf(each))).href);
    } catch (error) {
      throw new ConfigError("quantizerModules", `${each} cannot be loaded: ${messageOf(error)}`, {
        cause: error,
      });
    }
  }
}

function fileOf(module: string): string {
  return module.startsWith("file:") ? fileURLToPath(module) : module;
}
