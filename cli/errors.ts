import { CommanderError } from "commander";
import { ConfigError, VqkitError } from "../src/core/errors.js";

/** How the program ends. */
export const EXIT = { done: 0, failed: 1, usage: 2, interrupted: 130 } as const;

/** The command line itself is wrong: exit code 2. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** What was asked for is not there, or not all of it, for a reason of the outside: exit code 1. */
export class Failed extends Error {
  override readonly name = "Failed";
}

/**
 * The user asked to stop, and what was in progress has been left in order: exit code 130, or that of the signal. The reason of
 * `signal`.
 */
export class Interrupted extends Error {
  override readonly name = "Interrupted";
}

/** How the program ends, and the one line to show; no line when it has been shown already. */
export interface Explanation {
  readonly code: number;
  readonly line?: string;
}

/** The exit code and the line for anything that a command threw. */
export async function explain(error: unknown): Promise<Explanation> {
  if (error instanceof CommanderError) return explainCommander(error);
  if (error instanceof UsageError) return { code: EXIT.usage, line: `error: ${error.message}` };
  if (error instanceof Failed) return { code: EXIT.failed, line: `error: ${oneLine(error.message)}` };
  if (error instanceof Interrupted) return { code: EXIT.interrupted, line: error.message };
  if (error instanceof ConfigError) return { code: EXIT.usage, line: `error: ${oneLine(error.message)}` };
  if (!(error instanceof Error) || !(await isTyped(error)))
    return { code: EXIT.failed, line: unexpected(error) };
  return { code: EXIT.failed, line: `error: ${oneLine(error.message)}` };
}

/** Whether the library or the engine raised it with a reason, such as a file that is gone or memory that there is not. */
export async function isTyped(error: unknown): Promise<boolean> {
  if (error instanceof VqkitError) return true;
  const { BackendError } = await import("../src/backend/index.js");
  return error instanceof BackendError;
}

function explainCommander(error: CommanderError): Explanation {
  // Help and version are asked for, and have been printed.
  if (error.exitCode === 0) return { code: EXIT.done };
  if (error.code === "commander.help") return { code: EXIT.usage };
  return { code: EXIT.usage, line: oneLine(error.message) };
}

/** A defect, not a mistake of the user: with VQKIT_DEBUG set, where it arose. */
function unexpected(error: unknown): string {
  const { message, stack } = error instanceof Error ? error : { message: String(error), stack: undefined };
  if (process.env.VQKIT_DEBUG && stack !== undefined) return stack;
  return `error: ${oneLine(message)} (unexpected; set VQKIT_DEBUG=1 to see where)`;
}

function oneLine(text: string): string {
  return text.replace(/\s*\n\s*/g, " ").trim();
}
