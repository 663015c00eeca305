import { rm, rmdir } from "node:fs/promises";
import path from "node:path";
import { LOCK_NAME, namesIn } from "../files/index.js";

/** Empties a task's folder, but for the lock of whoever clears it. */
export async function clearTaskFolder(dir: string): Promise<void> {
  for (const name of await namesIn(dir)) {
    if (name !== LOCK_NAME) await rm(path.join(dir, name), { recursive: true, force: true });
  }
}

/** Removes a task's folder and the one that holds all of them, each where nothing is in it: others may have work there. */
export async function removeTaskFolder(dir: string): Promise<void> {
  await rmdir(dir).catch(() => {});
  await rmdir(path.dirname(dir)).catch(() => {});
}
