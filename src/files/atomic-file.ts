import { type FileHandle, open, readdir, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { errnoOf, fileError } from "./file-errors.js";
import { writeFully } from "./transfer.js";

const TEMPORARY = /^\..+\.vqkit-\d+-\d+\.tmp$/;
let written = 0;

/**
 * Writes a file whole or not at all: into a temporary file in the same folder, flushed to disk, then renamed over the
 * target. On failure the previous file stands unchanged and the temporary one is gone.
 *
 * @param content text, bytes, or parts written one after another (they may be made as they are asked for)
 * @throws VqkitError("file") naming the path and the system's reason; what making a part threw comes through unchanged
 */
export async function writeFileAtomic(
  path: string,
  content: string | Uint8Array | Iterable<Uint8Array>,
): Promise<void> {
  const temporary = temporaryPathOf(path);
  const parts =
    typeof content === "string"
      ? [Buffer.from(content)]
      : content instanceof Uint8Array
        ? [content]
        : content;
  try {
    await writeFileDurably(temporary, parts);
    await rename(temporary, path);
    await syncFolder(dirname(path));
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {
      // The first error says what went wrong; removeTemporaries clears what could not be removed now.
    });
    throw errnoOf(error) === undefined ? error : fileError(path, "write", error);
  }
}

/**
 * Removes temporary files that a killed process left in a folder. Only for the folder's one writer: another writer's
 * file in progress would go too.
 *
 * @returns how many were removed; 0 when there is no such folder
 * @throws VqkitError("file")
 */
export async function removeTemporaries(folder: string): Promise<number> {
  try {
    const names = (await readdir(folder)).filter(isTemporaryName);
    for (const name of names) await rm(join(folder, name), { force: true });
    return names.length;
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return 0;
    throw fileError(folder, "remove temporary files", error);
  }
}

/** A new name, beside `path`, for a file in progress that will be renamed to it. */
export function temporaryPathOf(path: string): string {
  return join(dirname(path), `.${basename(path)}.vqkit-${process.pid}-${written++}.tmp`);
}

/** Whether a file name is one that `temporaryPathOf` gives. */
export function isTemporaryName(name: string): boolean {
  return TEMPORARY.test(name);
}

/** Makes renames and removals in a folder survive a power cut. */
export async function syncFolder(folder: string): Promise<void> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(folder, "r");
    await handle.sync();
  } catch (error) {
    // Windows and some network file systems cannot flush a folder; the file itself has been flushed.
    const cannot = [
      "EINVAL",
      "ENOTSUP",
      "EISDIR",
      ...(process.platform === "win32" ? ["EPERM", "EACCES"] : []),
    ];
    if (!cannot.includes(errnoOf(error) ?? "")) throw error;
  } finally {
    await handle?.close();
  }
}

/**
 * Writes a new file and flushes it to disk; what failed leaves none.
 *
 * @throws the system's error; what making a part threw
 */
export async function writeFileDurably(path: string, parts: Iterable<Uint8Array>): Promise<void> {
  const handle = await open(path, "wx");
  try {
    for (const part of parts) await writeFully(handle, part);
    await handle.sync();
    await handle.close();
  } catch (error) {
    await handle.close().catch(() => {});
    await rm(path, { force: true }).catch(() => {
      // The first error says what went wrong; removeTemporaries clears what could not be removed now.
    });
    throw error;
  }
}
