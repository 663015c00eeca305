import { z } from "zod";
import type { QueueAddress } from "./address.js";

/** Where work is handed out, and how. */
export interface QueueOptions {
  readonly queue: QueueAddress;
  /** The folder that all machines see: what is worked on, and what workers leave, lies in it. Default: the current folder. */
  readonly shared?: string;
  /** A worker that is silent for so long loses its piece to another; default 30. */
  readonly leaseSeconds?: number;
  /** How often a piece is tried before it is given up; default 3. */
  readonly tries?: number;
  /** Whether workers take part whose arithmetic differs from the submitter's; default false. */
  readonly allowMixed?: boolean;
}

/** How pieces are handed out, of whatever kind. */
export const taskRules = {
  leaseSeconds: z.number().min(0.5).max(86_400).default(30),
  tries: z.int().min(1).max(100).default(3),
  allowMixed: z.boolean().default(false),
};
