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
