#!/usr/bin/env node
import { constants } from "node:os";
import { EXIT, Interrupted } from "./errors.js";
import { run } from "./program.js";

const INTERRUPTIONS = ["SIGINT", "SIGTERM"] as const;

const interruption = new AbortController();
let interruptedBy: (typeof INTERRUPTIONS)[number] | undefined;
const interrupt = (name: NodeJS.Signals): void => {
  interruptedBy = name as typeof interruptedBy;
  // The first asks the command to leave everything in order. The second ends the program as the system does it, at
  // once, also while the engine computes and no handler could run.
  for (const each of INTERRUPTIONS) process.removeListener(each, interrupt);
  interruption.abort(new Interrupted("Interrupted."));
};
for (const name of INTERRUPTIONS) process.on(name, interrupt);

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
