import { availableParallelism } from "node:os";
import path from "node:path";
import { parseConfig } from "../../core/config.js";
import { VqkitError } from "../../core/errors.js";
import { withoutUndefined } from "../../core/objects.js";
import { countDatasetImages, findDatasetFiles } from "../../data/index.js";
import {
  type EvaluationNetworks,
  type EvaluationSums,
  evaluationOf,
  type ImageSums,
  imageSumsOf,
  meanColourFigures,
  sumsOf,
} from "../../evaluation/index.js";
import { FolderLock, type JsonObject } from "../../files/index.js";
import { MEAN_COLOUR_FILE, probeOf, sumsFile } from "../computing/evaluate.js";
import { QueueConnection } from "../connection.js";
import { imageList } from "../image-list.js";
import { QUEUE_FOLDER, SharedFolder } from "../shared-folder.js";
import { SubmittedTask } from "../submitted-task.js";
import type { Task } from "../task.js";
import { clearTaskFolder, removeTaskFolder } from "../task-folder.js";
import type { TaskState } from "../task-state.js";
import {
  type EvaluationPlan,
  EvaluationPlanReader,
  evaluationPlanId,
  writeEvaluationPlan,
} from "./evaluation-plan.js";
import {
  type EvaluationRequest,
  type QueuedEvaluation,
  type QueuedEvaluationOptions,
  rulesSchema,
} from "./options.js";
import { type EvaluatedPart, readPart } from "./part-files.js";

/**
 * Measures models on images by the workers of a queue. Figures are those, bit for bit, that `evaluateModel` and
 * `evaluateMeanColour` of `vqkit/evaluation` find with `dataset.evaluationBatches({ batchSize, imagesPerPart })`.
 *
 * When it fails or is aborted, the pieces that are done stay for a later call with `resume`.
 *
 * @throws ConfigError for a wrong option, and at `shared` for files outside of that folder; VqkitError("queue") when Redis
 * cannot be reached, or when pieces were given up, once all others are done; VqkitError("data") for no readable image;
 * VqkitError("locked") while another process submits the same work; the reason of `signal`
 */
export async function evaluateModels(
  request: EvaluationRequest,
  options: QueuedEvaluationOptions,
): Promise<QueuedEvaluation> {
  const evaluation = await SubmittedEvaluation.open(request, options);
  try {
    const result = await evaluation.result();
    await evaluation.finish();
    return result;
  } finally {
    await evaluation.suspend();
  }
}

class SubmittedEvaluation {
  readonly #request: EvaluationRequest;
  readonly #options: QueuedEvaluationOptions;
  readonly #plan: EvaluationPlanReader;
  readonly #task: SubmittedTask;
  #joined = { pieces: 0, images: 0 };

  private constructor(
    request: EvaluationRequest,
    options: QueuedEvaluationOptions,
    parts: {
      readonly connection: QueueConnection;
      readonly lock: FolderLock;
      readonly task: Task;
      readonly plan: EvaluationPlanReader;
    },
  ) {
    this.#request = request;
    this.#options = options;
    this.#plan = parts.plan;
    const { signal, onProgress } = options;
    this.#task = new SubmittedTask(parts, {
      signal,
      onState: (state) => onProgress?.({ ...state, ...this.#images(state, parts.task.id) }),
    });
  }

  static async open(
    request: EvaluationRequest,
    options: QueuedEvaluationOptions,
  ): Promise<SubmittedEvaluation> {
    const { imagesPerPart, ...rules } = parseConfig(rulesSchema, options, "");
    const { resume = false, signal, outputs, onBroken, onPassedOver, onLeftOut } = options;
    const shared = new SharedFolder(options.shared ?? ".");
    const connection = await QueueConnection.open(options.queue, signal);
    let lock: FolderLock | undefined;
    try {
      const told = withoutUndefined({ outputs, onBroken, onPassedOver, onLeftOut });
      const found = await findDatasetFiles(request.data, told);
      const { length } = (await countDatasetImages(request.data, found, told)).images;
      const list = imageList(found.files, shared);
      const plan = planOf(request, { length, imagesPerPart, imagesDigest: list.digest, shared });
      const id = evaluationPlanId(plan);
      lock = await FolderLock.acquire(path.join(shared.root, QUEUE_FOLDER, id));
      if (!resume) await clearTaskFolder(lock.dir);
      const probe = await probeHere(request, signal);
      const fingerprint = await writeEvaluationPlan(lock.dir, plan, list);
      const task: Task = {
        version: 1,
        id,
        kind: "evaluate",
        pieces: plan.pieces,
        fingerprint,
        probe,
        ...rules,
        createdAt: Date.now(),
      };
      const reader = await EvaluationPlanReader.open(lock.dir, shared);
      const parts = { connection, lock, task, plan: reader };
      const submitted = new SubmittedEvaluation(request, options, parts);
      await submitted.#task.begin({ resume });
      return submitted;
    } catch (error) {
      lock?.release();
      if (lock !== undefined) await removeTaskFolder(lock.dir);
      await connection.close();
      throw error;
    }
  }

