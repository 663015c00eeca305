import type { LocalServer } from "../src/ui/index.js";
import { note, print, printed, type Terminal } from "./terminal.js";

/** Prints where a page is, and serves it until the user interrupts: that is how such a command ends, no failure of it. */
export async function serveUntilInterrupted(
  terminal: Terminal,
  server: LocalServer,
  text: string,
): Promise<void> {
  try {
    print(terminal, server.url);
    await printed(terminal); // who cannot be told the address cannot use it
    note(terminal, `${text} Ctrl-C ends it.`);
    await interruption(terminal.signal);
  } finally {
    await server.close();
  }
}

/** Tells of a page that fails by a defect of ours. */
export function noteDefect(terminal: Terminal): (error: unknown) => void {
  return (error) => note(terminal, `A page failed: ${error instanceof Error ? error.stack : error}`);
}

function interruption(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
