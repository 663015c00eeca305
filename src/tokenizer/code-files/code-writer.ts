import type { JsonValue } from "../../runs/index.js";
import type { Codes } from "../codes.js";
import type { CodeManifest } from "./manifest.js";

/** How codes are laid out in their folder; docs/formats.md has each byte for byte. */
export type CodeFormat = "npy" | "jsonl" | "parquet" | "tar" | "packed";

/** Where in its source a run stands after a batch. */
export interface SourcePosition {
  /** Items of the source that are done, in its order: encoded or found broken. */
  readonly itemsDone: number;
  /** Of those, the broken ones. */
  readonly broken: number;
  /** A digest of the names of those items, by which the caller knows its source again. */
  readonly digest: string;
}

export interface CodeWriterOptions {
  /** Default "npy". */
  readonly format?: CodeFormat;
  /** Replace the codes that stand in the folder, finished or not: our own files only, others stay. Default false. */
  readonly overwrite?: boolean;
  /** Go on where an interrupted writer left the folder; where it left nothing, begin. Default false. */
  readonly resume?: boolean;
  /** How images became codes (size policy and so on). The manifest records it; a resumed run must have the same. */
  readonly settings?: Readonly<Record<string, JsonValue>>;
  /** Of the model that will make the codes; compared with an interrupted run's before anything is encoded. */
  readonly fingerprint?: string;
  /** Seconds between two saved positions at least, >= 0; default 5. */
  readonly saveEvery?: number;
}

/** Writes codes batch by batch in bounded memory; nothing that reads codes sees them before `finish`. */
export interface CodeWriter {
  readonly dir: string;
  readonly format: CodeFormat;
  /** Where an interrupted run got to: go on behind it. Undefined: begin at the first item. */
  readonly resumedAt: SourcePosition | undefined;
  /** Images written so far, those of the interrupted run included. */
  readonly images: number;
  /**
   * Appends a batch.
   *
   * @param position where the source stands behind this batch. A batch without one is no place to resume from: leave it
   * out where an item (a large image in tiles) continues in the next batch.
   */
  write(codes: Codes, position?: SourcePosition): Promise<void>;
  /** Completes the files and puts them into place, the manifest last. */
  finish(): Promise<CodeManifest>;
  /** Stops and leaves what was written to a later writer with `resume`. After `finish` there is nothing to do. */
  suspend(): Promise<void>;
  /** Gives up what was written; codes that stood in the folder stand. After `finish` there is nothing to do. */
  abort(): Promise<void>;
}
