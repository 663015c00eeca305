import { readFileSync, unlinkSync } from "node:fs";
import { link, open, readFile, rename, rm } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { VqkitError } from "../core/errors.js";
import { isObject } from "../core/objects.js";
import { errnoOf, fileError, isMissingFile, readWhole, temporaryPathOf } from "../files/index.js";

/** The file that says which process is writing a run. */
export const LOCK_NAME = ".vqkit.lock";

interface Owner {
  readonly pid: number;
  readonly host: string;
  /** When the process started, by the system's own clock; null where that cannot be told. */
  readonly started: string | null;
}

/** Locks that this process holds, by path: the one ground on which its own number in a file means anything. */
const held = new Set<string>();

/**
 * Keeps a run folder for one writer. The lock is a file that names its owner; one that a killed process left is
 * recognised (no such process on this machine, or a younger one of the same number) and taken over.
 */
export class RunLock {
  readonly path: string;
  readonly #text: string;
  #released = false;

  private constructor(path: string, text: string) {
    this.path = path;
    this.#text = text;
  }

  /**
   * @param dir exists
   * @throws VqkitError("run") naming the process that has the lock; VqkitError("file")
   */
  static async acquire(dir: string): Promise<RunLock> {
    const path = join(dir, LOCK_NAME);
    const owner: Owner = { pid: process.pid, host: hostname(), started: startOf(process.pid) };
    const text = `${JSON.stringify(owner)}\n`;
    try {
      while (!(await created(path, text))) await removeStale(path, dir);
    } catch (error) {
      throw errnoOf(error) === undefined ? error : fileError(path, "make the lock", error);
    }
    held.add(path);
    return new RunLock(path, text);
  }

  /** Gives the folder free. Synchronous, so that it can stand in a `dispose`; a second call does nothing. */
  release(): void {
    if (this.#released) return;
    this.#released = true;
    held.delete(this.path);
    try {
      if (readFileSync(this.path, "utf8") === this.#text) unlinkSync(this.path);
    } catch {
      // A lock that cannot be removed (the folder is gone, or not writable any more) is stale once this process ends.
    }
  }
}

/** The process that is writing a run. */
export interface RunWriter {
  readonly pid: number;
  /** The name of its machine. */
  readonly host: string;
}

/** No lock of ours is longer. */
const MAX_LOCK_BYTES = 4096;

/**
 * Who is writing a run; undefined when nobody is, or the process that was is known to have ended.
 *
 * @throws VqkitError("format") for a lock that is too long to be one; VqkitError("file")
 */
export async function writerOf(dir: string): Promise<RunWriter | undefined> {
  const path = join(dir, LOCK_NAME);
  let bytes: Uint8Array;
  try {
    bytes = await readWhole(path, MAX_LOCK_BYTES);
  } catch (error) {
    if (isMissingFile(error)) return undefined;
    throw error;
  }
  const owner = ownerIn(new TextDecoder().decode(bytes));
  return owner === undefined || isGone(owner, path) ? undefined : { pid: owner.pid, host: owner.host };
}

/** Whether the lock file is now ours: it appears whole or not at all, because a link is made to a finished file. */
async function created(path: string, text: string): Promise<boolean> {
  const temporary = temporaryPathOf(path);
  try {
    const handle = await open(temporary, "wx");
    try {
      await handle.writeFile(text);
    } finally {
      await handle.close();
    }
    return await linked(temporary, path);
  } finally {
    await rm(temporary, { force: true });
  }
}

async function linked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if (errnoOf(error) === "EEXIST") return false;
    throw error;
  }
}

/** Removes a lock whose owner is gone. @throws VqkitError("run") when the owner is not known to be gone */
async function removeStale(path: string, dir: string): Promise<void> {
  const text = await textOf(path);
  if (text === undefined) return; // just released
  const owner = ownerIn(text);
  if (owner === undefined || !isGone(owner, path)) {
    const who = owner === undefined ? "a process unknown" : `process ${owner.pid} on ${owner.host}`;
    throw new VqkitError(
      "run",
      `${dir}: expected a run that nobody writes, got one locked by ${who}. Wait for it to end; if it has ended, remove ${path}.`,
    );
  }
  // Two processes may find the same stale lock: each takes aside what stands there, and puts back what it did not mean.
  const aside = temporaryPathOf(path);
  try {
    await rename(path, aside);
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return;
    throw error;
  }
  if ((await textOf(aside)) !== text) await linked(aside, path);
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

/** Whether a lock's owner is known to have ended. Of other machines nothing is known. */
function isGone(owner: Owner, path: string): boolean {
  if (owner.host !== hostname()) return false;
  if (owner.pid === process.pid) return !held.has(path);
  try {
    process.kill(owner.pid, 0);
  } catch (error) {
    return errnoOf(error) === "ESRCH";
  }
  return owner.started !== null && startOf(owner.pid) !== owner.started;
}

/** When a process started, in the system's ticks; null where the system does not tell. */
function startOf(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    // The second field is the program's name in parentheses and may hold anything; start time is the 22nd.
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? null;
  } catch {
    return null;
  }
}
