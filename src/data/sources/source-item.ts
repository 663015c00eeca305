import { ImageError, type ImageSource } from "../decode.js";

/**
 * One image of a source, and what it is called. A source is any iterable of these in an order that does not change from
 * one reading to the next.
 */
export interface SourceItem {
  /** The name that its codes get. */
  readonly name: string;
  /** What errors call it; default the path where `source` is one, else `name`. */
  readonly where?: string;
  /**
   * The image, or a function that brings it when its turn has come; one that rejects with an `ImageError` makes the
   * item a broken one, any other error ends the reading.
   */
  readonly source: ImageSource | (() => Promise<ImageSource>);
}

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

/** The image of an item, and what errors about it are to call it. @throws ImageError for an item known to be broken */
export async function loadItem(item: SourceItem): Promise<{ source: ImageSource; where: string }> {
  const source = typeof item.source === "function" ? await item.source() : item.source;
  return { source, where: item.where ?? (typeof source === "string" ? source : item.name) };
}

/** An item that stands for something unreadable in a source, so that the rest can continue. */
export function brokenItem(
  name: string,
  reason: string,
  { where = name, cause }: { readonly where?: string; readonly cause?: unknown } = {},
): SourceItem {
  return { name, where, source: () => Promise.reject(new ImageError(where, reason, { cause })) };
}
