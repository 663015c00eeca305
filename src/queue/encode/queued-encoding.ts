import path from "node:path";
import { parseConfig } from "../../core/config.js";
import { VqkitError } from "../../core/errors.js";
import { ImageError, openPiece } from "../../data/index.js";
import { FolderLock } from "../../files/index.js";
import type { EncodedBatch, SourceProgress, Tokenizer } from "../../tokenizer/index.js";
import { QueueConnection } from "../connection.js";
import { QUEUE_FOLDER, SharedFolder } from "../shared-folder.js";
import { SubmittedTask } from "../submitted-task.js";
import type { Task } from "../task.js";
import { clearTaskFolder } from "../task-folder.js";
import { PieceJoin } from "./join.js";
import {
  collectionOptions,
  encodeOptions,
  filesOf,
  planOf,
  type QueuedEncodingOptions,
  rulesSchema,
} from "./options.js";
import { type PieceRecord, readPiece } from "./piece.js";
import { PieceSizes } from "./piece-sizes.js";
import { cutLines, PlanReader, planId, writePlan } from "./plan.js";

/**
 * An encoding that workers of a queue do piece by piece, wherever they run. Its batches are those that
 * `Tokenizer.encodeAll` yields on this machine, so that the same writer makes the same files of them.
 */
export class QueuedEncoding {
  readonly #options: QueuedEncodingOptions;
  readonly #task: SubmittedTask;
  readonly #plan: PlanReader;
  readonly #sizes: PieceSizes;

  private constructor(
    options: QueuedEncodingOptions,
    { plan, sizes }: { readonly plan: PlanReader; readonly sizes: PieceSizes },
    parts: { readonly connection: QueueConnection; readonly lock: FolderLock; readonly task: Task },
  ) {
    this.#options = options;
    this.#plan = plan;
    this.#sizes = sizes;
    this.#task = new SubmittedTask(parts, {
      signal: options.signal,
      onState: (state) => options.onProgress?.({ ...state, ...sizes.progress(state, parts.task.id) }),
    });
  }

  /**
   * Cuts the work up and gives it to the queue.
   *
   * @param tokenizer the model; what its arithmetic makes of a probe is what the workers' must
   * @param source folders, glob patterns or files, in the shared folder
   * @throws ConfigError for a wrong option, and at `shared` for files outside of that folder; VqkitError("queue") when
   * Redis cannot be reached; VqkitError("data") as `openSource`; OversizeError as `Tokenizer.checkSize`;
   * VqkitError("locked") while another process submits the same work; VqkitError("file")
   */
  static async open(
    tokenizer: Tokenizer,
    source: string | readonly string[],
    options: QueuedEncodingOptions,
  ): Promise<QueuedEncoding> {
    const { imagesPerPiece, ...rules } = parseConfig(rulesSchema, options, "");
    const { resume = false, signal } = options;
    const settings = tokenizer.encodeSettings(encodeOptions(options));
    const shared = new SharedFolder(options.shared ?? ".");
    const connection = await QueueConnection.open(options.queue, signal);
    let lock: FolderLock | undefined;
    try {
      const files = await filesOf(source, options);
      await tokenizer.checkSize(openPiece({ files }, collectionOptions(options)), encodeOptions(options));
      const cut = await cutLines(files, shared, { imagesPerPiece, ...collectionOptions(options) });
      const plan = planOf(tokenizer, { settings, options, shared, cut });
      const id = planId(plan);
      const dir = path.join(shared.root, QUEUE_FOLDER, id);
      lock = await FolderLock.acquire(dir);
      if (!resume) await clearTaskFolder(dir);
      await writePlan(dir, plan, cut.lines);
      const probe = await tokenizer.arithmetic(encodeOptions(options));
      const { pieces, fingerprint } = plan;
      const task: Task = {
        version: 1,
        id,
        kind: "encode",
        pieces,
        fingerprint,
        probe,
        ...rules,
        createdAt: Date.now(),
      };
      const reader = await PlanReader.open(dir, shared);
      const sizes = await PieceSizes.of(reader);
      const encoding = new QueuedEncoding(options, { plan: reader, sizes }, { connection, lock, task });
      await encoding.#task.begin({ resume });
      return encoding;
    } catch (error) {
      lock?.release();
      await connection.close();
      throw error;
    }
  }

  /**
   * What `Tokenizer.encodeAll` would yield, as pieces are done.
   *
   * @param start where to begin: a batch that an earlier encoding yielded for the same images and options
   * @throws VqkitError("queue") when pieces were given up, once all others are done: `resume` tries them again;
   * ImageError for a broken image unless `onBroken` is there; VqkitError("data") when no image is readable, or the images
   * before `start` are others; the reason of `signal`
   */
  async *batches(start?: SourceProgress): AsyncGenerator<EncodedBatch, void, undefined> {
    const { signal } = this.#options;
    const join = new PieceJoin(start);
    const { pieces } = this.#plan.plan;
    for (let piece = 0; piece < pieces; piece++) {
      const found = await this.#task.piece(piece, (result) => readPiece(this.#task.dir, result));
      if (found === undefined) throw await this.#givenUp();
      this.#tell(found.record);
      for await (const batch of join.add(found.record, found.codes)) {
        signal?.throwIfAborted();
        yield batch;
        await this.#task.survey();
      }
      this.#sizes.joined(piece, found.record.names.length);
    }
    join.end();
    const { itemsDone, itemsBroken } = join.at;
    if (itemsDone > itemsBroken) return;
    throw new VqkitError(
      "data",
      `images: expected at least one readable image, got none among ${itemsDone}.`,
    );
  }

  /**
   * Ends it, once what it yielded is safe: nothing of it is left in Redis or in the shared folder.
   *
   * @throws VqkitError("queue")
   */
  finish(): Promise<void> {
    return this.#task.finish();
  }

  /** Leaves it to a later submitter with `resume`: workers take no further pieces until then. */
  suspend(): Promise<void> {
    return this.#task.suspend();
  }

  #tell({ broken, notes, leftOut }: PieceRecord): void {
    const { onBroken, onNote, onLeftOut } = this.#options;
    for (const each of notes) onNote?.(each);
    for (const { endings, ...each } of leftOut)
      onLeftOut?.(endings === undefined ? each : { ...each, endings });
    for (const each of broken) {
      if (onBroken === undefined) throw new ImageError(each.file, each.reason);
      onBroken(each);
    }
  }

  async #givenUp(): Promise<VqkitError> {
    const { count, named } = await this.#task.givenUp((piece) => this.#plan.describe(piece));
    return new VqkitError(
      "queue",
      `queue: expected all ${this.#plan.plan.pieces} pieces, got ${count} that failed at every try: ${named}. The others are done. Mend them, and resume (option resume).`,
    );
  }
}

/**
 * What `Tokenizer.encodeAll` yields, computed by the workers of a queue:
 * `await writeCodes("codes", encodeAll(tokenizer, "photos", { queue: { url: "redis://host" } }))`.
 *
 * When its reader leaves, or it fails, the pieces that are done stay for a later call with `resume`.
 *
 * @throws as `QueuedEncoding.open` and `batches`
 */
export async function* encodeAll(
  tokenizer: Tokenizer,
  source: string | readonly string[],
  { start, ...options }: QueuedEncodingOptions & { readonly start?: SourceProgress },
): AsyncGenerator<EncodedBatch, void, undefined> {
  const encoding = await QueuedEncoding.open(tokenizer, source, options);
  try {
    yield* encoding.batches(start);
    await encoding.finish();
  } finally {
    await encoding.suspend();
  }
}
