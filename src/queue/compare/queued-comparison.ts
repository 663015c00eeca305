import { availableParallelism } from "node:os";
import path from "node:path";
import { z } from "zod";
import { parseConfig } from "../../core/config.js";
import { VqkitError } from "../../core/errors.js";
import { FolderLock, type JsonObject } from "../../files/index.js";
import { RunFolder } from "../../runs/index.js";
import {
  type ComparisonOptions,
  type FoundRun,
  OpenComparison,
  type RunIdentity,
} from "../../training/index.js";
import { Computer } from "../computing/computer.js";
import { QueueConnection } from "../connection.js";
import { QUEUE_FOLDER, SharedFolder } from "../shared-folder.js";
import { SubmittedTask } from "../submitted-task.js";
import type { Task } from "../task.js";
import { clearTaskFolder, removeTaskFolder } from "../task-folder.js";
import { taskRules } from "../task-rules.js";
import type { TaskState } from "../task-state.js";
import { readAttempt, type TrainedPiece } from "./attempts.js";
import type { QueuedComparisonEvent, QueuedComparisonOptions } from "./options.js";
import { TrainingPlanReader, trainingPlanId, writeTrainingPlan } from "./plan.js";
import { placeFinished } from "./run-copies.js";
import { checkSameImages, planOf, submittedConfigs, submittedImages, takeBegun } from "./submitted-runs.js";

const rulesSchema = z.object(taskRules);

/** Where machines may differ nothing is compared. */
const NO_PROBE = "0".repeat(64);

/**
 * What `compareQuantizers` of `vqkit` does, with workers of a queue that train: run folders, and what reports make of them,
 * are the same, but for times.
 *
 * When its reader leaves, or it fails, what is trained stays for `resumeComparison`.
 *
 * @throws as `compareQuantizers` of `vqkit`; ConfigError at `shared` for images outside of the shared folder;
 * VqkitError("queue") when Redis cannot be reached, or when runs were given up, once all others are done;
 * VqkitError("locked") while another process submits the same work
 */
export async function* compareQuantizers(
  options: ComparisonOptions,
  queue: QueuedComparisonOptions,
): AsyncGenerator<QueuedComparisonEvent, void, undefined> {
  yield* overQueue(await OpenComparison.create(options), queue, { resume: false });
}

/**
 * What `resumeComparison` of `vqkit` does, with workers of a queue: finished runs are kept, those that were begun, on a queue
 * or in their folders, are resumed from their newest checkpoints.
 *
 * @throws as `resumeComparison` of `vqkit` and `compareQuantizers`
 */
export async function* resumeComparison(
  out: string,
  queue: QueuedComparisonOptions,
): AsyncGenerator<QueuedComparisonEvent, void, undefined> {
  yield* overQueue(await OpenComparison.resume(out), queue, { resume: true });
}

async function* overQueue(
  comparison: OpenComparison,
  options: QueuedComparisonOptions,
  { resume }: { readonly resume: boolean },
): AsyncGenerator<QueuedComparisonEvent, void, undefined> {
  let submitted: SubmittedComparison | undefined;
  try {
    submitted = await SubmittedComparison.open(comparison, options, resume);
    yield* submitted.events();
    await submitted.finish();
  } finally {
    await submitted?.suspend();
    comparison.release();
  }
}

/** A comparison whose trainings lie on a queue. */
class SubmittedComparison {
  readonly #runs: readonly FoundRun[];
  readonly #configs: readonly JsonObject[];
  readonly #options: QueuedComparisonOptions;
  readonly #task: SubmittedTask;

  private constructor(
    { runs }: OpenComparison,
    options: QueuedComparisonOptions,
    parts: {
      readonly configs: readonly JsonObject[];
      readonly connection: QueueConnection;
      readonly lock: FolderLock;
      readonly task: Task;
    },
  ) {
    this.#runs = runs;
    this.#options = options;
    this.#configs = parts.configs;
    const { signal, onProgress } = options;
    this.#task = new SubmittedTask(parts, {
      signal,
      onState: (state) => onProgress?.({ ...state, ...this.#steps(state, parts.task.id) }),
    });
  }

