import { readdir } from "node:fs/promises";
import { errnoOf, fileError } from "./file-errors.js";

/** The names in a folder; none where there is no such folder. @throws VqkitError("file") when it cannot be read */
export async function namesIn(dir: string): Promise<string[]> {
  try {
    return await readdir(dir);
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return [];
    throw fileError(dir, "read the folder", error);
  }
}
