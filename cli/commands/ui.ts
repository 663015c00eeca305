import type { Command } from "commander";
import { noteDefect, serveUntilInterrupted } from "../serving.js";
import type { Terminal } from "../terminal.js";
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
    onError: noteDefect(terminal),
  });
  const count = server.runs === 1 ? "1 run" : `${server.runs} runs`;
  await serveUntilInterrupted(terminal, server, `Showing ${count}; new ones appear by themselves.`);
}
