import { mkdir, readdir, rename, rm } from "node:fs/promises";
import { dirname, isAbsolute, join, resolve, sep } from "node:path";
import { ConfigError, VqkitError } from "../core/errors.js";
import { removeTemporaries, syncFolder, temporaryPathOf, writeFileDurably } from "./atomic-file.js";
import { copyWhole } from "./copy-whole.js";
import { errnoOf, fileError, reasonOf } from "./file-errors.js";
import { clearLeftovers, isContent, STAGING_NAME } from "./folder-content.js";
import { FolderLock, LOCK_NAME } from "./folder-lock.js";
import { isThere, makeFolder } from "./folder-names.js";
import { PICTURES_MARK, PICTURES_MARK_TEXT, takesPicturesMark } from "./own-folder.js";

export interface OutputFolderOptions {
  /** Let new files replace those of the same name; others stay. Default false. */
  readonly overwrite?: boolean;
  /** The option that names the folder, for messages; default "out". */
  readonly option?: string;
}

/** A file cannot be had under its name, here or on this file system; other files can. */
export class UnfitNameError extends VqkitError {
  /** The name, as it was given. */
  readonly file: string;
  readonly reason: string;

  constructor(file: string, reason: string, message: string) {
    super("file", message);
    this.file = file;
    this.reason = reason;
  }
}

/**
 * A folder that one command fills and that shows nothing before all of it is there. Files grow in a folder inside it,
 * `.vqkit-staging`, so that they are on its file system wherever that is, and nothing above it need be writable;
 * `commit` renames them into their places. It has one writer at a time (`FolderLock`), who clears what a killed one left.
 */
export class OutputFolder {
  readonly dir: string;
  /** Where files grow: what is written here as well as by `write` appears at `commit`. */
  readonly staging: string;
  readonly #lock: FolderLock;

  private constructor(dir: string, lock: FolderLock) {
    this.dir = dir;
    this.staging = join(dir, STAGING_NAME);
    this.#lock = lock;
  }

  /**
   * Checks that `open` would take a folder, and touches nothing.
   *
   * @throws ConfigError at `option` for a file, and for a folder that holds anything unless `overwrite` is on;
   * VqkitError("file"), also for a path below a file
   */
  static async check(
    dir: string,
    { overwrite = false, option = "out" }: OutputFolderOptions = {},
  ): Promise<void> {
    let names: string[];
    try {
      names = await readdir(dir);
    } catch (error) {
      if (errnoOf(error) === "ENOENT") return;
      if (errnoOf(error) === "ENOTDIR") {
        if (!(await isThere(dir))) throw fileError(dir, "make the folder", error);
        throw new ConfigError(option, `expected a folder, got the file ${dir}.`, { cause: error });
      }
      throw fileError(dir, "read the folder", error);
    }
    if (overwrite || !names.some(isContent)) return;
    throw new ConfigError(
      option,
      `expected a new or empty folder, got ${dir}, which has files. Choose another, or replace it (option overwrite).`,
    );
  }

  /**
   * Takes a folder, making it where there is none. `close` it in any case.
   *
   * @throws as `check` does; VqkitError("locked") naming the process that writes there; VqkitError("file")
   */
  static async open(dir: string, options: OutputFolderOptions = {}): Promise<OutputFolder> {
    // Before anything is written into a folder that is not ours.
    await FolderLock.check(dir);
    await OutputFolder.check(dir, options);
    const lock = await FolderLock.acquire(dir);
    const folder = new OutputFolder(dir, lock);
    try {
      await OutputFolder.check(dir, options); // another writer may have come to its end meanwhile
      await clearLeftovers(dir);
      await makeFolder(folder.staging);
      return folder;
    } catch (error) {
      lock.release();
      throw error;
    }
  }

  /**
   * Takes a folder, lets `work` fill it, and lets everything appear when that has succeeded.
   *
   * @returns what `work` does
   * @throws as `open`, `commit` and `work` do; nothing has appeared then
   */
  static async fill<T>(
    dir: string,
    options: OutputFolderOptions,
    work: (folder: OutputFolder) => Promise<T>,
  ): Promise<T> {
    const folder = await OutputFolder.open(dir, options);
    try {
      const result = await work(folder);
      await folder.commit();
      return result;
    } finally {
      await folder.close();
    }
  }

