import { access, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { syncFolder } from "./atomic-file.js";
import { errnoOf, fileError } from "./file-errors.js";
import { partialPathOf, StagedFile } from "./staged-file.js";

/** Files that grow side by side in one folder, by name; see `StagedFile`. */
export class StagedFiles {
  readonly dir: string;
  readonly #files: Map<string, StagedFile>;

  private constructor(dir: string, files: Map<string, StagedFile>) {
    this.dir = dir;
    this.#files = files;
  }

  static create(dir: string): StagedFiles {
    return new StagedFiles(dir, new Map());
  }

  /** Takes unfinished files up again. @param lengths as `lengths()` was. @throws as `StagedFile.resume` */
  static async resume(dir: string, lengths: Readonly<Record<string, number>>): Promise<StagedFiles> {
    const files = new Map<string, StagedFile>();
    for (const [name, length] of Object.entries(lengths)) {
      files.set(name, await StagedFile.resume(join(dir, name), length));
    }
    return new StagedFiles(dir, files);
  }

  /** Appends to a file, which begins with its first bytes. @throws VqkitError("file"), as all methods do */
  async append(name: string, bytes: Uint8Array): Promise<void> {
    await (await this.#file(name)).append(bytes);
  }

  /** Replaces the first bytes of a file that has at least as many. */
  async rewriteStart(name: string, bytes: Uint8Array): Promise<void> {
    await (await this.#file(name)).rewriteStart(bytes);
  }

  /** A piece of what was written to a file. */
  async read(name: string, offset: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
    return (await this.#file(name)).read(offset, length);
  }

  /** Bytes of a file; 0 for one that has not begun. */
  length(name: string): number {
    return this.#files.get(name)?.length ?? 0;
  }

  /** Bytes of every file, in the order in which they began. */
  lengths(): Record<string, number> {
    return Object.fromEntries([...this.#files].map(([name, { length }]) => [name, length]));
  }

  /** Flushes everything to disk. */
  async sync(): Promise<void> {
    for (const file of this.#files.values()) await file.sync();
  }

  /** Gives all files up that are not in their places yet. */
  async discard(): Promise<void> {
    for (const file of this.#files.values()) await file.discard();
  }

  async #file(name: string): Promise<StagedFile> {
    const known = this.#files.get(name);
    if (known !== undefined) return known;
    const file = await StagedFile.create(join(this.dir, name));
    this.#files.set(name, file);
    return file;
  }
}

/**
 * Puts finished files, which are on disk, into their places. Some may be there already: a call that a power cut ended is
 * repeated with the same names.
 *
 * @throws VqkitError("file") for a file that is neither under way nor in its place
 */
export async function placeStagedFiles(dir: string, names: readonly string[]): Promise<void> {
  for (const name of names) {
    const path = join(dir, name);
    try {
      await rename(partialPathOf(path), path).catch(async (error: unknown) => {
        if (errnoOf(error) !== "ENOENT") throw error;
        await access(path);
      });
    } catch (error) {
      throw fileError(path, "write", error);
    }
  }
  await syncFolder(dir);
}

/** Removes what is under way for these names. @throws VqkitError("file") */
export async function removeStagedFiles(dir: string, names: readonly string[]): Promise<void> {
  for (const name of names) {
    const path = partialPathOf(join(dir, name));
    await rm(path, { force: true }).catch((error: unknown) => {
      throw fileError(path, "remove", error);
    });
  }
}
