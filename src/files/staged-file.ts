import { open, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { errnoOf, fileError, formatError } from "./file-errors.js";
import { readFully, writeFully } from "./transfer.js";

const PARTIAL = /^\..+\.partial$/;

/** Whether a file name is that of a file in progress, which `StagedFile` writes. */
export function isPartialName(name: string): boolean {
  return PARTIAL.test(name);
}

/** Where a file of this path grows. */
export function partialPathOf(path: string): string {
  return join(dirname(path), `.${basename(path)}.partial`);
}

/** The name of the file that grows under a name for which `isPartialName` holds. */
export function nameOfPartial(name: string): string {
  return name.slice(1, -".partial".length);
}

/**
 * A file that grows piece by piece beside its place, as `.NAME.partial`; what stands there stands until
 * `placeStagedFiles`. A later process can resume it at any length that was synced. Between calls no file is open,
 * so that any number may be under way.
 */
export class StagedFile {
  readonly path: string;
  readonly #partial: string;
  #length: number;
  #synced: number;

  private constructor(path: string, length: number) {
    this.path = path;
    this.#partial = partialPathOf(path);
    this.#length = length;
    this.#synced = length;
  }

  /** Begins an empty file, in place of one that was never finished. @throws VqkitError("file"), as all methods do */
  static async create(path: string): Promise<StagedFile> {
    const file = new StagedFile(path, 0);
    await file.#attempt(async () => (await open(file.#partial, "w")).close());
    return file;
  }

  /**
   * Takes an unfinished file up again, cut back to a length that it had.
   *
   * @throws VqkitError("format") when it is not there, or is shorter
   */
  static async resume(path: string, length: number): Promise<StagedFile> {
    const file = new StagedFile(path, length);
    await file.#attempt(async () => {
      const handle = await open(file.#partial, "r+").catch((error: unknown) => {
        throw errnoOf(error) === "ENOENT"
          ? formatError(file.#partial, `expected the first ${length} bytes, got no such file.`)
          : error;
      });
      try {
        const { size } = await handle.stat();
        if (size < length) {
          throw formatError(file.#partial, `expected at least ${length} bytes, got ${size}.`);
        }
        await handle.truncate(length);
      } finally {
        await handle.close();
      }
    });
    return file;
  }

  /** Bytes written so far. */
  get length(): number {
    return this.#length;
  }

  async append(bytes: Uint8Array): Promise<void> {
    await this.#write("a", bytes);
    this.#length += bytes.length;
  }

  /** Replaces the first bytes; the file keeps its length. */
  async rewriteStart(bytes: Uint8Array): Promise<void> {
    await this.#write("r+", bytes);
    this.#synced = -1;
  }

  /** A piece of what was written. */
  async read(offset: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = new Uint8Array(length);
    await this.#attempt(async () => {
      const handle = await open(this.#partial, "r");
      try {
        const read = await readFully(handle, bytes, offset);
        if (read < length) throw formatError(this.#partial, "the file became shorter.");
      } finally {
        await handle.close();
      }
    });
    return bytes;
  }

  /** Flushes to disk what has been written. */
  async sync(): Promise<void> {
    if (this.#synced === this.#length) return;
    await this.#attempt(async () => {
      const handle = await open(this.#partial, "r+");
      try {
        await handle.sync();
      } finally {
        await handle.close();
      }
    });
    this.#synced = this.#length;
  }

  /** Gives the file up; once it is in its place there is nothing to do. */
  async discard(): Promise<void> {
    await this.#attempt(() => rm(this.#partial, { force: true }));
  }

  async #write(flags: "a" | "r+", bytes: Uint8Array): Promise<void> {
    await this.#attempt(async () => {
      const handle = await open(this.#partial, flags);
      try {
        await writeFully(handle, bytes);
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
