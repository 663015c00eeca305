import type { Command } from "commander";
import { note, print, printed, type Terminal } from "../terminal.js";
import { integer } from "../values.js";

interface Flags {
  readonly port?: number;
}

export function addUi(program: Command, terminal: Terminal): void {
  program
    .command("ui")
    .description("show runs in the browser, also while they train: a page on this machine only, read-only")
    .argument("<runs...>", "run folders, or folders that hold some")
    .option("--port <n>", "port of 127.0.0.1, 0 for any free one (default: 6160)", integer)
    .action((folders: readonly string[], flags: Flags) => serve(terminal, folders, flags));
}

async function serve(terminal: Terminal, folders: readonly string[], { port }: Flags): Promise<void> {
  const { serveRuns } = await import("../../src/ui/index.js");
  const server = await serveRuns({
    folders,
    ...(port === undefined ? {} : { port }),
    onError: (error) => note(terminal, `A page failed: ${error instanceof Error ? error.stack : error}`),
  });
  try {
    print(terminal, server.url);
    await printed(terminal); // who cannot be told the address cannot use it
    const count = server.runs === 1 ? "1 run" : `${server.runs} runs`;
    note(terminal, `Showing ${count}; new ones appear by themselves. Ctrl-C ends it.`);
    await interruption(terminal.signal);
  } finally {
    await server.close();
  }
}

/** An interruption is how this command ends, not a failure of it. */
function interruption(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
