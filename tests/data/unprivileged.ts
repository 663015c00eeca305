import { chmod } from "node:fs/promises";

/** A user who owns nothing here. */
const NOBODY = 65_534;

/**
 * Does something as a user whom permissions bind: as root, who may read everything, with another user's id.
 *
 * @param folders that this user has to get through
 */
export async function unprivileged<T>(folders: readonly string[], work: () => Promise<T>): Promise<T> {
  if (process.getuid?.() !== 0) return work();
  for (const folder of folders) await chmod(folder, 0o777);
  process.seteuid?.(NOBODY);
  try {
    return await work();
  } finally {
    process.seteuid?.(0);
  }
}
