import { EXIT } from "./errors.js";
import { listenToSignals } from "./interruption.js";
import { run } from "./program.js";

/** Runs the command line of a process, which then ends with its exit code. */
export async function start(process: NodeJS.Process): Promise<void> {
  const interruption = listenToSignals();
  const { argv, stdin, stdout, stderr } = process;
  const code = await run(argv.slice(2), { stdin, stdout, stderr, signal: interruption.signal });
  process.exitCode = code === EXIT.interrupted ? (interruption.exitCode() ?? code) : code;
}
