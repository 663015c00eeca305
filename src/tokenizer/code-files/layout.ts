import { VqkitError } from "../../core/errors.js";
import type { JsonObject, StagedFiles } from "../../files/index.js";
import type { CodedImage, Codes, IndexArray } from "../codes.js";
import type { CodeKind, CodeManifest } from "./manifest.js";

/** The codes of one entry: of an image, or of a tile of one. */
export interface EntryCodes {
  readonly image: CodedImage;
  readonly gridHeight: number;
  readonly gridWidth: number;
  /** Row by row, [H, W, Q]. */
  readonly indices: IndexArray;
}

/** [H, W, Q] of one entry. */
export type GridShape = readonly [gridHeight: number, gridWidth: number, numCodebooks: number];

/** An index that the codebook does not have. @param at position among the entry's indices */
export function indexFault(
  value: unknown,
  { name, at, shape, codebookSize }: { name: string; at: number; shape: GridShape; codebookSize: number },
): VqkitError {
  const [, width, codebooks] = shape;
  const position = Math.floor(at / codebooks);
  return new VqkitError(
    "format",
    `image ${JSON.stringify(name)}, row ${Math.floor(position / width)}, column ${position % width}, codebook ${at % codebooks}: ` +
      `expected an index in 0..${codebookSize - 1}, got ${JSON.stringify(value)}.`,
  );
}

/** What the files of one format are written from. */
export interface LayoutContext {
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
 * Writes the files of one format, the same bytes however the entries come in batches. What it needs to go on later
 * follows from the files alone.
 */
export interface LayoutWriter {
  /** Appends codes that were checked. */
  add(codes: Codes): Promise<void>;
  /** Entries, the last ones added, that are not in the files yet. */
  readonly pending: number;
  /**
   * Completes the files.
   *
   * @param manifest without its list of files
   * @returns the names of those that make up the result; all others were notes of the writer
   */
  complete(manifest: Omit<CodeManifest, "files">): Promise<readonly string[]>;
}

/** Reads the files of one format. What it yields need not be checked for its indices. */
export interface LayoutReader {
  /** Every entry, in the order of writing. @throws VqkitError("format" | "file") */
  entries(): AsyncGenerator<EntryCodes, void, undefined>;
  /** One entry. @param index 0..entries-1 @throws as `entries` */
  entry(index: number): Promise<EntryCodes>;
}

/** One format. */
export interface Layout {
  writer(context: LayoutContext): Promise<LayoutWriter>;
  /** @param dir a folder with these files; the manifest is that of the folder */
  reader(dir: string, manifest: CodeManifest): Promise<LayoutReader>;
}
