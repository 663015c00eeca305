import { z } from "zod";

/** As it stands in Redis. */
export const statusSchema = z.object({
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
