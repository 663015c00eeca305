import { closest, distance } from "fastest-levenshtein";

/** ` Did you mean "vq"?` when a known name is near `given` (at most 40 % of its letters differ), else "". */
export function didYouMean(given: string, known: readonly string[]): string {
  if (known.length === 0) return "";
  const nearest = closest(given, known);
  const allowed = Math.max(1, Math.floor(0.4 * Math.max(given.length, nearest.length)));
  return distance(given, nearest) <= allowed ? ` Did you mean "${nearest}"?` : "";
}

/** `Unknown quantizer "vqq". Known: fsq, rotation, simvq, vq. Did you mean "vq"?` */
export function unknownName(what: string, given: string, known: readonly string[]): string {
  const sorted = [...known].sort();
  return `Unknown ${what} "${given}". Known: ${sorted.join(", ")}.${didYouMean(given, sorted)}`;
}
