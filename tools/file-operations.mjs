// Puts a program's operations on files into the hands of a test: what changes a file or a folder (node:fs/promises and
// its file handles) goes through one function, which may count it, delay it, end the process or let it fail.
import promises from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";

/**
 * @typedef {object} FileOperation
 * @property {"open" | "write" | "writeFile" | "sync" | "truncate" | "close" | "mkdir" | "rename" | "link" | "rm"} name
 * @property {string} path of the file, or of its old name
 * @property {readonly unknown[]} args as the program gave them
 * @property {(...args: unknown[]) => Promise<unknown>} proceed does it, with these arguments instead where some are given
 */

const FUNCTIONS = ["mkdir", "rename", "link", "rm"];
const METHODS = ["write", "writeFile", "sync", "truncate"];

/**
 * Hands every operation on a path that holds `folder` to `intercept`, whose promise is what the program gets. Opening
 * counts when it may create or change a file; a handle of a folder, which is opened to be flushed, counts in `sync`.
 *
 * @param {string} folder
 * @param {(operation: FileOperation) => Promise<unknown>} intercept
 * @returns {Promise<() => void>} ends it
 */
export async function interceptFiles(folder, intercept) {
  const paths = new WeakMap();
  const originals = { ...promises };
  promises.open = async (path, flags = "r", ...rest) => {
    const isHere = String(path).includes(folder);
    const isWritten = flags !== "r";
    const proceed = () => originals.open(path, flags, ...rest);
    const operation = { name: "open", path: String(path), args: [path, flags, ...rest], proceed };
    const handle = await (isHere && isWritten ? intercept(operation) : proceed());
    if (isHere) paths.set(handle, String(path));
    if (isHere && isWritten) {
      const close = handle.close.bind(handle); // of the handle itself, not of its class
      handle.close = () => intercept({ name: "close", path: String(path), args: [], proceed: close });
    }
    return handle;
  };
  for (const name of FUNCTIONS) {
    promises[name] = async (path, ...rest) => {
      const proceed = (...args) => originals[name](...(args.length > 0 ? args : [path, ...rest]));
      if (!String(path).includes(folder)) return proceed();
      return intercept({ name, path: String(path), args: [path, ...rest], proceed });
    };
  }
  syncBuiltinESMExports();

  const probe = await originals.open(new URL(import.meta.url), "r");
  const prototype = Object.getPrototypeOf(probe);
  await probe.close();
  const methods = Object.fromEntries(METHODS.map((name) => [name, prototype[name]]));
  for (const name of METHODS) {
    prototype[name] = function (...given) {
      const proceed = (...args) => methods[name].apply(this, args.length > 0 ? args : given);
      const path = paths.get(this);
      return path === undefined ? proceed() : intercept({ name, path, args: given, proceed });
    };
  }
  return () => {
    Object.assign(promises, originals);
    Object.assign(prototype, methods);
    syncBuiltinESMExports();
  };
}
