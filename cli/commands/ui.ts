import type { Command } from "commander";
import type { QueueMonitor } from "../../src/queue/index.js";
import { namingFlags } from "../gather-config.js";
import { addressOf, QUEUE_FIELDS } from "../queue-flags.js";
import { noteDefect, serveUntilInterrupted } from "../serving.js";
import type { Terminal } from "../terminal.js";
import { integer } from "../values.js";

interface Flags {
  readonly port?: number;
  readonly queue?: string;
}

export function addUi(program: Command, terminal: Terminal): void {
  program
    .command("ui")
    .description("show runs in the browser, also while they train: a page on this machine only, read-only")
    .argument("<runs...>", "run folders, or folders that hold some")
    .option("--port <n>", "port of 127.0.0.1, 0 for any free one (default: 6160)", integer)
    .option(
      "--queue <url>",
      "show this queue's tasks and workers too, at /queue: redis://HOST or rediss://HOST",
    )
    .action((folders: readonly string[], flags: Flags) =>
      namingFlags(flags, QUEUE_FIELDS, () => serve(terminal, folders, flags)),
    );
}

async function serve(terminal: Terminal, folders: readonly string[], { port, queue }: Flags): Promise<void> {
  const { serveRuns } = await import("../../src/ui/index.js");
  const monitor = queue === undefined ? undefined : await openMonitor(queue, terminal.signal);
  try {
    const server = await serveRuns({
      folders,
      ...(port === undefined ? {} : { port }),
      ...(monitor === undefined ? {} : { queue: () => monitor.state() }),
      onError: noteDefect(terminal),
    });
    const count = server.runs === 1 ? "1 run" : `${server.runs} runs`;
    const more = monitor === undefined ? "" : ` The queue is at ${server.url.replace(/\/$/, "")}/queue.`;
    await serveUntilInterrupted(terminal, server, `Showing ${count}; new ones appear by themselves.${more}`);
  } finally {
    await monitor?.close();
  }
}

async function openMonitor(url: string, signal: AbortSignal): Promise<QueueMonitor> {
  const { QueueMonitor } = await import("../../src/queue/index.js");
  return QueueMonitor.open(addressOf(url), signal);
}
