import type { PieceResult } from "./task.js";

/** What a worker can do of a piece: to end, and to tell how far it is. */
export interface PieceProgress {
  readonly signal: AbortSignal;
  onItems(items: number): void;
}

/** A worker's part in a task. */
export interface TaskWork {
  /** Items of a piece that earlier attempts have left for the next to continue from: with more of them, tries count anew. */
  doneOf(piece: number): Promise<number>;
  /** Does a piece. What it leaves counts only once the queue has taken its result. */
  do(piece: number, progress: PieceProgress): Promise<PieceResult>;
  /** Removes what it left of a piece whose result was not taken. */
  drop(result: PieceResult): Promise<void>;
}
