/** Decoded images, all of one size. Pixels are 8-bit RGB, row by row: shape [count, height, width, 3]. */
export interface ImageBatch {
  readonly pixels: Uint8Array;
  readonly count: number;
  readonly height: number;
  readonly width: number;
  /** The file each image came from, in order; an image cut into several crops names its file several times. */
  readonly files: readonly string[];
  /** Which part of a set that is cut up they are of, from 0; absent where it is not. */
  readonly part?: number;
}

/** A file that could not be decoded, or a folder that could not be read, and why. */
export interface BrokenImage {
  readonly file: string;
  readonly reason: string;
  /** Of a folder whose files nobody knows. */
  readonly isFolder?: true;
}

/** A file that was read, and what a person should know of how: what was left out of it, or what it lacked. */
export interface ImageNote {
  readonly file: string;
  /** Without a full stop. */
  readonly note: string;
}
