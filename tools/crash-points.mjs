// Loaded before a program (node --import) to end it, as a power cut would, inside its n-th operation on files; a write is
// cut in the middle. Environment: CRASH_AT (n, from 1; absent: never) and CRASH_COUNT (a file that receives how many
// operations there were). Only operations on paths that hold CRASH_FOLDER count.
import fs from "node:fs";
import { interceptFiles } from "./file-operations.mjs";

const { CRASH_AT = "0", CRASH_COUNT, CRASH_FOLDER = "" } = process.env;
const at = Number(CRASH_AT);
let operations = 0;

function end() {
  process.kill(process.pid, "SIGKILL");
}

await interceptFiles(CRASH_FOLDER, async ({ name, args, proceed }) => {
  operations++;
  if (operations !== at) return proceed();
  if (name === "write") {
    const [bytes, offset = 0, length = bytes.length - offset, ...rest] = args;
    await proceed(bytes, offset, Math.floor(length / 2), ...rest);
  } else if (at % 2 === 1) {
    // Before or after it has happened, by turns.
    await proceed();
  }
  return end();
});

if (CRASH_COUNT !== undefined) {
  process.on("exit", () => fs.writeFileSync(CRASH_COUNT, String(operations)));
}
