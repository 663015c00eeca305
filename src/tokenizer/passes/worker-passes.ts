import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Piscina } from "piscina";
import type { PixelBatch } from "../../autoencoder/index.js";
import { messageOf, VqkitError } from "../../core/errors.js";
import { disposedError } from "./disposed.js";
import type { PassResult, PassTask } from "./joined-passes.js";
import { type LoadSettings, workerModel } from "./loading-options.js";
import { PassQueue } from "./pass-queue.js";
import type { WorkerAnswer, WorkerTask } from "./pass-worker.js";
import type { CodeVectors, IndexGrid, Latents, ModelFacts, Passes } from "./passes.js";
import { errorOf } from "./thrown.js";

const WORKER = new URL("./pass-worker.js", import.meta.url);

/** Says of what language the text of `node --eval` is; a thread that starts from a file refuses it. */
const NOT_FOR_WORKERS = /^--(experimental-default|input)-type/;

/**
 * Passes on worker threads, each of which holds the model. Memory of pixels and of results moves between threads and is
 * not copied. Idle threads do not keep the process from ending.
 */
export class WorkerPasses implements Passes {
  readonly facts: ModelFacts;
  readonly ahead: number;
  readonly #pool: Piscina;
  readonly #queue: PassQueue;
  #ended: Promise<void> | undefined;

  private constructor(pool: Piscina, facts: ModelFacts, lanes: number) {
    this.#pool = pool;
    this.facts = facts;
    this.ahead = lanes;
    const { downsamplingFactor: factor } = facts.config;
    this.#queue = new PassQueue((task) => this.#compute(task), { lanes, factor });
  }

  /**
   * Starts the threads; each loads the model.
   *
   * @param model a run folder, or a model file
   * @throws as `loadModel`; VqkitError("engine") when threads cannot be started
   */
  static async start(model: string, settings: LoadSettings): Promise<WorkerPasses> {
    if (!existsSync(WORKER)) {
      throw new VqkitError(
        "engine",
        `workers: expected ${fileURLToPath(WORKER)}, got no such file. Workers need the built package.`,
      );
    }
    const { workers } = settings;
    const { Piscina } = await import("piscina");
    const pool = new Piscina({
      filename: WORKER.href,
      minThreads: workers,
      maxThreads: workers,
      workerData: workerModel(model, settings),
      execArgv: process.execArgv.filter((each) => !NOT_FOR_WORKERS.test(each)),
      recordTiming: false,
    });
    // A thread that dies while it has nothing to do is replaced; the next pass that fails tells.
    pool.on("error", () => {});
    try {
      // The pool gives each idle thread one of them.
      const all = await Promise.all(Array.from({ length: workers }, () => ask(pool, { kind: "facts" })));
      return new WorkerPasses(pool, all[0] as ModelFacts, workers);
    } catch (error) {
      await pool.destroy();
      throw error;
    }
  }

  async encode(pixels: PixelBatch, signal?: AbortSignal): Promise<IndexGrid> {
    return (await this.#add({ kind: "encode", pixels }, signal)) as IndexGrid;
  }

  async latents(pixels: PixelBatch): Promise<Latents> {
    return (await this.#add({ kind: "latents", pixels })) as Latents;
  }

  async decode({ indices, shape }: IndexGrid, signal?: AbortSignal): Promise<PixelBatch> {
    // The caller's indices stay the caller's, and may be a part of a larger array.
    const grid = { indices: indices.slice(), shape: [...shape] as const } as IndexGrid;
    return (await this.#add({ kind: "decode", grid }, signal)) as PixelBatch;
  }

  async forward(pixels: PixelBatch, signal?: AbortSignal): Promise<PixelBatch> {
    return (await this.#add({ kind: "forward", pixels }, signal)) as PixelBatch;
  }

  async codeVectors(codebook: number): Promise<CodeVectors> {
    return (await this.#add({ kind: "codeVectors", codebook })) as CodeVectors;
  }

  checkAlive(): void {
    if (this.#ended !== undefined) throw disposedError();
  }

  dispose(): Promise<void> {
    this.#ended ??= this.#queue.end(disposedError()).then(() => this.#pool.destroy());
    return this.#ended;
  }

  async #add(task: PassTask, signal?: AbortSignal): Promise<PassResult> {
    this.checkAlive();
    return this.#queue.add(task, signal);
  }

  async #compute(pass: PassTask): Promise<PassResult> {
    const { fingerprint } = this.facts;
    return (await ask(this.#pool, { kind: "pass", pass, fingerprint }, buffersOf(pass))) as PassResult;
  }
}

/** @throws what the worker threw; VqkitError("engine") when its thread has died */
async function ask(
  pool: Piscina,
  task: WorkerTask,
  transferList: readonly ArrayBuffer[] = [],
): Promise<PassResult | ModelFacts> {
  let answer: WorkerAnswer;
  try {
    answer = (await pool.run(task, { transferList: [...transferList] })) as WorkerAnswer;
  } catch (error) {
    throw new VqkitError(
      "engine",
      `Tokenizer: expected a worker thread that computes, got one that ended: ${messageOf(error)}`,
      { cause: error },
    );
  }
  if ("thrown" in answer) throw errorOf(answer.thrown);
  return answer.value;
}

/** Memory that moves to the worker: pixels and indices that were made for the pass. */
function buffersOf(task: PassTask): ArrayBuffer[] {
  if (task.kind === "codeVectors") return [];
  const array = task.kind === "decode" ? task.grid.indices : task.pixels.pixels;
  const { buffer, byteLength } = array;
  return buffer instanceof ArrayBuffer && buffer.byteLength === byteLength ? [buffer] : [];
}
