import type { WorkerStatus } from "./worker-status.js";

/** What is known of a task's pieces and of who does them. */
export interface TaskState {
  readonly done: number;
  readonly failed: number;
  readonly total: number;
  readonly workers: readonly WorkerStatus[];
}

/** A piece that was given up, and why. */
export interface FailedPiece {
  readonly piece: number;
  readonly reason: string;
}
