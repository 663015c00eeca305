import path from "node:path";
import { VqkitError } from "../../core/errors.js";
import { type LoadOptions, Tokenizer } from "../../tokenizer/index.js";
import { QUEUE_FOLDER, type SharedFolder } from "../shared-folder.js";
import type { PieceResult, Task } from "../task.js";
import type { PieceProgress, TaskWork } from "../task-work.js";
import { encodePiece, removePiece } from "./piece.js";
import { PlanReader } from "./plan.js";

/** Models that a worker has, one of them in memory: tasks that alternate load them in turn. */
export class WorkerModels {
  readonly #paths: readonly string[];
  readonly #options: LoadOptions;
  readonly #fingerprints = new Map<string, string>();
  #loaded: { readonly path: string; readonly tokenizer: Tokenizer } | undefined;

  constructor(paths: readonly string[], options: LoadOptions) {
    this.#paths = paths;
    // The thread that renews leases is not the one that computes.
    this.#options = { workers: 1, ...options };
  }

  /**
   * The model of a fingerprint; the one before it is freed.
   *
   * @param other where it may be too
   * @throws VqkitError("queue") when there are only others
   */
  async get(fingerprint: string, other?: string): Promise<Tokenizer> {
    if (this.#loaded?.tokenizer.fingerprint === fingerprint) return this.#loaded.tokenizer;
    const failures: string[] = [];
    for (const each of [...this.#paths, ...(other === undefined ? [] : [other])]) {
      if ((this.#fingerprints.get(each) ?? fingerprint) !== fingerprint) continue;
      await this.dispose();
      const tokenizer = await Tokenizer.load(each, this.#options).catch((error: unknown) => {
        if (!(error instanceof VqkitError)) throw error;
        failures.push(error.message);
      });
      if (tokenizer === undefined) continue;
      this.#fingerprints.set(each, tokenizer.fingerprint);
      this.#loaded = { path: each, tokenizer };
      if (tokenizer.fingerprint === fingerprint) return tokenizer;
    }
    const others = [...this.#fingerprints].map(([file, print]) => `${print.slice(0, 12)} (${file})`);
    const got = others.length === 0 ? "none" : others.join(", ");
    const why = failures.length === 0 ? "" : ` ${failures.join(" ")}`;
    throw new VqkitError(
      "queue",
      `queue: expected the model ${fingerprint.slice(0, 12)}, got ${got}.${why} Give it (option model), or put it into the shared folder.`,
    );
  }

  async dispose(): Promise<void> {
    const loaded = this.#loaded;
    this.#loaded = undefined;
    await loaded?.tokenizer.dispose();
  }
}

/** A worker's part in an encoding. */
export class EncodeWork implements TaskWork {
  readonly #task: Task;
  readonly #dir: string;
  readonly #plan: PlanReader;
  readonly #models: WorkerModels;
  readonly #model: string | undefined;

  private constructor(
    task: Task,
    {
      dir,
      plan,
      models,
      model,
    }: { dir: string; plan: PlanReader; models: WorkerModels; model: string | undefined },
  ) {
    this.#task = task;
    this.#dir = dir;
    this.#plan = plan;
    this.#models = models;
    this.#model = model;
  }

  /** @throws VqkitError("queue") when this worker cannot take part; VqkitError("format" | "file") */
  static async open(task: Task, shared: SharedFolder, models: WorkerModels): Promise<EncodeWork> {
    const dir = path.join(shared.root, QUEUE_FOLDER, task.id);
    const plan = await PlanReader.open(dir, shared);
    const { model, options, fingerprint, pieces } = plan.plan;
    if (fingerprint !== task.fingerprint || pieces !== task.pieces) {
      throw new VqkitError("queue", `${dir}: expected the plan of the task, got another.`);
    }
    const file = model === null ? undefined : shared.pathOf(model);
    const tokenizer = await models.get(fingerprint, file);
    const probe = await tokenizer.arithmetic(options);
    if (probe !== task.probe && !task.allowMixed) {
      throw new VqkitError(
        "queue",
        `queue: expected arithmetic that makes ${task.probe.slice(0, 12)} of the probe, as the submitter's, got ${probe.slice(0, 12)}. Another processor, engine or version rounds otherwise; allow it (option allowMixed) where codes may differ now and then.`,
      );
    }
    return new EncodeWork(task, { dir, plan, models, model: file });
  }

  /** A piece is encoded from its beginning. */
  async doneOf(): Promise<number> {
    return 0;
  }

  async do(piece: number, { signal, onItems }: PieceProgress): Promise<PieceResult> {
    const { plan } = this.#plan;
    const tokenizer = await this.#models.get(this.#task.fingerprint, this.#model);
    const source = await this.#plan.piece(piece);
    return encodePiece(tokenizer, { piece, source, plan, dir: this.#dir, signal, onProgress: onItems });
  }

  drop({ folder }: PieceResult): Promise<void> {
    return removePiece(path.join(this.#dir, folder));
  }
}
