import { lstat, readdir, realpath } from "node:fs/promises";
import { join } from "node:path";
import { VqkitError } from "../core/errors.js";
import { errnoOf, fileError, LOCK_NAME, type LockOwner, writerOf } from "../files/index.js";
import { RUN_FILES, RunFolder } from "../runs/index.js";
import type { CataloguedRun } from "./run-catalogue.js";

/** What may be read of a run now, and what tells it from any other moment. */
export interface RunState {
  readonly folder: RunFolder;
  /** The process that is training it. */
  readonly writer: LockOwner | undefined;
  /** Whether it has its final figures. */
  readonly isFinished: boolean;
  /** Whether it is a model alone, which was not trained there. */
  readonly isModel: boolean;
  /** The last change of its metrics or final figures, in milliseconds since 1970. */
  readonly changed: number;
  /** Another text whenever a file that the page shows has changed, or its writer has. */
  readonly version: string;
  /** Other texts whenever its configuration and its timeline of codes have changed. */
  readonly configVersion: string;
  readonly timelineVersion: string;
}

/** What the page of a run is made of; the folder of strips changes with each of them. */
const SHOWN = [
  "config",
  "metrics",
  "timeline",
  "strips",
  "usage",
  "summary",
  "reconstructions",
  "model",
] as const;

/**
 * Looks at a run's folder, and refuses one that would lead out of itself.
 *
 * @throws VqkitError("run") for a folder that is gone, became a symbolic link or holds one; VqkitError("format") for a
 * config that is none; VqkitError("file")
 */
export async function inspectRun({ dir, name }: CataloguedRun): Promise<RunState> {
  try {
    await refuseLinks(dir, name);
    const stamps = await Promise.all(SHOWN.map((file) => stampOf(join(dir, RUN_FILES[file]))));
    const [config, metrics, timeline, , , summary, , model] = stamps;
    const folder = await RunFolder.open(dir);
    const writer = await writerOf(dir);
    const by = writer === undefined ? "" : `${writer.pid} ${writer.host}`;
    return {
      folder,
      writer,
      isFinished: summary !== undefined,
      isModel: model !== undefined && metrics === undefined,
      changed: Math.max(...[metrics, summary, model].map((stamp) => stamp?.time ?? 0)),
      version: [...stamps.map((stamp) => stamp?.text ?? "-"), by].join(" "),
      configVersion: config?.text ?? "-",
      timelineVersion: timeline?.text ?? "-",
    };
  } catch (error) {
    if (errnoOf(error) === "ENOENT") {
      throw new VqkitError("run", `${name}: the folder is gone.`, { cause: error });
    }
    throw errnoOf(error) === undefined ? error : fileError(dir, "read the folder", error);
  }
}

/** Every name that is read in a run's folder. */
const READ: ReadonlySet<string> = new Set([...Object.values(RUN_FILES), LOCK_NAME]);

/** What a run is made of must not be links: who can put one there would choose which of your files a page shows. */
async function refuseLinks(dir: string, name: string): Promise<void> {
  const entries = await readdir(dir, { withFileTypes: true });
  const link = entries.find((entry) => entry.isSymbolicLink() && READ.has(entry.name));
  if (link !== undefined || (await realpath(dir)) !== dir) {
    const what = link === undefined ? "the folder itself" : JSON.stringify(link.name);
    throw new VqkitError(
      "run",
      `${name}: expected its own files, got a symbolic link (${what}). Put the files themselves there.`,
    );
  }
}

interface Stamp {
  readonly text: string;
  /** Of the last change, in milliseconds since 1970. */
  readonly time: number;
  readonly isFile: boolean;
}

async function stampOf(path: string): Promise<Stamp | undefined> {
  try {
    const stat = await lstat(path);
    return { text: `${stat.ino}:${stat.size}:${stat.mtimeMs}`, time: stat.mtimeMs, isFile: stat.isFile() };
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

/** The version of a file; undefined where there is none, or a link or a folder in its place. */
export async function versionOfFile(path: string): Promise<string | undefined> {
  const stamp = await stampOf(path);
  return stamp?.isFile === true ? stamp.text : undefined;
}
