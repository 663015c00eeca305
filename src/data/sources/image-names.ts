import path from "node:path";

/**
 * Names for files: their paths from the folder that all of them have in common, so that names are short, different,
 * and tell nothing of the machine.
 *
 * @param files absolute, with "/" between folders, as `findImages` returns them
 */
export function imageNames(files: readonly string[]): string[] {
  const folders = files.map((file) => path.posix.dirname(file).split("/"));
  const first = folders[0] ?? [];
  let shared = first.length;
  for (const folder of folders) {
    let same = 0;
    while (same < shared && folder[same] === first[same]) same++;
    shared = same;
  }
  return files.map((file) => file.split("/").slice(shared).join("/"));
}
