import type { JsonValue } from "../../files/index.js";
import type { Codes, EncodedBatch, SourceProgress } from "../codes.js";
import type { CodeFormat, CodeManifest } from "./manifest.js";

export interface CodeWriterOptions {
  /** Default "npy". */
  readonly format?: CodeFormat;
  /** Replace the codes that stand in the folder, finished or not: our own files only, others stay. Default false. */
  readonly overwrite?: boolean;
  /**
   * Go on where an interrupted writer left the folder; where it left nothing, begin; where the codes are finished, there
   * is nothing to write (`finished`). Default false.
   */
  readonly resume?: boolean;
  /** How images became codes (size policy and so on). The manifest records it; a resumed run must have the same. */
  readonly settings?: Readonly<Record<string, JsonValue>>;
  /** Of the model that will make the codes; where given, a resumed run is compared with it before anything is encoded. */
  readonly fingerprint?: string;
  /** Seconds between two saves of the progress at least, >= 0; default 5. */
  readonly saveEvery?: number;
  /** Bytes of a tar shard at most, unless a single entry has more; default 256 MB. */
  readonly shardBytes?: number;
}

/** Writes codes batch by batch in bounded memory; nothing that reads codes sees them before `finish`. */
export interface CodeWriter {
  readonly dir: string;
  readonly format: CodeFormat;
  /** How far an interrupted run had come: go on behind it. Undefined: begin at the first item. */
  readonly resumedAt: SourceProgress | undefined;
  /** Entries (images, or tiles of them) so far, those of the interrupted run included. */
  readonly entries: number;
  /** What was written, once it is complete: after `finish`, or because an earlier run had come to its end. */
  readonly finished: CodeManifest | undefined;
  /**
   * Appends a batch. One that says how far the source has been read (`EncodedBatch`) is a place to resume from.
   *
   * @throws VqkitError("codes") for codes of another model or that contradict themselves; VqkitError("file")
   */
  write(codes: Codes | EncodedBatch): Promise<void>;
  /**
   * Completes the files and puts them into place, the manifest last. What is finished already it returns as it is.
   *
   * @throws VqkitError("codes") when there are no codes, or fewer than an interrupted run had written
   */
  finish(): Promise<CodeManifest>;
  /**
   * Stops and leaves what was written to a later writer with `resume`. After `finish` there is nothing to do.
   *
   * @returns whether there is something to go on with: with format `parquet` not before the first row group is full
   */
  suspend(): Promise<boolean>;
  /** Gives up what was written; codes that stood in the folder stand. After `finish` there is nothing to do. */
  abort(): Promise<void>;
}
