import type { BrokenImage, FindOptions, ImageNote } from "../data/index.js";
import type { SourceProgress } from "./codes.js";
import type { EncodeOptions } from "./encode-options.js";

/** Options of any call that computes. */
export interface CallOptions {
  /**
   * Ends the call at once, with the signal's reason: what waits is not computed any more, and the result of what is being
   * computed is dropped.
   */
  readonly signal?: AbortSignal;
}

/** Options of one call: how images become pixels, and who is told of how they were read. */
export interface EncodeCallOptions extends EncodeOptions, CallOptions {
  /** Told what a person should know of how an image was read: of what was left out, or was missing. */
  readonly onNote?: (note: ImageNote) => void;
}

export interface EncodeAllOptions extends EncodeCallOptions, Pick<FindOptions, "onPassedOver" | "outputs"> {
  /** Told of each image that cannot be read, which is then skipped; where absent, it is thrown. */
  readonly onBroken?: (broken: BrokenImage) => void;
  /**
   * Where to begin: a batch that an earlier call yielded for the same images and options, or how many items of the
   * source to skip. The batches from there on are those that the earlier call would have yielded.
   */
  readonly start?: SourceProgress | number;
  /** Whether there may be no readable image, which is an error otherwise: of a part of a larger set. Default false. */
  readonly mayBeEmpty?: boolean;
  /** The column of Parquet files that holds the images; where absent it is found out. */
  readonly column?: string;
}