  /**
   * Writes a file whole and to disk.
   *
   * @param name relative, with "/" between folders, which are made
   * @throws UnfitNameError for a name that leads out of the folder or that cannot be had; VqkitError("file")
   */
  async write(name: string, content: string | Uint8Array): Promise<void> {
    const path = this.#pathOf(name);
    try {
      await mkdir(dirname(path), { recursive: true });
      await writeFileDurably(path, [typeof content === "string" ? Buffer.from(content) : content]);
    } catch (error) {
      throw this.#failure(name, error, UNFIT);
    }
  }

  /**
   * Makes the folder known as one of pictures that vqkit wrote, which are no images to train on; a folder with files of a
   * person's stays as it is.
   *
   * @throws VqkitError("file")
   */
  async markPictures(): Promise<void> {
    if (await takesPicturesMark(this.dir)) await this.write(PICTURES_MARK, PICTURES_MARK_TEXT);
  }

  /**
   * Lets everything appear.
   *
   * @param options.onUnfit told of each file whose place is taken by something that it cannot replace; without it the
   * first such ends the call
   * @throws UnfitNameError; VqkitError("file")
   */
  async commit(options: { readonly onUnfit?: (error: UnfitNameError) => void } = {}): Promise<void> {
    const folders = new Set<string>([this.dir]);
    for await (const name of filesIn(this.staging)) {
      const target = join(this.dir, name);
      try {
        await mkdir(dirname(target), { recursive: true });
        folders.add(dirname(target));
        await move(join(this.staging, name), target);
      } catch (error) {
        const failure = this.#failure(name, error, OCCUPIED);
        if (options.onUnfit === undefined || !(failure instanceof UnfitNameError)) throw failure;
        options.onUnfit(failure);
      }
    }
    for (const folder of folders) {
      await syncFolder(folder).catch((error: unknown) => {
        throw fileError(folder, "write", error);
      });
    }
  }

  /** Removes what has not appeared and gives the folder free; one that was made and is empty is removed. */
  async close(): Promise<void> {
    try {
      await rm(this.staging, { recursive: true, force: true });
    } catch {
      // Whoever writes here next clears it. What failed first says more.
    } finally {
      this.#lock.release();
    }
  }

  #pathOf(name: string): string {
    const staging = resolve(this.staging);
    const path = resolve(staging, name);
    const [first = ""] = path.slice(staging.length + 1).split(sep);
    const isWithin = !isAbsolute(name) && path.startsWith(staging + sep);
    // Some file systems do not tell upper from lower case.
    const isOurs = [STAGING_NAME, LOCK_NAME].includes(first.toLowerCase());
    if (isWithin && !isOurs && !name.includes("\0")) return path;
    const message = `${JSON.stringify(name)}: expected the name of a file within the folder.`;
    throw new UnfitNameError(name, "not a name within the folder", message);
  }

  #failure(name: string, error: unknown, unfit: readonly string[]): unknown {
    const code = errnoOf(error);
    if (code === undefined) return error;
    const failure = fileError(join(this.dir, name), "write", error);
    return unfit.includes(code) ? new UnfitNameError(name, reasonOf(error), failure.message) : failure;
  }
}

/** What the system answers when it is the name that cannot be had: too long, of wrong characters, or taken by another kind. */
const UNFIT: readonly string[] = [
  ...["ENAMETOOLONG", "EILSEQ", "EINVAL", "EEXIST", "ENOTDIR", "EISDIR", "ENOTEMPTY"],
  ...(process.platform === "win32" ? ["ENOENT"] : []),
];

/** And where something stands already that may not be replaced. */
const OCCUPIED: readonly string[] = [...UNFIT, "EACCES", "EPERM"];

/** Names of all files below a folder, in an order that is always the same. */
async function* filesIn(folder: string, prefix = ""): AsyncGenerator<string, void, undefined> {
  const entries = await readdir(join(folder, prefix), { withFileTypes: true });
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const name = join(prefix, entry.name);
    if (entry.isDirectory()) yield* filesIn(folder, name);
    else yield name;
  }
}

/** Renames a file, or copies it where a folder on the way is a mount point or a link to another file system. */
async function move(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    if (errnoOf(error) !== "EXDEV") throw error;
    const folder = dirname(to);
    await removeTemporaries(folder);
    // Not named after the file, whose name may be as long as names can be.
    await copyWhole(from, to, temporaryPathOf(join(folder, "copy")));
  }
}
