import type { Command } from "commander";
import type { Served, WorkerEvent } from "../../src/queue/index.js";
import { loadQuantizerModules } from "../config-file.js";
import { many, number } from "../count-text.js";
import { addModelFlags, type ModelFlags, requireFlag } from "../declare-flags.js";
import { engineOptions } from "../engine-options.js";
import { Failed, Interrupted } from "../errors.js";
import { namingFlags } from "../gather-config.js";
import { formatRate } from "../progress.js";
import { addQueueFlags, addressOf, QUEUE_FIELDS } from "../queue-flags.js";
import { note, print, printJson, type Terminal } from "../terminal.js";
import { repeated } from "../values.js";

interface Flags extends ModelFlags {
  readonly queue?: string;
  readonly shared?: string;
  readonly model?: readonly string[];
  readonly untilDone?: boolean;
}

export function addWorker(program: Command, terminal: Terminal): void {
  const command = program
    .command("worker")
    .description(
      "do the pieces of what others put on a queue, such as encode --queue; ends when it is told to",
    );
  addQueueFlags(command, "where the work is (required)");
  command
    .option(
      "--model <path>",
      "run folder or model.safetensors that it has, beside those in the shared folder; repeatable",
      repeated,
    )
    .option("--until-done", "end when everything on the queue is done");
  addModelFlags(command);
  command.action((flags: Flags) => namingFlags(flags, QUEUE_FIELDS, () => serve(terminal, flags)));
}

async function serve(terminal: Terminal, flags: Flags): Promise<void> {
  const queue = addressOf(requireFlag(flags.queue, ["--queue <url>", "where the work is"]));
  const { quiet = false, json = false, shared, untilDone = false, quantizerModule = [] } = flags;
  const { serveQueue } = await import("../../src/queue/index.js");
  await loadQuantizerModules(quantizerModule);
  const served = await serveQueue({
    queue,
    ...(shared === undefined ? {} : { shared }),
    models: flags.model ?? [],
    load: { ...engineOptions(flags), quantizerModules: quantizerModule },
    untilDone,
    signal: terminal.signal,
    onEvent: (event) => note(terminal, describe(event), { quiet }),
  });
  if (terminal.signal.aborted) throw new Interrupted(`Interrupted after ${summary(served)}.`);
  if (json) printJson(terminal, served);
  else print(terminal, `Done: ${summary(served)}.`);
  const [reason] = Object.values(served.refused);
  if (reason !== undefined) throw new Failed(reason);
}

function summary({ pieces, items }: Served): string {
  return `${many(pieces, "piece")} with ${many(items, "image")}`;
}

function describe(event: WorkerEvent): string {
  switch (event.type) {
    case "task":
      return `task ${event.task}: takes part, ${many(event.pieces, "piece")}`;
    case "refused":
      return `task ${event.task}: takes no part. ${event.reason}`;
    case "piece":
      return `piece ${event.piece}: ${number(event.items)} images, ${formatRate(event.items / event.seconds)}/s`;
    case "failed":
      return `piece ${event.piece}: failed. ${event.reason}`;
    case "lost":
      return `piece ${event.piece}: its lease ended before it did, so another worker does it`;
  }
}
