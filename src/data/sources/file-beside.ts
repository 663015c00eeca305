import { lstat, realpath } from "node:fs/promises";
import path from "node:path";

/**
 * The file that a table names in the place of an image's bytes: in the folder of the table or below it, and reached by no
 * symbolic link, as a table may come from anyone.
 *
 * @param table the table's path
 * @param name as it stands in the table; absolute only where it leads into the table's folder
 * @returns the file's path
 * @throws Error that says what is there instead
 */
export async function fileBeside(table: string, name: string): Promise<string> {
  const shown = JSON.stringify(name.length > 200 ? `${name.slice(0, 197)}...` : name);
  const folder = path.dirname(path.resolve(table));
  const file = path.resolve(folder, name);
  if (name === "" || name.includes("\0") || !isWithin(folder, file)) {
    throw new Error(`no bytes, and a path that leads out of the folder of the Parquet file, ${shown}`);
  }
  let found: string;
  try {
    found = await realpath(file);
  } catch {
    throw new Error(`no bytes, and a path to a file that is not beside the Parquet file, ${shown}`);
  }
  if (path.relative(await realpath(folder), found) !== path.relative(folder, file)) {
    throw new Error(`no bytes, and a path by way of a symbolic link, which is not followed, ${shown}`);
  }
  if (!(await lstat(found)).isFile()) throw new Error(`no bytes, and a path to what is no file, ${shown}`);
  return file;
}

function isWithin(folder: string, file: string): boolean {
  const relative = path.relative(folder, file);
  return relative !== "" && relative.split(path.sep)[0] !== ".." && !path.isAbsolute(relative);
}
