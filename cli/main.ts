#!/usr/bin/env node
import { EXIT, Interrupted } from "./errors.js";
import { run } from "./program.js";

const interruption = new AbortController();
for (const name of ["SIGINT", "SIGTERM"] as const) {
  process.on(name, () => {
    // The first asks the command to leave everything in order; the second does not wait for it.
    if (interruption.signal.aborted) process.exit(EXIT.interrupted);
    interruption.abort(new Interrupted("Interrupted."));
  });
}

// The reader of a pipe may leave early (`vqkit quantizers | head -1`): that is no failure.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(EXIT.done);
  throw error;
});

const { stdin, stdout, stderr } = process;
process.exitCode = await run(process.argv.slice(2), { stdin, stdout, stderr, signal: interruption.signal });
