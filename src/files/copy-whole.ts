import { copyFile, open, rename, rm } from "node:fs/promises";
import { temporaryPathOf } from "./atomic-file.js";

/**
 * Copies a file that is there whole, on the disk, or not at all.
 *
 * @param temporary where it is written first, on the target's file system
 * @throws what Node's functions throw
 */
export async function copyWhole(from: string, to: string, temporary = temporaryPathOf(to)): Promise<void> {
  try {
    await copyFile(from, temporary);
    const file = await open(temporary, "r+");
    try {
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, to);
  } finally {
    await rm(temporary, { force: true });
  }
}
