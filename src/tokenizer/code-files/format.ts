/** What a format is: how codes are written into its files, and read from them. `formats.ts` lists all. */
import type { JsonObject, StagedFiles } from "../../files/index.js";
import type { Codes } from "../codes.js";
import type { CodeContents, CodeKind } from "./contents.js";
import type { EntryCodes } from "./entry.js";

export interface Format {
  /** Whether a file of this name in a folder of codes can be one of this format. */
  readonly isFile: (name: string) => boolean;
  /** Whether its files hold tokens of a language model: `tokens` of the settings then says which. */
  readonly usesTokens: boolean;
  writer(context: FormatContext): FormatWriter;
  /** @param dir a folder with these files; the contents are what its manifest says */
  reader(dir: string, contents: CodeContents): Promise<FormatReader>;
  /** Its file without a folder; undefined where it needs one. */
  readonly standalone: StandaloneFile | undefined;
}

/** What the files of one format are written from. */
export interface FormatContext {
  readonly kind: CodeKind;
  readonly settings: JsonObject;
  /** Where the files grow. For a resumed writer they are as they were at a moment between two calls of `add`. */
  readonly files: StagedFiles;
  /** Entries that are in the files already. */
  readonly entries: number;
  /** Bytes of a tar shard at most, unless a single entry has more. */
  readonly shardBytes: number;
}

/**
 * Writes the files of one format, the same bytes however the entries come in batches. What it needs to resume later
 * follows from the files alone.
 */
export interface FormatWriter {
  /** Appends codes that were checked. */
  add(codes: Codes): Promise<void>;
  /** Entries, the last ones added, that are not in the files yet. */
  readonly pending: number;
  /**
   * Completes the files.
   *
   * @returns the names of those that make up the result; all others were notes of the writer
   */
  complete(contents: Omit<CodeContents, "files">): Promise<readonly string[]>;
}

/** Reads the files of one format. What it yields need not be checked for its indices. */
export interface FormatReader {
  /** Every entry, in the order of writing. @throws VqkitError("format" | "file") */
  entries(): AsyncGenerator<EntryCodes, void, undefined>;
  /** One entry. @param index 0..entries-1 @throws as `entries` */
  entry(index: number): Promise<EntryCodes>;
}

/** A file that says itself what it holds. */
export interface StandaloneFile {
  /** What people call it. */
  readonly called: string;
  /** @param start the first bytes of the file, 8 where it has as many */
  isOne(start: Uint8Array, path: string): boolean;
  /** @throws VqkitError("format" | "file") */
  open(path: string): Promise<FormatReader & { readonly contents: CodeContents }>;
}
