import path from "node:path";
import { VqkitError } from "../../core/errors.js";
import { formatError } from "../../files/index.js";
import type { Computer } from "../computing/computer.js";
import { QUEUE_FOLDER, type SharedFolder } from "../shared-folder.js";
import { attemptName, type PieceResult, type Task } from "../task.js";
import type { PieceProgress, TaskWork } from "../task-work.js";
import { finishAttempt, furthestAttempt } from "./attempts.js";
import { TrainingPlanReader } from "./plan.js";
import { copyBegun } from "./run-copies.js";

/** Of a run that is in its place already. */
const NOTHING = "0";
/** A worker whose lease has ended may still replace the checkpoints that are being copied. */
const COPIES_TRIED = 3;

/** A worker's part in a comparison: it trains runs. */
export class CompareWork implements TaskWork {
  readonly #dir: string;
  readonly #plan: TrainingPlanReader;
  readonly #computer: Computer;
  /** Its own, where processors may differ. */
  readonly #threads: number | undefined;

  private constructor(
    dir: string,
    plan: TrainingPlanReader,
    { computer, threads }: { readonly computer: Computer; readonly threads: number | undefined },
  ) {
    this.#dir = dir;
    this.#plan = plan;
    this.#computer = computer;
    this.#threads = threads;
  }

  /**
   * @param options.threads of this machine: used where the task lets processors differ
   * @throws VqkitError("queue") when this worker cannot take part; otherwise as `Trainer.create`
   */
  static async open(
    task: Task,
    shared: SharedFolder,
    {
      computer,
      threads,
      signal,
    }: { readonly computer: Computer; readonly threads?: number | undefined; readonly signal: AbortSignal },
  ): Promise<CompareWork> {
    const dir = path.join(shared.root, QUEUE_FOLDER, task.id);
    const plan = await TrainingPlanReader.open(dir, shared);
    if (plan.digest !== task.fingerprint || plan.plan.runs.length !== task.pieces) {
      throw formatError(dir, "expected the plan of the task, got another.");
    }
    if (task.allowMixed) return new CompareWork(dir, plan, { computer, threads });
    const probe = await computer.run("trainingProbe", plan.training(0, { dir }), { signal });
    if (probe !== task.probe) {
      throw new VqkitError(
        "queue",
        `queue: expected arithmetic that makes ${task.probe.slice(0, 12)} of the first step, as the submitter's, got ${probe.slice(0, 12)}. Another processor, engine or version rounds otherwise; allow it (option allowMixed) where runs may differ.`,
      );
    }
    return new CompareWork(dir, plan, { computer, threads: undefined });
  }

  async doneOf(piece: number): Promise<number> {
    return (await furthestAttempt(this.#dir, piece))?.step ?? 0;
  }

  async do(piece: number, { signal, onItems }: PieceProgress): Promise<PieceResult> {
    const run = this.#plan.plan.runs[piece];
    if (run?.isDone === true) {
      return { folder: attemptName(piece, NOTHING.repeat(16)), digest: NOTHING.repeat(64), items: 0 };
    }
    const dir = path.join(this.#dir, attemptName(piece));
    const work = this.#plan.training(piece, { dir, threads: this.#threads });
    for (let tries = 0; tries < COPIES_TRIED; tries++) {
      const before = await furthestAttempt(this.#dir, piece);
      if (before === undefined || (await copyBegun({ dir: before.dir, config: work.config }, dir))) break;
    }
    const record = await this.#computer.run("train", work, { signal, onItems });
    return finishAttempt(dir, { piece, record });
  }

  /** Its checkpoints serve whoever does the piece. */
  async drop(): Promise<void> {}
}
