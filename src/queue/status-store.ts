import type { Redis } from "ioredis";
import { PREFIX } from "./connection.js";
import { jsonOf } from "./task.js";
import { statusSchema, type WorkerStatus } from "./worker-status.js";

const WORKERS = `${PREFIX}:workers`;

/** One that was silent for so long is not shown any more, and its entry goes. */
const SILENT_SECONDS = 60;

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
