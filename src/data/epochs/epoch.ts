import type { ImageSource } from "../image-source.js";

/** One pass over the training images: which of them stands at which position, and how it is brought. */
export interface Epoch {
  /** From 0. */
  readonly number: number;
  /** Positions: as many as there are images. */
  readonly length: number;
  /** Number of the image at a position, 0..length-1, among all images of the source. */
  index(position: number): number;
  /**
   * How the image at a position is brought. Positions are asked for about in their order: what is far behind may have to be
   * read anew.
   */
  source(position: number): () => Promise<ImageSource>;
  /** After the last image that is wanted. */
  close(): Promise<void>;
}
