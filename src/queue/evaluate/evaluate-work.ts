import path from "node:path";
import { VqkitError } from "../../core/errors.js";
import { formatError, makeFolder } from "../../files/index.js";
import type { Computer } from "../computing/computer.js";
import type { EvaluationWork } from "../computing/evaluate.js";
import { QUEUE_FOLDER, type SharedFolder } from "../shared-folder.js";
import { attemptName, type PieceResult, type Task } from "../task.js";
import type { PieceProgress, TaskWork } from "../task-work.js";
import { EvaluationPlanReader } from "./evaluation-plan.js";
import { finishPart, removePart } from "./part-files.js";

/** A worker's part in an evaluation: it measures models on some of the images. */
export class EvaluateWork implements TaskWork {
  readonly #dir: string;
  readonly #work: EvaluationWork;
  readonly #computer: Computer;

  private constructor(
    dir: string,
    { work, computer }: { readonly work: EvaluationWork; readonly computer: Computer },
  ) {
    this.#dir = dir;
    this.#work = work;
    this.#computer = computer;
  }

  /**
   * @param options.models that this machine has beside those in the shared folder
   * @param options.threads of this machine: used where the task lets processors differ
   * @throws VqkitError("queue") when this worker cannot take part; otherwise as `evaluatePart`
   */
  static async open(
    task: Task,
    shared: SharedFolder,
    {
      computer,
      models,
      threads,
      signal,
    }: {
      readonly computer: Computer;
      readonly models: readonly string[];
      readonly threads: number | undefined;
      readonly signal: AbortSignal;
    },
  ): Promise<EvaluateWork> {
    const dir = path.join(shared.root, QUEUE_FOLDER, task.id);
    const plan = await EvaluationPlanReader.open(dir, shared);
    if (plan.digest !== task.fingerprint || plan.plan.pieces !== task.pieces) {
      throw formatError(dir, "expected the plan of the task, got another.");
    }
    const work = plan.work({ models, threads: task.allowMixed ? threads : undefined });
    const probe = await computer.run("evaluationProbe", work, { signal });
    if (probe !== task.probe && !task.allowMixed) {
      throw new VqkitError(
        "queue",
        `queue: expected arithmetic that makes ${task.probe.slice(0, 12)} of the probe, as the submitter's, got ${probe.slice(0, 12)}. Another processor, engine or version rounds otherwise; allow it (option allowMixed) where figures may differ in their last digits.`,
      );
    }
    return new EvaluateWork(dir, { work, computer });
  }

  /** A part is measured from its beginning. */
  async doneOf(): Promise<number> {
    return 0;
  }

  async do(piece: number, { signal, onItems }: PieceProgress): Promise<PieceResult> {
    const dir = path.join(this.#dir, attemptName(piece));
    try {
      await makeFolder(dir);
      const work = { ...this.#work, part: piece, dir };
      const record = await this.#computer.run("evaluatePart", work, { signal, onItems });
      return await finishPart(dir, { piece, record });
    } catch (error) {
      await removePart(dir);
      throw error;
    }
  }

  drop({ folder }: PieceResult): Promise<void> {
    return removePart(path.join(this.#dir, folder));
  }
}
