import { mkdir, readdir, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { VqkitError } from "../core/errors.js";
import { errnoOf, fileError } from "./file-errors.js";

/** The names in a folder; none where there is no such folder. @throws VqkitError("file") when it cannot be read */
export async function namesIn(dir: string): Promise<string[]> {
  try {
    return await readdir(dir);
  } catch (error) {
    const code = errnoOf(error);
    if (code === "ENOENT") return [];
    if (code === "ENOTDIR" && (await isThere(dir))) {
      throw new VqkitError("file", `${dir}: expected a folder, got a file.`, { cause: error });
    }
    throw fileError(dir, "read the folder", error);
  }
}

/**
 * Makes a folder, and those above it that are missing. Unlike node's recursive `mkdir` it says why it could not: on a
 * read-only file system node's says that there is no such folder.
 *
 * @returns whether it was not there before
 * @throws VqkitError("file")
 */
export async function makeFolder(dir: string): Promise<boolean> {
  try {
    return await made(dir);
  } catch (error) {
    throw fileError(dir, "make the folder", error);
  }
}

async function made(dir: string): Promise<boolean> {
  try {
    return await madeOne(dir);
  } catch (error) {
    const parent = dirname(dir);
    if (errnoOf(error) !== "ENOENT" || parent === dir) throw error;
    // Another process may make the parent now: it is there after this, whoever made it.
    await made(parent);
    return madeOne(dir);
  }
}

/** Makes one folder. @returns false where it is there, whoever made it */
async function madeOne(dir: string): Promise<boolean> {
  try {
    await mkdir(dir);
    return true;
  } catch (error) {
    if (await isFolder(dir)) return false;
    throw error;
  }
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (status) => status.isDirectory(),
    () => false,
  );
}

export async function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
