import { totalmem } from "node:os";
import { ConfigError } from "./errors.js";

/**
 * A size for images that is hardly meant: they would be enlarged more than twice, or the machine has too little memory.
 * Whoever means it says so by the option `allowOversize`.
 */
export class OversizeError extends ConfigError {
  /** How many times as long the images' sides would become; null where that is no concern. */
  readonly enlargement: number | null;
  /** Bytes of memory that are needed at least; null where that is no concern. */
  readonly bytesNeeded: number | null;

  /** @param path the option that gives the size @param text what is wrong; sentences */
  constructor(
    path: string,
    text: string,
    { enlargement, bytesNeeded }: Pick<OversizeError, "enlargement" | "bytesNeeded">,
  ) {
    super(path, `${text} Choose a smaller size, or confirm this one (option allowOversize).`);
    this.enlargement = enlargement;
    this.bytesNeeded = bytesNeeded;
  }
}

/** What is computed at once, and the memory for it. */
export interface MemoryNeed {
  /** e.g. `a training step with 16 crops of 64×64` */
  readonly what: string;
  /** Bytes that it takes at least. */
  readonly bytes: number;
  /** Bytes that there are. */
  readonly memory: number;
}

/** A sentence without its full stop; undefined where memory suffices. */
export function memoryFault({ what, bytes, memory }: MemoryNeed): string | undefined {
  if (bytes <= memory) return undefined;
  return `${what} takes at least ${gigabytes(bytes)} of memory, and the machine has ${gigabytes(memory)}`;
}

/** Bytes of memory of this machine, or of what part of it the process may take (a container's). */
export function machineMemory(): number {
  const limit = process.constrainedMemory?.() ?? 0;
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem();
}

/** `13.7 GB`, `255 GB` */
function gigabytes(bytes: number): string {
  const value = bytes / 1e9;
  return `${value < 100 ? value.toFixed(1) : Math.round(value).toLocaleString("en-US")} GB`;
}
