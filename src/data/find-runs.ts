import { stat } from "node:fs/promises";
import path from "node:path";
import { expandSource, isPattern } from "./finding/source-pattern.js";
import { normalised, walkFolder } from "./finding/walk-folder.js";

/**
 * The run folders that a pattern stands for, as a shell would name them, sorted; none for a source without braces and
 * wildcards. Shells of Windows hand patterns on as they are, and those of others do so in quotes.
 *
 * @throws VqkitError "data" when a folder on the way cannot be read
 */
export async function findRuns(source: string): Promise<string[]> {
  const expanded = expandSource(source);
  if (!isPattern(expanded)) return [];
  const runs = new Set(expanded.names);
  for (const { base, scope } of expanded.patterns) {
    const root = base === "" ? "." : base;
    if (!(await isFolder(root))) continue;
    const { passedOver } = await walkFolder(root, {
      scope: { enters: (folder) => scope.enters(folder) || scope.has(folder), has: () => false },
      isWanted: () => false,
      outputs: [],
    });
    const start = normalised(root).replace(/\/?$/, "/");
    for (const [folder, reason] of passedOver) {
      const inner = folder.slice(start.length);
      if (reason === "run" && scope.has(inner)) runs.add(path.posix.join(base, inner));
    }
  }
  return [...runs].sort();
}

async function isFolder(name: string): Promise<boolean> {
  return stat(name).then(
    (status) => status.isDirectory(),
    () => false,
  );
}
