import { createHash } from "node:crypto";
import { VqkitError } from "../core/errors.js";
import type { SourceItem } from "../data/index.js";
import type { SourceProgress } from "./codes.js";

/** Before the first item. */
export const NOTHING_READ: SourceProgress = { itemsDone: 0, itemsBroken: 0, itemsDigest: "" };

/** One item further. The digest is that of the digest before and the name, so that it needs no list of names. */
export function advanced(
  { itemsDone, itemsBroken, itemsDigest }: SourceProgress,
  name: string,
  broken: boolean,
): SourceProgress {
  return {
    itemsDone: itemsDone + 1,
    itemsBroken: itemsBroken + (broken ? 1 : 0),
    itemsDigest: createHash("sha256").update(`${itemsDigest}\n${name}`).digest("hex"),
  };
}

/**
 * The items of a source from a place on; those before it are drawn but not read.
 *
 * @param start how far the source has been read, or only how many items are to be skipped
 * @param onStart told the place, before the first item
 * @throws VqkitError("data") when the source has fewer items, or the items before are not those that were read
 */
export async function* itemsFrom(
  items: AsyncIterable<SourceItem> | Iterable<SourceItem>,
  start: SourceProgress | number,
  onStart: (progress: SourceProgress) => void,
): AsyncGenerator<SourceItem, void, undefined> {
  const skip = typeof start === "number" ? start : start.itemsDone;
  let passed = NOTHING_READ;
  if (skip === 0) onStart(passed);
  for await (const item of items) {
    if (passed.itemsDone === skip) {
      yield item;
      continue;
    }
    passed = advanced(passed, item.name, false);
    if (passed.itemsDone === skip) onStart(checked(passed, start));
  }
  if (passed.itemsDone < skip) {
    throw new VqkitError(
      "data",
      `images: expected at least the ${skip} that are done, got ${passed.itemsDone}. Give the same images as before.`,
    );
  }
}

function checked(passed: SourceProgress, start: SourceProgress | number): SourceProgress {
  if (typeof start === "number") return passed;
  if (passed.itemsDigest === start.itemsDigest) return start;
  throw new VqkitError(
    "data",
    `images: expected the first ${start.itemsDone} to be those that are done, got others or in another order. ` +
      "Give the same images as before.",
  );
}
