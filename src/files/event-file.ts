import { type FileHandle, open, truncate } from "node:fs/promises";
import { join } from "node:path";
import { VqkitError } from "../core/errors.js";
import { joinArrays } from "../core/typed-arrays.js";
import { errnoOf, fileError } from "./file-errors.js";
import { makeFolder, namesIn } from "./folder-names.js";
import { type EventContent, encodeEvent, eventStep } from "./tensorboard-events.js";
import { encodeTfRecord, wholeTfRecords } from "./tf-records.js";

const NAME = /^events\.out\.tfevents\.(\d{10,})\.vqkit$/;
const FLUSH_BYTES = 65_536;
/** Events reach the file at least this often, so that a run can be watched. */
const FLUSH_MILLISECONDS = 1000;

export interface EventFileOptions {
  /** Events of the folder's earlier files up to this step stand, later ones are cut off; null for a training that is new. */
  readonly resumedFrom: number | null;
  /** Milliseconds since 1970; default `Date.now`. */
  readonly now?: () => number;
}

/**
 * A file of events as TensorBoard reads them: TFRecords of `Event` messages. A training that is resumed, or goes back,
 * continues in a file of its own, and the earlier ones of the folder are cut back to where it stands: no step is in the
 * files twice. TensorBoard, where it has read further, is told to forget what came later.
 */
export class EventFile {
  readonly path: string;
  readonly #file: FileHandle;
  readonly #now: () => number;
  #pending: Uint8Array[] = [];
  #bytes = 0;
  #flushed: number;

  private constructor(path: string, file: FileHandle, now: () => number) {
    this.path = path;
    this.#file = file;
    this.#now = now;
    this.#flushed = now();
  }

  /**
   * Begins a file in a folder, which is made where there is none.
   *
   * @throws VqkitError("run") for a new training in a folder with event files; VqkitError("file")
   */
  static async begin(dir: string, { resumedFrom, now = Date.now }: EventFileOptions): Promise<EventFile> {
    await makeFolder(dir);
    const earlier = (await namesIn(dir)).filter((name) => NAME.test(name)).sort();
    if (resumedFrom === null) checkFree(dir, earlier);
    else for (const name of earlier) await cutBack(join(dir, name), resumedFrom);
    // TensorBoard reads files in the order of their names, in which the time is one of seconds.
    const last = Number(NAME.exec(earlier.at(-1) ?? "")?.[1] ?? 0);
    const seconds = Math.max(Math.floor(now() / 1000), last + 1);
    const path = join(dir, `events.out.tfevents.${String(seconds).padStart(10, "0")}.vqkit`);
    const file = await open(path, "wx").catch((error: unknown) => {
      throw fileError(path, "write", error);
    });
    const events = new EventFile(path, file, now);
    await events.write({ type: "version" }, 0);
    if (resumedFrom !== null) await events.write({ type: "restart" }, resumedFrom + 1);
    return events;
  }

  /** Adds an event of now; it reaches the file within a second or so, or at `sync`. @throws VqkitError("file") */
  async write(content: EventContent, step: number): Promise<void> {
    const now = this.#now();
    const record = encodeTfRecord(encodeEvent(content, { wallTime: now / 1000, step }));
    this.#pending.push(record);
    this.#bytes += record.length;
    if (this.#bytes >= FLUSH_BYTES || now - this.#flushed >= FLUSH_MILLISECONDS) await this.#flush();
  }

  /** Waits until all events are on disk. @throws VqkitError("file") */
  async sync(): Promise<void> {
    await this.#flush();
    await this.#attempt(() => this.#file.sync());
  }

  /** Writes what is left and closes the file, also when writing fails. @throws VqkitError("file") */
  async close(): Promise<void> {
    try {
      await this.#flush();
    } finally {
      await this.#attempt(() => this.#file.close());
    }
  }

  async #flush(): Promise<void> {
    const bytes = joinArrays(this.#pending, (length) => new Uint8Array(length));
    this.#pending = [];
    this.#bytes = 0;
    this.#flushed = this.#now();
    if (bytes.length > 0) await this.#attempt(() => this.#file.appendFile(bytes));
  }

  async #attempt(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      throw errnoOf(error) === undefined ? error : fileError(this.path, "write", error);
    }
  }
}

function checkFree(dir: string, names: readonly string[]): void {
  const [first] = names;
  if (first === undefined) return;
  throw new VqkitError(
    "run",
    `${dir}: expected a folder without event files of another training, got ${first}. Choose another folder, or remove it.`,
  );
}

/**
 * Cuts a file behind the checkpoint of a step, or, where it has none, before the first event of a later step; and, in any
 * case, before a record that is not whole.
 */
async function cutBack(path: string, step: number): Promise<void> {
  let whole = 0;
  let later: number | undefined;
  let checkpoint: number | undefined;
  for await (const { data, start, end } of wholeTfRecords(path)) {
    const event = eventStep(data);
    if (event.isCheckpoint && event.step === step) checkpoint = end;
    if (event.step > step) later ??= start;
    whole = end;
  }
  const end = checkpoint ?? later ?? whole;
  await truncate(path, end).catch((error: unknown) => {
    throw fileError(path, "write", error);
  });
}
