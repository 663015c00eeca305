import type { StoredTensor, TensorDtype } from "./tensor-data.js";

/** What is known of an array before it is read. */
export interface TensorInfo {
  readonly dtype: TensorDtype;
  readonly shape: readonly number[];
}

/** Arrays by name in one or several files, of which each is read when it is asked for: memory holds one at a time. */
export interface TensorSource {
  /** The files, the one that names the others first. */
  readonly paths: readonly string[];
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  /** By name, what is there and is no array that can be read, and what it would need. */
  readonly unreadable: ReadonlyMap<string, string>;
  /**
   * One array, row-major, in memory of its own.
   *
   * @throws VqkitError("format") for a name that is not in `tensors`, or a file that has become another; VqkitError("file")
   */
  read(name: string): Promise<StoredTensor>;
  /** Closes the files. */
  close(): Promise<void>;
}
