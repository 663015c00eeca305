import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";

/** What tells which processes the program depends on. */
export interface Ancestry {
  readonly env: NodeJS.ProcessEnv;
  /** The number of the process that started it, now: another one when that has ended. */
  ppid(): number;
  /** The parent of a process and the name of what it runs; undefined where there is none, or no telling. */
  processOf(pid: number): { readonly ppid: number; readonly name: string } | undefined;
  /** Whether there is a process of this number. */
  isAlive(pid: number): boolean;
}

/** Between two looks. A look asks the system for the numbers of two processes. */
const MILLISECONDS = 500;
const SHELLS = /^-?(?:sh|dash|bash|ash|zsh|ksh|busybox)$/;

/**
 * Calls `onEnd`, once, when the npm that started the program (`npx vqkit …`, a script of a package) has ended.
 *
 * npm ends by a signal without telling what it has started, so a training would go on that nobody knows of. npm starts a
 * shell and that starts the program, and the shell too may go on: where one is the parent, its parent is watched beside
 * it. Nothing is watched of what npm has not started, and on Windows the parent alone.
 *
 * @returns stops watching
 */
export function watchLauncher(ancestry: Ancestry, onEnd: () => void): () => void {
  const { env } = ancestry;
  if (env.npm_lifecycle_event === undefined || env.npm_execpath === undefined) return () => {};
  const parent = ancestry.ppid();
  const shell = ancestry.processOf(parent);
  const npm = shell !== undefined && SHELLS.test(path.basename(shell.name)) ? shell.ppid : undefined;
  // Who is number 1 adopts orphans: npm has ended before this look, or it is the first process of a container.
  // Windows gives a parent's number also when that has ended.
  const watched = npm === undefined || npm <= 1 ? [parent] : [parent, npm];
  const timer = setInterval(() => {
    if (ancestry.ppid() === parent && watched.every(ancestry.isAlive)) return;
    clearInterval(timer);
    onEnd();
  }, MILLISECONDS);
  timer.unref();
  return () => clearInterval(timer);
}

/** This process's ancestry. */
export function ownAncestry(): Ancestry {
  return {
    env: process.env,
    ppid: () => process.ppid,
    processOf: process.platform === "win32" ? () => undefined : processOf,
    isAlive,
  };
}

interface Found {
  readonly name: string;
  /** `Z` for one that has ended and that nobody has asked about yet. */
  readonly state: string;
  readonly ppid: number;
}

function processOf(pid: number): Found | undefined {
  try {
    const status = process.platform === "linux" ? readFileSync(`/proc/${pid}/stat`, "latin1") : psOf(pid);
    // The name stands in brackets and may hold any character.
    const [, name, state, ppid] = /^\d+ \((.*)\) (\S)\S* (\d+)/s.exec(status) ?? [];
    return name === undefined || state === undefined ? undefined : { name, state, ppid: Number(ppid) };
  } catch {
    return undefined;
  }
}

/** As /proc has it, from `ps`. */
function psOf(pid: number): string {
  const text = execFileSync("ps", ["-o", "state=,ppid=,comm=", "-p", String(pid)], { encoding: "utf8" });
  const [, state, ppid, name] = /^\s*(\S+)\s+(\d+)\s+(.*?)\s*$/s.exec(text) ?? [];
  return `${pid} (${name}) ${state} ${ppid}`;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // Another user's process is one.
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
  return process.platform !== "linux" || processOf(pid)?.state !== "Z";
}
