import { rm } from "node:fs/promises";
import { join } from "node:path";
import { isTemporaryName, removeTemporaries } from "./atomic-file.js";
import { fileError } from "./file-errors.js";
import { LOCK_NAME } from "./folder-lock.js";

/** Where the files of an `OutputFolder` grow, inside of it. */
export const STAGING_NAME = ".vqkit-staging";

/** What systems put into folders by themselves: root folders of disks, and those that a file manager has shown. */
const OF_SYSTEMS =
  /^(?:lost\+found|\.DS_Store|\.localized|\.Spotlight-V100|\.fseventsd|\.Trashes|\.Trash-\d+|\.nfs[0-9a-f]+|\.directory|@eaDir|Thumbs\.db|desktop\.ini|\$RECYCLE\.BIN|System Volume Information)$/i;

/**
 * Whether something of this name makes a folder one that is taken. What is under way, what a killed writer left of that,
 * and what the system itself put there do not.
 */
export function isContent(name: string): boolean {
  return name !== LOCK_NAME && name !== STAGING_NAME && !isTemporaryName(name) && !OF_SYSTEMS.test(name);
}

/**
 * Removes what a killed writer left under way in a folder. Only for whoever has the folder's lock.
 *
 * @returns how many files in progress were removed
 * @throws VqkitError("file")
 */
export async function clearLeftovers(dir: string): Promise<number> {
  const staging = join(dir, STAGING_NAME);
  await rm(staging, { recursive: true, force: true }).catch((error: unknown) => {
    throw fileError(staging, "remove", error);
  });
  return removeTemporaries(dir);
}
