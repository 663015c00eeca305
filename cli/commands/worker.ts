import type { Command } from "commander";
import type { Served, TaskKind, WorkerEvent } from "../../src/queue/index.js";
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
      "do what encode, compare and evaluate ask for with --queue, piece by piece; ends when it is told to",
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
  const tally = new Tally();
  const served = await serveQueue({
    queue,
    ...(shared === undefined ? {} : { shared }),
    models: flags.model ?? [],
    load: { ...engineOptions(flags), quantizerModules: quantizerModule },
    untilDone,
    signal: terminal.signal,
    onEvent: (event) => {
      tally.add(event);
      note(terminal, describe(event), { quiet });
    },
  });
  if (terminal.signal.aborted) throw new Interrupted(`Interrupted after ${tally.text(served)}.`);
  if (json) printJson(terminal, served);
  else print(terminal, `Done: ${tally.text(served)}.`);
  const [reason] = Object.values(served.refused);
  if (reason !== undefined) throw new Failed(reason);
}

/** What the items of a kind of work are. */
const UNITS: Readonly<Record<TaskKind, string>> = { encode: "image", compare: "step", evaluate: "crop" };

/** Items that were done, by what they are. */
class Tally {
  readonly #items = new Map<string, number>();

  add(event: WorkerEvent): void {
    if (event.type !== "piece") return;
    const unit = UNITS[event.kind];
    this.#items.set(unit, (this.#items.get(unit) ?? 0) + event.items);
  }

  /** `3 pieces with 5 images`, `4 pieces with 5 images and 200 steps`. */
  text({ pieces }: Served): string {
    const items = [...this.#items].map(([unit, count]) => many(count, unit));
    return `${many(pieces, "piece")} with ${items.length === 0 ? many(0, "image") : items.join(" and ")}`;
  }
}

function describe(event: WorkerEvent): string {
  switch (event.type) {
    case "task":
      return `task ${event.task}: takes part, ${many(event.pieces, "piece")}`;
    case "refused":
      return `task ${event.task}: takes no part. ${event.reason}`;
    case "piece":
      return `piece ${event.piece}: ${number(event.items)} ${UNITS[event.kind]}s, ${formatRate(event.items / event.seconds)}/s`;
    case "failed":
      return `piece ${event.piece}: failed. ${event.reason}`;
    case "lost":
      return `piece ${event.piece}: its lease ended before it did, so another worker does it`;
  }
}
