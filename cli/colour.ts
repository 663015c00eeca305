import picocolors from "picocolors";
import { isTerminal } from "./is-terminal.js";

type Colours = ReturnType<typeof picocolors.createColors>;

/**
 * Colours for what is written to a stream: on a terminal, unless NO_COLOR is set (https://no-color.org); FORCE_COLOR asks
 * for them anywhere, and its 0 for none.
 */
export function coloursFor(stream: object, environment: NodeJS.ProcessEnv = process.env): Colours {
  return picocolors.createColors(hasColours(stream, environment));
}

/** Whether what is written to a stream is to have colours. */
export function hasColours(stream: object, environment: NodeJS.ProcessEnv = process.env): boolean {
  const { NO_COLOR, FORCE_COLOR, TERM } = environment;
  if (NO_COLOR) return false;
  if (FORCE_COLOR !== undefined) return FORCE_COLOR !== "0" && FORCE_COLOR !== "false";
  return isTerminal(stream) && TERM !== "dumb";
}
