import type { Readable, Writable } from "node:stream";
import { coloursFor } from "./colour.js";
import { Failed } from "./errors.js";
import { isTerminal } from "./is-terminal.js";
import { inFlags } from "./option-names.js";

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

/** What became of results; a stream is written without waiting. */
const failures = new WeakMap<Writable, NodeJS.ErrnoException>();

/**
 * Sees to it that a stream that cannot be written ends nothing at once. A reader may leave early
 * (`vqkit quantizers | head -1`), and a terminal may close: what nobody reads is no failure, and what a command is doing
 * is worth more than its progress. For results see `printed`.
 */
export function watchStreams({ stdout, stderr }: Terminal): void {
  stderr.on("error", () => {});
  stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE" || (error.code === "EIO" && isTerminal(stdout))) return;
    if (!failures.has(stdout)) failures.set(stdout, error);
  });
}

/** Waits until the results so far are out. @throws Failed when they could not be written, to a full disk say */
export async function printed({ stdout }: Terminal): Promise<void> {
  // An error is told behind what runs now. A stream that stays broken would never answer.
  await new Promise((done) => setImmediate(done));
  if (!stdout.errored) await new Promise<void>((done) => stdout.write("", () => done()));
  const failure = failures.get(stdout);
  if (failure === undefined) return;
  const [reason] = failure.message.split(",");
  throw new Failed(
    `stdout: could not write the result (${reason}). Free some space there, or write elsewhere.`,
  );
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

/** Writes a line that is not part of the result, unless the user asked for quiet; options stand in it as flags. */
export function note(terminal: Terminal, text: string, { quiet = false } = {}): void {
  if (!quiet) terminal.stderr.write(`${printable(inFlags(text))}\n`);
}

/** Writes the one line that says what went wrong; its first word stands out where there are colours. */
export function noteFailure(terminal: Terminal, line: string): void {
  const { red, bold } = coloursFor(terminal.stderr);
  const text = printable(inFlags(line));
  terminal.stderr.write(`${text.replace(/^error:/, (word) => bold(red(word)))}\n`);
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
