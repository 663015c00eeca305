import type { Redis } from "ioredis";
import { z } from "zod";
import { PREFIX } from "./connection.js";
import { jsonOf } from "./task.js";

const WORKERS = `${PREFIX}:workers`;

/** One that was silent for so long is not shown any more, and its entry goes. */
const SILENT_SECONDS = 60;

const statusSchema = z.object({
  id: z.string().max(200),
  host: z.string().max(200),
  pid: z.int(),
  /** Its task and piece; null while it waits. */
  task: z.string().nullable(),
  piece: z.int().nullable(),
  /** Items of that piece that are done. */
  items: z.int().min(0),
  /** Items that it has done since it started, and pieces. */
  allItems: z.int().min(0),
  allPieces: z.int().min(0),
  /** Tasks that it takes no part in, and why. */
  refused: z.record(z.string(), z.string()),
  /** Milliseconds since 1970. */
  startedAt: z.number(),
  at: z.number(),
});

/** What a worker says of itself. */
export type WorkerStatus = z.output<typeof statusSchema>;

export async function writeStatus(redis: Redis, status: WorkerStatus): Promise<void> {
  await redis.hset(WORKERS, status.id, JSON.stringify(status));
}

export async function removeStatus(redis: Redis, id: string): Promise<void> {
  await redis.hdel(WORKERS, id);
}

/** The workers that are there, in the order in which they started. */
export async function readStatuses(redis: Redis, now = Date.now()): Promise<WorkerStatus[]> {
  const found: WorkerStatus[] = [];
  for (const [id, text] of Object.entries(await redis.hgetall(WORKERS))) {
    const { data } = statusSchema.safeParse(jsonOf(text));
    if (data === undefined || now - data.at > 1000 * SILENT_SECONDS) await removeStatus(redis, id);
    else found.push(data);
  }
  return found.sort((a, b) => a.startedAt - b.startedAt || (a.id < b.id ? -1 : 1));
}
