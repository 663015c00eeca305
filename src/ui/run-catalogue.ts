import { createHash } from "node:crypto";
import type { Dirent } from "node:fs";
import { readdir, realpath, stat } from "node:fs/promises";
import { basename, join, relative, sep } from "node:path";
import { VqkitError } from "../core/errors.js";
import { errnoOf, fileError } from "../files/index.js";
import { RUN_FILES } from "../runs/index.js";

/** A run folder that the page may show. */
export interface CataloguedRun {
  /** Stands for the folder in addresses: the same at every start, and no path. */
  readonly id: string;
  /** Its real path: no part of it is a symbolic link. */
  readonly dir: string;
  /** Its place below the folder given, with `/` on every system. */
  readonly name: string;
}

/** The runs below the folders given. */
export interface Catalogue {
  /** By name. */
  readonly runs: readonly CataloguedRun[];
  /** Whether there is more than is looked through. */
  readonly isCut: boolean;
}

/** A folder given, and how the names of its runs begin. */
interface Root {
  readonly dir: string;
  readonly prefix: string;
}

export interface CatalogueLimits {
  readonly depth: number;
  readonly folders: number;
  readonly runs: number;
}

const LIMITS: CatalogueLimits = { depth: 5, folders: 10_000, runs: 500 };
/** What a scan found stands for so long. */
const FRESH_MILLISECONDS = 1500;

/**
 * Knows which run folders lie below some folders, themselves included. Symbolic links are not followed, hidden folders
 * are not entered, and neither is a run: what lies in it is its own.
 */
export class RunCatalogue {
  readonly #roots: readonly Root[];
  readonly #limits: CatalogueLimits;
  #scan: Promise<Catalogue> | undefined;
  #scanned = Number.NEGATIVE_INFINITY;

  private constructor(roots: readonly Root[], limits: CatalogueLimits) {
    this.#roots = roots;
    this.#limits = limits;
  }

  /**
   * @param folders at least one; these may be symbolic links
   * @throws VqkitError("run") for one that is not there or is no folder; VqkitError("file")
   */
  static async open(
    folders: readonly string[],
    limits: Partial<CatalogueLimits> = {},
  ): Promise<RunCatalogue> {
    const dirs = [...new Set(await Promise.all(folders.map(realFolder)))];
    const roots = dirs.map((dir) => ({ dir, prefix: dirs.length > 1 ? basename(dir) : "" }));
    return new RunCatalogue(roots, { ...LIMITS, ...limits });
  }

  /** The runs that there are now, give or take a second and a half. A folder that cannot be read is skipped. */
  async catalogue(): Promise<Catalogue> {
    const now = performance.now();
    if (this.#scan === undefined || now - this.#scanned > FRESH_MILLISECONDS) {
      this.#scanned = now;
      this.#scan = scan(this.#roots, this.#limits);
    }
    return this.#scan;
  }

  /** A run by its id; undefined when there is none, or none any more. */
  async find(id: string): Promise<CataloguedRun | undefined> {
    return (await this.catalogue()).runs.find((run) => run.id === id);
  }
}

async function realFolder(folder: string): Promise<string> {
  try {
    const dir = await realpath(folder);
    if (!(await stat(dir)).isDirectory()) {
      throw new VqkitError("run", `${folder}: expected a folder of runs, got a file.`);
    }
    return dir;
  } catch (error) {
    if (errnoOf(error) === "ENOENT") {
      throw new VqkitError("run", `${folder}: expected a folder of runs, got nothing of that name.`, {
        cause: error,
      });
    }
    throw errnoOf(error) === undefined ? error : fileError(folder, "read the folder", error);
  }
}

async function scan(roots: readonly Root[], limits: CatalogueLimits): Promise<Catalogue> {
  const found = new Map<string, CataloguedRun>();
  const queue = roots.map(({ dir, prefix }) => ({ root: dir, prefix, dir, depth: 0 }));
  let isCut = false;
  // The queue grows while it is gone through: folders of one depth before those of the next.
  for (const [visited, { root, prefix, dir, depth }] of queue.entries()) {
    if (visited >= limits.folders || found.size >= limits.runs) {
      isCut = true;
      break;
    }
    const entries = await entriesOf(dir);
    if (holdsRun(entries)) {
      const id = idOf(dir);
      if (!found.has(id)) found.set(id, { id, dir, name: nameOf(root, prefix, dir) });
      continue;
    }
    const inner = entries.filter((entry) => entry.isDirectory() && !entry.name.startsWith("."));
    if (inner.length > 0 && depth >= limits.depth) isCut = true;
    else for (const { name } of inner) queue.push({ root, prefix, dir: join(dir, name), depth: depth + 1 });
  }
  const runs = [...found.values()].sort((a, b) => a.name.localeCompare(b.name, "en", { numeric: true }));
  return { runs, isCut };
}

/** None of a folder that has gone, or that may not be read: others are no worse for it. */
async function entriesOf(dir: string): Promise<Dirent[]> {
  try {
    return await readdir(dir, { withFileTypes: true });
  } catch (error) {
    if (errnoOf(error) !== undefined) return [];
    throw error;
  }
}

/** A config and something that a run makes: whether they are what they seem is seen when they are read. */
function holdsRun(entries: readonly Dirent[]): boolean {
  const files = new Set(entries.filter((entry) => entry.isFile()).map(({ name }) => name));
  const made = [RUN_FILES.metrics, RUN_FILES.summary, RUN_FILES.model];
  return files.has(RUN_FILES.config) && made.some((name) => files.has(name));
}

function idOf(dir: string): string {
  return createHash("sha256").update(dir).digest("hex").slice(0, 16);
}

function nameOf(root: string, prefix: string, dir: string): string {
  const inner = relative(root, dir).split(sep).filter(Boolean);
  const name = [prefix, ...inner].filter(Boolean).join("/");
  return name === "" ? basename(dir) : name;
}
