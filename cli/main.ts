#!/usr/bin/env node
import { constants } from "node:os";
import { EXIT, Interrupted } from "./errors.js";
import { run } from "./program.js";

const INTERRUPTIONS = ["SIGINT", "SIGTERM"] as const;

const interruption = new AbortController();
let interruptedBy: NodeJS.Signals | undefined;
const letGo = (): void => {
  for (const each of INTERRUPTIONS) process.removeListener(each, interrupt);
};
const interrupt = (name: NodeJS.Signals): void => {
  if (interruptedBy === undefined) {
    interruptedBy = name;
    interruption.abort(new Interrupted("Interrupted."));
  } else {
    // Both came during one computation, and are told now, one right after the other.
    letGo();
    process.kill(process.pid, name);
  }
};
for (const name of INTERRUPTIONS) process.on(name, interrupt);

// The first asks the command to leave everything in order. A later one ends the program as the system does it, at once,
// also while the engine computes and no handler could run: so our handlers go when all signals that waited have been
// told, and before anything else is done. That is what an immediate does which is always the first in its queue.
const watch = (): void => {
  if (interruptedBy === undefined) setImmediate(watch).unref();
  else letGo();
};
watch();

// The reader of a pipe may leave early (`vqkit quantizers | head -1`): that is no failure.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(EXIT.done);
  throw error;
});

const { stdin, stdout, stderr } = process;
const code = await run(process.argv.slice(2), { stdin, stdout, stderr, signal: interruption.signal });
// 130 after SIGINT, 143 after SIGTERM, as shells have it.
process.exitCode =
  code === EXIT.interrupted && interruptedBy !== undefined ? 128 + constants.signals[interruptedBy] : code;
