import type { FolderLock } from "../files/index.js";
import type { QueueConnection } from "./connection.js";
import { Submission } from "./submission.js";
import type { PieceResult, Task } from "./task.js";
import { clearTaskFolder, removeTaskFolder } from "./task-folder.js";
import type { FailedPiece, TaskState } from "./task-state.js";

/** Pieces named in an error. */
const NAMED = 5;

/** A task on a queue, with its folder, as its submitter holds both until it is done or left to a later one. */
export class SubmittedTask {
  readonly dir: string;
  readonly #connection: QueueConnection;
  readonly #lock: FolderLock;
  readonly #submission: Submission;
  readonly #signal: AbortSignal | undefined;
  #closed = false;

  /** @param parts what it ends with it: the connection, and the lock of its folder */
  constructor(
    parts: { readonly connection: QueueConnection; readonly lock: FolderLock; readonly task: Task },
    options: { readonly signal?: AbortSignal | undefined; onState(state: TaskState): void },
  ) {
    this.dir = parts.lock.dir;
    this.#connection = parts.connection;
    this.#lock = parts.lock;
    this.#signal = options.signal;
    this.#submission = new Submission(parts.connection, parts.task, options.onState);
  }

  /** As `Submission.begin`. */
  begin(options: { readonly resume: boolean }): Promise<void> {
    return this.#submission.begin(options);
  }

  /**
   * Waits for a piece, and reads what its worker left. Files that are damaged are made again, once.
   *
   * @returns undefined for a piece that was given up
   * @throws as `read`; the reason of the signal
   */
  async piece<T>(piece: number, read: (result: PieceResult) => Promise<T>): Promise<T | undefined> {
    for (let tries = 0; ; tries++) {
      const result = await this.#submission.result(piece, this.#signal);
      if (result === undefined) return undefined;
      try {
        return await read(result);
      } catch (error) {
        if (tries > 0) throw error;
        await this.#submission.redo(piece);
      }
    }
  }

  /**
   * Waits until all others are done, and says which pieces were given up, and why.
   *
   * @param name what a piece is called
   * @returns how many, and the first of them by name
   */
  async givenUp(name: (piece: number) => Promise<string>): Promise<{ count: number; named: string }> {
    const failed: readonly FailedPiece[] = await this.#submission.settled(this.#signal);
    const named: string[] = [];
    for (const { piece, reason } of failed.slice(0, NAMED)) {
      named.push(`${await name(piece)} (${reason.replace(/\.$/, "")})`);
    }
    const rest = failed.length > named.length ? ` and ${failed.length - named.length} more` : "";
    return { count: failed.length, named: `${named.join("; ")}${rest}` };
  }

  /** Tells how far everything is, now and then. */
  survey(): Promise<void> {
    return this.#submission.survey();
  }

  /** Ends it: nothing of it is left in Redis or in the shared folder. @throws VqkitError("queue") */
  async finish(): Promise<void> {
    if (this.#closed) return;
    await this.#submission.remove();
    await clearTaskFolder(this.dir);
    this.#lock.release();
    await removeTaskFolder(this.dir);
    await this.#close();
  }

  /** Leaves it to a later submitter: workers take no further pieces until then. */
  async suspend(): Promise<void> {
    if (this.#closed) return;
    if (this.#connection.isReady) await this.#submission.pause().catch(() => {});
    this.#lock.release();
    await this.#close();
  }

  async #close(): Promise<void> {
    this.#closed = true;
    await this.#connection.close();
  }
}
