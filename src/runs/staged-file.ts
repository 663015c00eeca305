import { open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { syncFolder, temporaryPathOf, writeAll } from "./atomic-file.js";
import { errnoOf, fileError } from "./file-errors.js";

/**
 * A file that grows piece by piece beside its place and appears there, whole, at `commit`; until then what stood there
 * stands. Between calls no file is open, so that any number may be under way.
 */
export class StagedFile {
  readonly path: string;
  readonly #temporary: string;

  private constructor(path: string) {
    this.path = path;
    this.#temporary = temporaryPathOf(path);
  }

  /** Begins an empty file. @throws VqkitError("file"), as all methods do */
  static async create(path: string): Promise<StagedFile> {
    const file = new StagedFile(path);
    await file.#attempt(async () => (await open(file.#temporary, "wx")).close());
    return file;
  }

  async append(bytes: Uint8Array): Promise<void> {
    await this.#write("a", bytes);
  }

  /** Replaces the first bytes; the file keeps its length. */
  async rewriteStart(bytes: Uint8Array): Promise<void> {
    await this.#write("r+", bytes);
  }

  /** Flushes to disk and renames into place. */
  async commit(): Promise<void> {
    await this.#attempt(async () => {
      const handle = await open(this.#temporary, "r+");
      try {
        await handle.sync();
      } finally {
        await handle.close();
      }
      await rename(this.#temporary, this.path);
      await syncFolder(dirname(this.path));
    });
  }

  /** Gives the file up; after `commit` there is nothing to do. */
  async discard(): Promise<void> {
    await this.#attempt(() => rm(this.#temporary, { force: true }));
  }

  async #write(flags: "a" | "r+", bytes: Uint8Array): Promise<void> {
    await this.#attempt(async () => {
      const handle = await open(this.#temporary, flags);
      try {
        await writeAll(handle, this.path, bytes);
      } finally {
        await handle.close();
      }
    });
  }

  async #attempt(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      throw errnoOf(error) === undefined ? error : fileError(this.path, "write", error);
    }
  }
}
