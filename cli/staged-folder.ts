import { mkdir, mkdtemp, readdir, rename, rm } from "node:fs/promises";
import path from "node:path";
import { UsageError } from "./errors.js";

/**
 * A folder that is filled out of sight and appears when it is complete, so that a command that fails or is interrupted
 * leaves nothing half-written.
 */
export class StagedFolder {
  readonly dir: string;
  readonly #staging: string;
  readonly #files: string[] = [];

  private constructor(dir: string, staging: string) {
    this.dir = dir;
    this.#staging = staging;
  }

  /**
   * @param overwrite let new files replace those of the same name; others stay
   * @throws UsageError when the folder holds anything and `overwrite` is off, or cannot be made
   */
  static async create(dir: string, { overwrite = false } = {}): Promise<StagedFolder> {
    await checkFree(dir, overwrite);
    const parent = path.dirname(path.resolve(dir));
    try {
      await mkdir(parent, { recursive: true });
      return new StagedFolder(dir, await mkdtemp(path.join(parent, `.${path.basename(dir)}-`)));
    } catch (error) {
      const [reason] = String((error as Error).message).split(",");
      throw new UsageError(
        `--out ${dir}: could not make the folder (${reason}). Choose one where files can be written.`,
      );
    }
  }

  /**
   * Where to write the file that will have this name; folders on the way are made.
   *
   * @param name relative, with "/" between folders
   * @throws UsageError for a name that leads out of the folder
   */
  async place(name: string): Promise<string> {
    const file = path.resolve(this.#staging, name);
    if (path.isAbsolute(name) || !file.startsWith(this.#staging + path.sep)) {
      throw new UsageError(`${JSON.stringify(name)}: expected the name of a file within the folder.`);
    }
    await mkdir(path.dirname(file), { recursive: true });
    this.#files.push(name);
    return file;
  }

  /** Makes everything appear. */
  async commit(): Promise<void> {
    for (const name of this.#files) {
      const target = path.join(this.dir, name);
      await mkdir(path.dirname(target), { recursive: true });
      await rename(path.join(this.#staging, name), target);
    }
    await this.discard();
  }

  /** Removes what has not appeared; to be called in any case. */
  async discard(): Promise<void> {
    await rm(this.#staging, { recursive: true, force: true });
  }
}

async function checkFree(dir: string, overwrite: boolean): Promise<void> {
  let entries: string[];
  try {
    entries = await readdir(dir);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return;
    if (code === "ENOTDIR") throw new UsageError(`--out ${dir}: expected a folder, got a file.`);
    throw error;
  }
  if (entries.length > 0 && !overwrite) {
    throw new UsageError(
      `--out ${dir}: expected a new or empty folder, got one with files. Choose another, or add --overwrite.`,
    );
  }
}
