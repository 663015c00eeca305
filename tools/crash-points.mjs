// Loaded before a program (node --import) to end it, as a power cut would, inside its n-th operation on files; a write is
// cut in the middle. Environment: CRASH_AT (n, from 1; absent: never) and CRASH_COUNT (a file that receives how many
// operations there were). Only operations on paths that hold CRASH_FOLDER count.
import fs from "node:fs";
import promises from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";

const { CRASH_AT = "0", CRASH_COUNT, CRASH_FOLDER = "" } = process.env;
const at = Number(CRASH_AT);
let operations = 0;

/** Whether this operation is the one to end in. */
function isLast() {
  operations++;
  return operations === at;
}

function end() {
  process.kill(process.pid, "SIGKILL");
}

const paths = new WeakMap();
const { open } = promises;
promises.open = async (path, ...rest) => {
  const handle = await open(path, ...rest);
  if (String(path).includes(CRASH_FOLDER)) paths.set(handle, String(path));
  return handle;
};
for (const name of ["rename", "rm", "link", "mkdir", "unlink"]) {
  const original = promises[name];
  promises[name] = async (path, ...rest) => {
    const isHere = String(path).includes(CRASH_FOLDER) && isLast();
    // Before or after it has happened, by turns.
    if (isHere && at % 2 === 0) end();
    const result = await original(path, ...rest);
    if (isHere) end();
    return result;
  };
}
syncBuiltinESMExports();

const probe = await open(new URL(import.meta.url), "r");
const prototype = Object.getPrototypeOf(probe);
await probe.close();
const { write, sync, truncate } = prototype;
prototype.write = async function (bytes, offset = 0, length = bytes.length - offset, ...rest) {
  if (paths.has(this) && isLast()) {
    await write.call(this, bytes, offset, Math.floor(length / 2), ...rest);
    end();
  }
  return write.call(this, bytes, offset, length, ...rest);
};
for (const [name, original] of [
  ["sync", sync],
  ["truncate", truncate],
]) {
  prototype[name] = async function (...rest) {
    if (paths.has(this) && isLast()) end();
    return original.apply(this, rest);
  };
}

if (CRASH_COUNT !== undefined) {
  process.on("exit", () => fs.writeFileSync(CRASH_COUNT, String(operations)));
}