  /** Joins the sums of all pieces in their order. */
  async result(): Promise<QueuedEvaluation> {
    const { models } = this.#request;
    const sums = models.map((): EvaluationSums | undefined => undefined);
    let mean: ImageSums | undefined;
    for (let piece = 0; piece < this.#plan.plan.pieces; piece++) {
      const part = await this.#task.piece(piece, (result) => readPart(this.#task.dir, result));
      if (part === undefined) throw await this.#givenUp();
      this.#tell(part);
      for (const i of models.keys()) {
        const stored = part.sums.get(sumsFile(i));
        if (stored !== undefined) sums[i] = joined(sums[i], sumsOf(stored));
      }
      const stored = part.sums.get(MEAN_COLOUR_FILE);
      if (stored !== undefined) mean = joined(mean, imageSumsOf(stored));
      this.#joined = { pieces: piece + 1, images: this.#joined.images + part.items };
      await this.#task.survey();
    }
    if (mean === undefined) throw noneReadable(this.#plan.plan.images);
    return {
      // Where one model has sums, all have.
      models: sums.map((each) => evaluationOf(each as EvaluationSums, this.#request.networks ?? {})),
      meanColour: meanColourFigures(mean),
    };
  }

  finish(): Promise<void> {
    return this.#task.finish();
  }

  suspend(): Promise<void> {
    return this.#task.suspend();
  }

  #tell({ broken, notes }: EvaluatedPart): void {
    for (const each of broken) this.#options.onBroken?.(brokenOf(each));
    for (const each of notes) this.#options.onNote?.(each);
  }

  #images({ done, workers }: TaskState, task: string): { images: number; imagesTotal: number } {
    const { models, data } = this.#request;
    const imagesTotal = this.#plan.plan.images * data.evaluationCropsPerImage * models.length;
    const { pieces, images } = this.#joined;
    const mean = pieces === 0 ? imagesTotal / this.#plan.plan.pieces : images / pieces;
    const underWay = workers.reduce((sum, each) => sum + (each.task === task ? each.items : 0), 0);
    const estimate = Math.round(images + mean * Math.max(0, done - pieces)) + underWay;
    return { images: Math.min(estimate, imagesTotal), imagesTotal };
  }

  async #givenUp(): Promise<VqkitError> {
    const { count, named } = await this.#task.givenUp(async (piece) => this.#plan.describe(piece));
    return new VqkitError(
      "queue",
      `queue: expected all ${this.#plan.plan.pieces} pieces, got ${count} that failed at every try: ${named}. The others are done. Mend them, and resume (option resume).`,
    );
  }
}

/** The first sums stay as they are, to the last bit, as where a single process adds up. */
function joined<S extends { merge(other: S): void }>(whole: S | undefined, part: S): S {
  if (whole === undefined) return part;
  whole.merge(part);
  return whole;
}

function brokenOf({ file, reason, isFolder }: EvaluatedPart["broken"][number]) {
  return isFolder === undefined ? { file, reason } : { file, reason, isFolder };
}

function noneReadable(images: number): VqkitError {
  return new VqkitError(
    "data",
    `data.images: expected at least one readable evaluation image, got none among ${images}.`,
  );
}

function planOf(
  { models, data, loss, batchSize, networks = {}, networkFiles = {}, engine = {} }: EvaluationRequest,
  {
    length,
    imagesPerPart,
    imagesDigest,
    shared,
  }: {
    readonly length: number;
    readonly imagesPerPart: number;
    readonly imagesDigest: string;
    readonly shared: SharedFolder;
  },
): EvaluationPlan {
  const { images: _, filesFrom: __, ...cut } = data;
  const fileOf = (name: keyof EvaluationNetworks) => {
    const { file } = need(networkFiles[name], name);
    return { place: shared.nameOf(file), sha256: need(networks[name], name).sha256 };
  };
  const { kind = null, heads } = networkFiles.lpips ?? {};
  const lpips = { kind, heads: heads === undefined ? null : shared.nameOf(heads) };
  return {
    pieces: Math.ceil(length / imagesPerPart),
    imagesPerPart,
    images: length,
    imagesDigest,
    models: models.map(({ path: file, loaded }) => ({
      fingerprint: loaded.fingerprint,
      place: shared.nameWithin(file) ?? null,
    })),
    networks: {
      ...(networks.lpips === undefined ? {} : { lpips: { ...lpips, ...fileOf("lpips") } }),
      ...(networks.fid === undefined ? {} : { fid: fileOf("fid") }),
      ...(networks.fidReference === undefined ? {} : { fidReference: fileOf("fidReference") }),
    },
    data: JSON.parse(JSON.stringify(cut)) as JsonObject,
    loss: JSON.parse(JSON.stringify(loss)) as JsonObject,
    batchSize,
    engine: {
      engine: engine.engine ?? "auto",
      device: engine.device ?? "cpu",
      threads: engine.threads ?? availableParallelism(),
    },
  };
}

function need<T>(value: T | undefined, name: string): T {
  if (value !== undefined) return value;
  throw new VqkitError("queue", `networkFiles.${name}: expected the file of the network, got none.`);
}

function probeHere(
  { models, networks = {}, ...work }: EvaluationRequest,
  signal: AbortSignal = new AbortController().signal,
): Promise<string> {
  return probeOf({ models: models.map(({ loaded }) => loaded.model), networks }, work, { signal });
}
