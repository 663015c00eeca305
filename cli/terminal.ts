import type { Readable, Writable } from "node:stream";

/** What a command may touch of the outside: its streams and the wish to stop. */
export interface Terminal {
  /** What a command reads where it is told to (`-`); nothing where absent. */
  readonly stdin?: Readable;
  /** Results. */
  readonly stdout: Writable;
  /** Progress, notes and errors. */
  readonly stderr: Writable & { readonly isTTY?: boolean };
  /** Aborted when the user interrupts, with `Interrupted` as its reason. */
  readonly signal: AbortSignal;
}

/** Writes a result, ending it with a line break. */
export function print(terminal: Terminal, text: string): void {
  terminal.stdout.write(text.endsWith("\n") ? text : `${text}\n`);
}

/** Writes a machine-readable result. */
export function printJson(terminal: Terminal, value: unknown): void {
  print(terminal, JSON.stringify(value, null, 2));
}

/** Writes a line that is not part of the result, unless the user asked for quiet. */
export function note(terminal: Terminal, text: string, { quiet = false } = {}): void {
  if (!quiet) terminal.stderr.write(`${text}\n`);
}
