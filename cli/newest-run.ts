import { readdir, stat } from "node:fs/promises";
import path from "node:path";
import type { OwnFolderKind } from "../src/files/index.js";
import { UsageError } from "./errors.js";
import type { FlagValues } from "./gather-config.js";
import { note, type Terminal } from "./terminal.js";

/** Where commands write what is not told another folder. */
export const RUNS_FOLDER = "runs";

/** Runs lie in `runs/`, those of a comparison and those that a person has sorted one folder deeper. */
const DEEPEST = 3;

/** The file that is written last of a run or a comparison that has finished, and those that are written as it goes. */
const FILES: Readonly<Record<"run" | "comparison", { readonly last: string; readonly first: string }>> = {
  run: { last: "summary.json", first: "metrics.jsonl" },
  comparison: { last: "comparison.json", first: "comparison-plan.json" },
};

export interface NewestOptions {
  readonly kind: "run" | "comparison";
  /** What has finished counts, too, however old what has not. */
  readonly finished: boolean;
  /** Default `runs`, in the current folder. */
  readonly root?: string;
}

/** A folder that was written to latest, and whether it has all that it is to have. */
export interface Newest {
  readonly dir: string;
  readonly isFinished: boolean;
}

/**
 * The run or comparison that was written to latest. Where finished ones do not count, one of these is taken only if there
 * is no other. Runs of a comparison count as parts of it alone.
 *
 * @returns undefined when there is none
 */
export async function newest({
  kind,
  finished,
  root = RUNS_FOLDER,
}: NewestOptions): Promise<Newest | undefined> {
  const { ownFolderKind } = await import("../src/files/index.js");
  const found: (Newest & { readonly time: number })[] = [];
  const { last, first } = FILES[kind];
  for await (const dir of folders(root, kind, ownFolderKind)) {
    const [began, ended] = await Promise.all([timeOf(path.join(dir, first)), timeOf(path.join(dir, last))]);
    found.push({ dir, isFinished: ended > 0, time: Math.max(began, ended, await timeOf(dir)) });
  }
  const open = finished ? [] : found.filter((each) => !each.isFinished);
  const [latest] = (open.length > 0 ? open : found).sort((a, b) => b.time - a.time);
  return latest;
}

/**
 * The folder that `--resume` means: the one that is given, or the newest of its kind, of which the user is told.
 *
 * @returns undefined when nothing is to be resumed
 * @throws UsageError when there is none to take
 */
export async function resumedFolder(
  terminal: Terminal,
  values: FlagValues,
  kind: NewestOptions["kind"],
): Promise<string | undefined> {
  const { resume } = values;
  if (resume !== true) return resume as string | undefined;
  // With more steps a finished run can be resumed too.
  const found = await newest({ kind, finished: values.steps !== undefined });
  if (found === undefined) {
    throw new UsageError(
      `--resume: expected a ${kind} in ${RUNS_FOLDER}/, found none. Name its folder: --resume FOLDER.`,
    );
  }
  const which = found.isFinished ? `the newest ${kind}` : `the newest ${kind} that has not finished`;
  note(terminal, `resume     ${found.dir}, ${which}`, { quiet: values.quiet === true });
  return found.dir;
}

/** Folders of a kind; what is known as anything is not entered. */
async function* folders(
  dir: string,
  kind: OwnFolderKind,
  kindOf: (dir: string) => Promise<OwnFolderKind | undefined>,
  depth = 0,
): AsyncGenerator<string, void, undefined> {
  const own = await kindOf(dir);
  if (own === kind) yield dir;
  if (own !== undefined || depth >= DEEPEST) return;
  const entries = await readdir(dir, { withFileTypes: true }).catch(() => []);
  for (const entry of entries) {
    if (entry.isDirectory()) yield* folders(path.join(dir, entry.name), kind, kindOf, depth + 1);
  }
}

/** When it was last changed; 0 for what is not there. */
async function timeOf(file: string): Promise<number> {
  return stat(file).then(
    ({ mtimeMs }) => mtimeMs,
    () => 0,
  );
}
