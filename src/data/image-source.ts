import type { RawImage } from "./raw-image.js";

/** An image in a file (path), an image file in memory (`Buffer`, `Uint8Array`), or bare pixels. */
export type ImageSource = string | Uint8Array | RawImage;

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

/** The image of an item, and what errors about it are to call it. @throws ImageError for an item known to be broken */
export async function loadItem(item: SourceItem): Promise<{ source: ImageSource; where: string }> {
  const source = typeof item.source === "function" ? await item.source() : item.source;
  return { source, where: item.where ?? (typeof source === "string" ? source : item.name) };
}
