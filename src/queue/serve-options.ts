import type { LoadOptions } from "../tokenizer/index.js";
import type { QueueAddress } from "./address.js";
import type { TaskKind } from "./task-kind.js";

/** What a worker tells as it goes. */
export type WorkerEvent =
  | { readonly type: "task"; readonly task: string; readonly kind: TaskKind; readonly pieces: number }
  | { readonly type: "refused"; readonly task: string; readonly reason: string }
  | {
      readonly type: "piece";
      readonly task: string;
      readonly kind: TaskKind;
      readonly piece: number;
      /** Images, or steps of a training. */
      readonly items: number;
      readonly seconds: number;
    }
  | { readonly type: "failed"; readonly task: string; readonly piece: number; readonly reason: string }
  /** Its lease ended first: another worker does the piece, and what this one wrote is gone. */
  | { readonly type: "lost"; readonly task: string; readonly piece: number };

export interface ServeOptions {
  readonly queue: QueueAddress;
  /** The folder that all machines see. Default: the current folder. */
  readonly shared?: string;
  /** Models that it has beside those in the shared folder: run folders or model files. */
  readonly models?: readonly string[];
  /**
   * How models are loaded. `workers: 0` computes on the calling thread, which can then renew no lease meanwhile. Trainings
   * take engine and device from their configuration, and `threads` from the submitter unless machines may differ.
   */
  readonly load?: LoadOptions;
  /** Whether to end when every task is done, instead of waiting for the next one; default false. */
  readonly untilDone?: boolean;
  readonly onEvent?: (event: WorkerEvent) => void;
  /** Ends it: the piece under way goes back to the queue. */
  readonly signal?: AbortSignal;
}

/** What a worker did. */
export interface Served {
  readonly pieces: number;
  /** Images, and steps of trainings. */
  readonly items: number;
  /** Tasks that it took no part in, and why. */
  readonly refused: Readonly<Record<string, string>>;
}
