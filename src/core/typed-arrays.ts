import { VqkitError } from "./errors.js";

/** What a value is, for messages: the name of its class where it has one. */
export function typeName(value: unknown): string {
  if (value === undefined) return "nothing";
  if (typeof value !== "object" || value === null) return value === null ? "null" : typeof value;
  if (Array.isArray(value)) return "Array";
  return (value as { constructor?: { name?: string } }).constructor?.name || "object";
}

/** Whether a value is an array of bytes; `Buffer` is one. */
export function isBytes(value: unknown): value is Uint8Array | Uint8ClampedArray {
  return value instanceof Uint8Array || value instanceof Uint8ClampedArray;
}

/**
 * Checks that pixels are bytes: the numbers of another array would be taken for something else.
 *
 * @param where names the array, e.g. `originals.pixels`
 * @throws VqkitError("data")
 */
export function checkBytes(pixels: unknown, where: string): void {
  if (isBytes(pixels)) return;
  throw new VqkitError("data", `${where}: expected bytes (a Uint8Array), got ${typeName(pixels)}.`);
}

/** What `joinArrays` writes into: any typed array. */
interface Settable {
  set(values: ArrayLike<number>, offset: number): void;
}

/**
 * One array of several, in order; a copy.
 *
 * @param allocate makes the array for all of their values, e.g. `(length) => new Float32Array(length)`
 */
export function joinArrays<T extends Settable>(
  parts: readonly ArrayLike<number>[],
  allocate: (length: number) => T,
): T {
  const all = allocate(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