  static async open(
    comparison: OpenComparison,
    options: QueuedComparisonOptions,
    resume: boolean,
  ): Promise<SubmittedComparison> {
    const rules = parseConfig(rulesSchema, options, "");
    const shared = new SharedFolder(options.shared ?? ".");
    const { runs } = comparison;
    const connection = await QueueConnection.open(options.queue, options.signal);
    let lock: FolderLock | undefined;
    let hasBegun = resume;
    try {
      const images = await submittedImages(comparison, shared, options);
      const configs = await submittedConfigs(runs);
      const id = trainingPlanId(configs);
      const dir = path.join(shared.root, QUEUE_FOLDER, id);
      const threads = runs[0]?.config.threads ?? availableParallelism();
      const plan = planOf(runs, { configs, images, threads, shared });
      lock = await FolderLock.acquire(dir);
      if (resume) await checkSameImages(dir, images.digest);
      else await clearTaskFolder(dir);
      const fingerprint = await writeTrainingPlan(dir, plan, images.lines);
      const probe = rules.allowMixed ? NO_PROBE : await probeOf(dir, shared, options);
      await comparison.begin(rules);
      hasBegun = true;
      await takeBegun(dir, runs, configs);
      const task: Task = {
        version: 1,
        id,
        kind: "compare",
        pieces: runs.length,
        fingerprint,
        probe,
        ...rules,
        createdAt: Date.now(),
      };
      const submitted = new SubmittedComparison(comparison, options, { configs, connection, lock, task });
      await submitted.#task.begin({ resume });
      return submitted;
    } catch (error) {
      if (lock !== undefined && !hasBegun) await clearTaskFolder(lock.dir);
      lock?.release();
      if (lock !== undefined && !hasBegun) await removeTaskFolder(lock.dir);
      await connection.close();
      throw error;
    }
  }

  /** @throws VqkitError("queue") when runs were given up, once all others are in their place; the reason of the signal */
  async *events(): AsyncGenerator<QueuedComparisonEvent, void, undefined> {
    let isWhole = true;
    for (const [index, { quantizer, seed, swept, dir, state }] of this.#runs.entries()) {
      const identity: RunIdentity = { quantizer, seed, swept, dir, index, total: this.#runs.length };
      if (state === "finished") {
        yield { ...identity, type: "run-kept" };
        continue;
      }
      const record = await this.#placed(index, dir);
      if (record === undefined) {
        isWhole = false;
        continue;
      }
      this.#tell(record);
      yield { ...identity, type: "run-end", summary: await (await RunFolder.open(dir)).readSummary() };
    }
    if (!isWhole) throw await this.#givenUp();
  }

  finish(): Promise<void> {
    return this.#task.finish();
  }

  suspend(): Promise<void> {
    return this.#task.suspend();
  }

  /** Waits for a run, and puts it into its place; undefined for one that was given up. */
  async #placed(piece: number, to: string): Promise<TrainedPiece | undefined> {
    const found = await this.#task.piece(piece, (result) => readAttempt(this.#task.dir, result));
    if (found === undefined) return undefined;
    await placeFinished({ dir: found.run, config: this.#configs[piece] as JsonObject }, to);
    return found.record;
  }

  #tell({ broken, notes }: TrainedPiece): void {
    const { onBroken, onNote } = this.#options;
    for (const { isFolder, ...each } of broken) {
      // Folders were told when the images were found.
      if (isFolder === undefined) onBroken?.(each);
    }
    for (const each of notes) onNote?.(each);
  }

  #steps(
    { done, workers }: TaskState,
    task: string,
  ): { readonly steps: number; readonly stepsTotal: number } {
    const left = this.#runs.filter(({ state }) => state !== "finished");
    const stepsTotal = left.reduce((sum, { config }) => sum + config.steps, 0);
    const mean = left.length === 0 ? 0 : stepsTotal / left.length;
    const whole = mean * Math.max(0, done - (this.#runs.length - left.length));
    const underWay = workers.reduce((sum, each) => sum + (each.task === task ? each.items : 0), 0);
    return { steps: Math.min(stepsTotal, Math.round(whole) + underWay), stepsTotal };
  }

  async #givenUp(): Promise<VqkitError> {
    const name = async (piece: number): Promise<string> => path.basename(this.#runs[piece]?.dir ?? "");
    const { count, named } = await this.#task.givenUp(name);
    return new VqkitError(
      "queue",
      `queue: expected all ${this.#runs.length} runs, got ${count} that failed at every try: ${named}. The others are done. Mend them, and resume the comparison (option resume).`,
    );
  }
}

/** What this machine makes of the first step: where it cannot train at all, no worker need be asked. */
async function probeOf(dir: string, shared: SharedFolder, options: QueuedComparisonOptions): Promise<string> {
  const plan = await TrainingPlanReader.open(dir, shared);
  const signal = options.signal ?? new AbortController().signal;
  return new Computer({ ownThread: false }).run("trainingProbe", plan.training(0, { dir }), { signal });
}
