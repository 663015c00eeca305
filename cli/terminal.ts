import type { Readable, Writable } from "node:stream";

/** What a command may touch of the outside: its streams and the wish to stop. */
export interface Terminal {
  /** What a command reads where it is told to (`-`); nothing where absent. */
  readonly stdin?: Readable;
  /** Results. */
  readonly stdout: Writable;
  /** Progress, notes and errors. */
  readonly stderr: Writable & { readonly isTTY?: boolean; readonly columns?: number; readonly rows?: number };
  /** Aborted when the user interrupts, with `Interrupted` as its reason. */
  readonly signal: AbortSignal;
}

/** Writes a result, ending it with a line break. */
export function print(terminal: Terminal, text: string): void {
  const shown = printable(text);
  terminal.stdout.write(shown.endsWith("\n") ? shown : `${shown}\n`);
}

/** Writes a machine-readable result; what a terminal could take for a command is escaped, as JSON allows. */
export function printJson(terminal: Terminal, value: unknown): void {
  const text = JSON.stringify(value, null, 2);
  terminal.stdout.write(
    `${text.replace(UNPRINTABLE, (character) => `\\u${hex(character).padStart(4, "0")}`)}\n`,
  );
}

/** Writes a line that is not part of the result, unless the user asked for quiet. */
export function note(terminal: Terminal, text: string, { quiet = false } = {}): void {
  if (!quiet) terminal.stderr.write(`${printable(text)}\n`);
}

/**
 * Control characters but line breaks and tabs, and characters that turn the direction of writing: names of files may
 * hold them, and a terminal obeys them.
 */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
const UNPRINTABLE = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** The text with `\x1b` and the like in place of characters that a terminal would obey. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, (character) =>
    character <= "\xff" ? `\\x${hex(character).padStart(2, "0")}` : `\\u${hex(character).padStart(4, "0")}`,
  );
}

function hex(character: string): string {
  return character.charCodeAt(0).toString(16);
}
