/** How a computation is ended, and whom it tells how far it is. */
export interface ComputingControl {
  readonly signal: AbortSignal;
  /** Told the items that are done. */
  onItems(items: number): void;
}
