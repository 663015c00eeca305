import { ImageError } from "../decode.js";
import type { SourceItem } from "../image-source.js";

/** Images of a source that are not among its items, for a reason that lies in its form; nothing is wrong with them. */
export interface LeftOut {
  /** The source's path. */
  readonly file: string;
  /** What they are: "rows without images". */
  readonly what: string;
  readonly count: number;
  /** How many of them have which ending, where they are entries of an archive. */
  readonly endings?: Readonly<Record<string, number>>;
}

/** An item that stands for something unreadable in a source, so that the rest can continue. */
export function brokenItem(
  name: string,
  reason: string,
  { where = name, cause }: { readonly where?: string; readonly cause?: unknown } = {},
): SourceItem {
  return { name, where, source: () => Promise.reject(new ImageError(where, reason, { cause })) };
}
