import { readFileSync, rmdirSync, unlinkSync } from "node:fs";
import { link, open, readFile, rename, rm, stat } from "node:fs/promises";
import { hostname } from "node:os";
import { dirname, join, resolve } from "node:path";
import { threadId } from "node:worker_threads";
import { VqkitError } from "../core/errors.js";
import { isObject } from "../core/objects.js";
import { temporaryPathOf } from "./atomic-file.js";
import { readWhole } from "./bounded-reader.js";
import { errnoOf, fileError, isMissingFile } from "./file-errors.js";
import { makeFolder } from "./folder-names.js";

/** The file that says which process is writing into a folder. */
export const LOCK_NAME = ".vqkit.lock";

/** The process that is writing into a folder. */
export interface LockOwner {
  readonly pid: number;
  /** The name of its machine. */
  readonly host: string;
}

interface Owner extends LockOwner {
  /** Tells the locks of one process from one another. */
  readonly id?: string;
  /** When the process started, by the system's own clock; null where that cannot be told. */
  readonly started: string | null;
}

/**
 * Folders that this thread has locked or is about to (null), by identity and not by spelling: a relative path, an absolute
 * one and one through a link are one folder.
 */
const held = new Map<string, FolderLock | null>();
let acquired = 0;
/** Locks that this thread released and could not remove, by their text: it knows that nobody has them. */
const leftBehind = new Set<string>();

/**
 * Keeps a folder for one writer. The lock is a file in it that names its owner; one that a killed process left is
 * recognised (no such process on this machine, or a younger one of the same number) and taken over.
 */
export class FolderLock {
  readonly dir: string;
  readonly #path: string;
  readonly #identity: string;
  readonly #text: string;
  /** Whether the folder was made for this lock. */
  readonly #made: boolean;
  #released = false;

  private constructor(
    dir: string,
    { identity, text, made }: { readonly identity: string; readonly text: string; readonly made: boolean },
  ) {
    this.dir = dir;
    this.#path = resolve(dir, LOCK_NAME);
    this.#identity = identity;
    this.#text = text;
    this.#made = made;
  }

  /**
   * Locks a folder, making it where there is none.
   *
   * @throws VqkitError("locked") naming the process that has the lock; VqkitError("file")
   */
  static async acquire(dir: string): Promise<FolderLock> {
    const made = await makeFolder(dir);
    const path = join(dir, LOCK_NAME);
    const id = `${threadId}-${acquired++}`;
    const owner: Owner = { pid: process.pid, host: hostname(), started: startOf(process.pid), id };
    const text = `${JSON.stringify(owner)}\n`;
    try {
      const identity = await identityOf(dir);
      const ours = held.get(identity);
      if (ours === null || (await ours?.stands())) throw lockedBy(dir, owner);
      // Before the file is there, so that nobody else in this thread takes it for one that was left behind.
      held.set(identity, null);
      try {
        while (!(await created(path, text))) await removeStale(path, dir);
      } catch (error) {
        held.delete(identity);
        throw error;
      }
      const lock = new FolderLock(dir, { identity, text, made });
      held.set(identity, lock);
      return lock;
    } catch (error) {
      if (made) removeIfEmpty(dir);
      throw errnoOf(error) === undefined ? error : fileError(path, "make the lock", error);
    }
  }

  /**
   * Checks that nobody is known to write into a folder, and touches nothing: for those who would otherwise take what is
   * under way there for what somebody left.
   *
   * @throws VqkitError("locked") naming the process that has the lock; VqkitError("format" | "file")
   */
  static async check(dir: string): Promise<void> {
    const writer = await writerOf(dir);
    if (writer !== undefined) throw lockedBy(dir, writer);
  }

