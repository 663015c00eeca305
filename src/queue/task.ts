import { randomBytes } from "node:crypto";
import type { Redis } from "ioredis";
import { z } from "zod";
import { PREFIX } from "./connection.js";
import { taskKinds } from "./task-kind.js";

const digest = z.string().regex(/^[0-9a-f]{64}$/);

/** What stands in Redis about a piece of work that was cut up. It names no path: its folder follows from its id. */
export const taskSchema = z.strictObject({
  version: z.literal(1),
  /** The first 16 hexadecimal digits of the SHA-256 of all that it is to do. */
  id: z.string().regex(/^[0-9a-f]{16}$/),
  kind: z.enum(taskKinds),
  pieces: z.int().min(1),
  /** Of the model, or of the plan of trainings: a worker that has another takes no part. */
  fingerprint: digest,
  /** What the submitter's arithmetic makes of the probe. */
  probe: digest,
  allowMixed: z.boolean(),
  leaseSeconds: z.number().min(0.5).max(86_400),
  tries: z.int().min(1).max(100),
  /** Milliseconds since 1970: who came first is served first. */
  createdAt: z.number(),
});

export type Task = z.output<typeof taskSchema>;

/** What a job of the queue holds. */
export const jobSchema = z.strictObject({
  piece: z.int().min(0),
  /** How often a worker gave it back unfinished because it was told to end: those are no tries. */
  returned: z.int().min(0),
  /** Items that were done when its tries began to count: more of them, and they count anew. */
  done: z.int().min(0),
});

export type PieceJob = z.output<typeof jobSchema>;

/** What a worker left of a piece. */
export const pieceResultSchema = z.strictObject({
  /** Its folder, in the task's. */
  folder: z.string().regex(/^\d{6,}-[0-9a-f]{16}$/),
  /** SHA-256 of its piece.json. */
  digest,
  /** Items that were done: images, broken ones included, or steps. */
  items: z.int().min(0),
});

export type PieceResult = z.output<typeof pieceResultSchema>;

const TASKS = `${PREFIX}:tasks`;

/** The BullMQ queue of a task's pieces. */
export function queueName(id: string): string {
  return `task-${id}`;
}

/** The name of a new folder for an attempt at a piece. */
export function attemptName(piece: number, id = randomBytes(8).toString("hex")): string {
  return `${String(piece).padStart(6, "0")}-${id}`;
}

/** BullMQ keeps plain numbers for ids of its own. */
export function jobId(piece: number): string {
  return `piece-${piece}`;
}

export async function announceTask(redis: Redis, task: Task): Promise<void> {
  await redis.hset(TASKS, task.id, JSON.stringify(task));
}

export async function withdrawTask(redis: Redis, id: string): Promise<void> {
  await redis.hdel(TASKS, id);
}

/** All tasks, the oldest first. What is no task of this version is passed over. */
export async function readTasks(redis: Redis): Promise<Task[]> {
  const tasks: Task[] = [];
  for (const text of Object.values(await redis.hgetall(TASKS))) {
    const { data } = taskSchema.safeParse(jsonOf(text));
    if (data !== undefined) tasks.push(data);
  }
  return tasks.sort((a, b) => a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1));
}

/** A value of JSON; undefined for what is none. */
export function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
