import type { Command } from "commander";
import { withoutUndefined } from "../src/core/objects.js";
import type { QueueAddress } from "../src/queue/index.js";
import { UsageError } from "./errors.js";
import type { FlagField } from "./run-flags.js";
import { integer, number } from "./values.js";

/** Values of the flags about a queue. */
export interface QueueFlags {
  readonly queue?: string;
  readonly shared?: string;
  readonly imagesPerPiece?: number;
  readonly tries?: number;
  readonly leaseSeconds?: number;
  readonly allowMixed?: boolean;
}

/** Those that mean nothing without a queue, and the fields that they set. */
const SUBMISSION_FIELDS: readonly FlagField[] = [
  { flag: "--images-per-piece <n>", field: "imagesPerPiece" },
  { flag: "--tries <n>", field: "tries" },
  { flag: "--lease-seconds <n>", field: "leaseSeconds" },
];

export const QUEUE_FIELDS: readonly FlagField[] = [
  { flag: "--queue <url>", field: "queue" },
  { flag: "--shared <dir>", field: "shared" },
  ...SUBMISSION_FIELDS,
];

/** Stands for the password, so that it need not stand in a command line, which every user of a machine can read. */
const PASSWORD = "VQKIT_QUEUE_PASSWORD";

/** Declares where the queue is. */
export function addQueueFlags(command: Command, use: string): void {
  command
    .option(
      "--queue <url>",
      `${use}: redis://HOST or rediss://HOST (TLS), as rediss://USER@HOST:6380/1; ${PASSWORD} holds the password`,
    )
    .option("--shared <dir>", "folder that all machines see (default: the current folder)");
}

/** Declares how images are cut up for a queue. */
export function addPieceFlags(command: Command): void {
  command.option(
    "--images-per-piece <n>",
    "image files that a worker does at a time (default: 1000); a tar shard and a row group of Parquet are pieces",
    integer,
  );
}

/**
 * Declares how work is handed out on a queue.
 *
 * @param piece what a worker does at a time
 * @param differ what may differ where processors do
 */
export function addSubmissionFlags(command: Command, piece: string, differ: string): void {
  command
    .option("--tries <n>", `how often a ${piece} is tried before it is given up (default: 3)`, integer)
    .option("--lease-seconds <n>", `a worker silent for so long loses its ${piece} (default: 30)`, number)
    .option("--allow-mixed", `let workers take part whose processors round otherwise; ${differ}`);
}

/** Where the queue is; undefined without one. @throws UsageError for flags that mean nothing without it */
export function queueAddress(flags: QueueFlags): QueueAddress | undefined {
  if (flags.queue !== undefined) return addressOf(flags.queue);
  const odd = SUBMISSION_FIELDS.find(({ field }) => flags[field as keyof QueueFlags] !== undefined)?.flag;
  const given =
    odd ?? (flags.shared !== undefined ? "--shared" : flags.allowMixed ? "--allow-mixed" : undefined);
  if (given === undefined) return undefined;
  throw new UsageError(`${given.split(" ")[0]}: expected --queue with it, got none. Give both or none.`);
}

/** What the flags say of how work is handed out, by the names that options have. */
export function submissionOptions(flags: QueueFlags) {
  const { shared, tries, leaseSeconds, allowMixed } = flags;
  return withoutUndefined({ shared, tries, leaseSeconds, allowMixed });
}

export function addressOf(url: string): QueueAddress {
  const password = process.env[PASSWORD];
  return { url, ...(password === undefined || password === "" ? {} : { password }) };
}