  /** Whether the lock is still there: its folder may have been removed, and another may have the identity now. */
  async stands(): Promise<boolean> {
    return (await textOf(this.#path)) === this.#text;
  }

  /**
   * Gives the folder free, and removes it where it was made for the lock and nothing is in it. Synchronous, so that it
   * can stand in a `dispose`; a second call does nothing.
   */
  release(): void {
    if (this.#released) return;
    this.#released = true;
    if (held.get(this.#identity) === this) held.delete(this.#identity);
    try {
      if (readFileSync(this.#path, "utf8") === this.#text) unlinkSync(this.#path);
    } catch {
      // The folder is gone, or not writable any more. For others the lock is stale once this process ends.
      leftBehind.add(this.#text);
    }
    if (this.#made) removeIfEmpty(dirname(this.#path));
  }
}

/** No lock of ours is longer. */
const MAX_LOCK_BYTES = 4096;

/**
 * Who is writing into a folder; undefined when nobody is, or the process that was is known to have ended.
 *
 * @throws VqkitError("format") for a lock that is too long to be one; VqkitError("file")
 */
export async function writerOf(dir: string): Promise<LockOwner | undefined> {
  let bytes: Uint8Array;
  try {
    bytes = await readWhole(join(dir, LOCK_NAME), MAX_LOCK_BYTES);
  } catch (error) {
    const isNoFolder = error instanceof VqkitError && errnoOf(error.cause) === "ENOTDIR";
    if (isMissingFile(error) || isNoFolder) return undefined;
    throw error;
  }
  const owner = ownerIn(new TextDecoder().decode(bytes));
  if (owner === undefined) return undefined;
  const isOurs = held.has(await identityOf(dir).catch(() => ""));
  return isGone(owner, { isOurs }) ? undefined : { pid: owner.pid, host: owner.host };
}

/** The same for every spelling of a folder's path, and for no other folder. */
async function identityOf(dir: string): Promise<string> {
  const { dev, ino } = await stat(dir, { bigint: true });
  return `${dev}:${ino}`;
}

function removeIfEmpty(dir: string): void {
  try {
    rmdirSync(dir);
  } catch {
    // Something is in it, and it stays.
  }
}

function lockedBy(dir: string, owner: LockOwner | undefined): VqkitError {
  const who = owner === undefined ? "a process unknown" : `process ${owner.pid} on ${owner.host}`;
  return new VqkitError(
    "locked",
    `${dir}: expected a folder that nobody else is writing, got one locked by ${who}. Wait for it to end; if it has ended, remove ${join(dir, LOCK_NAME)}.`,
  );
}

/** Whether the lock file is now ours: it appears whole or not at all, because a link is made to a finished file. */
async function created(path: string, text: string): Promise<boolean> {
  const temporary = temporaryPathOf(path);
  try {
    await writeNew(temporary, text);
    return await linked(temporary, { path, text });
  } finally {
    await rm(temporary, { force: true });
  }
}

async function writeNew(path: string, text: string): Promise<void> {
  const handle = await open(path, "wx");
  try {
    await handle.writeFile(text);
  } finally {
    await handle.close();
  }
}

/** What file systems without hard links answer (FAT, many network and user-space ones). */
const NO_LINKS: readonly string[] = ["EPERM", "EACCES", "ENOSYS", "ENOTSUP", "EOPNOTSUPP", "EMLINK", "EXDEV"];

/** Gives a finished file the name of the lock, unless there is one. @returns whether it has the name now */
async function linked(
  from: string,
  { path, text }: { readonly path: string; readonly text: string },
): Promise<boolean> {
  try {
    try {
      await link(from, path);
    } catch (error) {
      if (!NO_LINKS.includes(errnoOf(error) ?? "")) throw error;
      // As exclusive, but for a moment without its content: who reads it then takes it for another's, and is refused.
      await writeNew(path, text);
    }
    return true;
  } catch (error) {
    if (errnoOf(error) === "EEXIST") return false;
    throw error;
  }
}

/** Removes a lock whose owner is gone. @throws VqkitError("locked") when the owner is not known to be gone */
async function removeStale(path: string, dir: string): Promise<void> {
  const text = await textOf(path);
  if (text === undefined) return; // just released
  const owner = ownerIn(text);
  const isStale = leftBehind.has(text) || (owner !== undefined && isGone(owner, { isOurs: false }));
  if (!isStale) throw lockedBy(dir, owner);
  // Two processes may find the same stale lock: each takes aside what stands there, and puts back what it did not mean.
  const aside = temporaryPathOf(path);
  try {
    await rename(path, aside);
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return;
    throw error;
  }
  const taken = await textOf(aside);
  if (taken !== undefined && taken !== text) await linked(aside, { path, text: taken });
  await rm(aside, { force: true });
}

async function textOf(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

function ownerIn(text: string): Owner | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (!isObject(value)) return undefined;
    const { pid, host, started } = value;
    if (typeof pid !== "number" || !Number.isSafeInteger(pid) || pid < 1) return undefined;
    if (typeof host !== "string") return undefined;
    return { pid, host: host.slice(0, 100), started: typeof started === "string" ? started : null };
  } catch {
    return undefined;
  }
}

/**
 * Whether a lock's owner is known to have ended. Of other machines nothing is known.
 *
 * @param isOurs whether this thread holds a lock of the folder: where processes do not say when they started, the one
 * ground on which its own number means anything
 */
function isGone(owner: Owner, { isOurs }: { readonly isOurs: boolean }): boolean {
  if (owner.host !== hostname()) return false;
  try {
    process.kill(owner.pid, 0);
  } catch (error) {
    return errnoOf(error) === "ESRCH";
  }
  // Also of this process: another of its threads may have the lock.
  if (owner.started !== null) return startOf(owner.pid) !== owner.started;
  return owner.pid === process.pid && !isOurs;
}

/** When a process started, in the system's ticks; null where the system does not tell. */
function startOf(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    // The second field is the program's name in parentheses and may hold anything; start time is the 22nd.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    // One that has ended, and whose parent has not asked how, writes no more.
    const [state = ""] = fields;
    return "ZX".includes(state) ? null : (fields[19] ?? null);
  } catch {
    return null;
  }
}
