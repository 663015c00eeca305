import { readFileSync } from "node:fs";
import fc from "fast-check";
import { isTyped, type Target } from "./targets.js";

/** A case may take as long, in milliseconds. */
export const MAX_MILLISECONDS = 1000;
/**
 * Bytes that a case may take besides twice its file: the garbage of a parse, which is not collected at once, and a table
 * of usage counts, which is as long as the codebook up to 2^24 codes (128 MB).
 */
export const MAX_BYTES_BESIDES = 192 * 2 ** 20;

export interface FuzzOptions {
  readonly cases: number;
  readonly seed: number;
  /** Told before each case; a watchdog in another thread reads it. */
  readonly onCase?: () => void;
  /** Look for a smaller file that fails as well; default true. */
  readonly shrink?: boolean;
}

export interface FuzzResult {
  readonly cases: number;
  /** Cases that a parser took for right. */
  readonly read: number;
  readonly slowest: number;
  readonly largestGrowth: number;
}

/** Reads `cases` files; on a failure fast-check reports the seed and the smallest file that still shows it. */
export async function fuzz(
  target: Target,
  { cases, seed, onCase, shrink = true }: FuzzOptions,
): Promise<FuzzResult> {
  let [count, read, slowest, largestGrowth] = [0, 0, 0, 0];
  await fc.assert(
    fc.asyncProperty(target.cases, async (bytes) => {
      onCase?.();
      count++;
      let outcome = await readCase(target, bytes);
      // A loaded machine is no fault of the parser: a slow one is slow again.
      if (outcome.milliseconds > MAX_MILLISECONDS) outcome = await readCase(target, bytes);
      if (outcome.read) read++;
      slowest = Math.max(slowest, outcome.milliseconds);
      largestGrowth = Math.max(largestGrowth, outcome.growth);
      if (outcome.milliseconds > MAX_MILLISECONDS) throw new Error(`${outcome.milliseconds} ms`);
      if (outcome.growth > 2 * bytes.length + MAX_BYTES_BESIDES) {
        throw new Error(`${outcome.growth} bytes for a file of ${bytes.length}`);
      }
      checkPrototype();
    }),
    { numRuns: cases, seed, endOnFailure: !shrink },
  );
  return { cases: count, read, slowest, largestGrowth };
}

async function readCase(
  target: Target,
  bytes: Uint8Array,
): Promise<{ read: boolean; milliseconds: number; growth: number }> {
  const before = peakMemory();
  const start = performance.now();
  let read = true;
  try {
    await ended(target.read(bytes));
  } catch (error) {
    if (!isTyped(error)) throw error;
    if (/\n/.test((error as Error).message)) throw new Error("a message of several lines", { cause: error });
    read = false;
  }
  return { read, milliseconds: performance.now() - start, growth: peakMemory() - before };
}

/** A promise that nobody settles would never fail a test by itself. A loop without end is the watchdog's affair. */
async function ended(reading: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const never = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error("a read that does not end")), 5 * MAX_MILLISECONDS);
  });
  await Promise.race([reading, never]).finally(() => clearTimeout(timer));
}

/**
 * The largest extent that the process's address space has had, so that memory counts which was asked for and given back,
 * or never touched. Where the system does not tell, what is held now.
 */
function peakMemory(): number {
  try {
    const [, kilobytes] = /^VmPeak:\s+(\d+) kB$/m.exec(readFileSync("/proc/self/status", "latin1")) ?? [];
    if (kilobytes !== undefined) return 1024 * Number(kilobytes);
  } catch {
    // no Linux
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** What every object shares has only what it had. */
function checkPrototype(): void {
  const [added] = Object.keys(Object.prototype);
  if (added !== undefined) throw new Error(`Object.prototype.${added} was set`);
}
