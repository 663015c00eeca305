import { VqkitError } from "../../core/errors.js";
import type { JsonObject, StagedFiles } from "../../runs/index.js";
import type { CodedImage, Codes, IndexArray } from "../codes.js";
import type { CodeKind, CodeManifest } from "./manifest.js";

/** One image's codes. */
export interface ImageCodes {
  readonly image: CodedImage;
  readonly gridHeight: number;
  readonly gridWidth: number;
  /** Row by row, [H, W, Q]. */
  readonly indices: IndexArray;
}

/** [H, W, Q] of one image. */
export type GridShape = readonly [gridHeight: number, gridWidth: number, numCodebooks: number];

/** An index that the codebook does not have. @param at position in the image's indices */
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
  /** Where the files grow. For a resumed writer they are as they were at a moment when the writer was `settled`. */
  readonly files: StagedFiles;
  /** Images that are in the files already. */
  readonly images: number;
  /** Bytes of a tar shard at most, unless a single image has more. */
  readonly shardBytes: number;
}

/** Writes the files of one format. What it needs to go on later follows from the files alone. */
export interface LayoutWriter {
  /** Appends codes that were checked. */
  add(codes: Codes): Promise<void>;
  /** Whether everything added is in the files. */
  readonly settled: boolean;
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
  /** Every image, in the order of writing. @throws VqkitError("format" | "file") */
  images(): AsyncGenerator<ImageCodes, void, undefined>;
  /** One image. @param index 0..images-1 @throws as `images` */
  image(index: number): Promise<ImageCodes>;
}

/** One format. */
export interface Layout {
  writer(context: LayoutContext): Promise<LayoutWriter>;
  /** @param dir a folder with these files; the manifest is that of the folder */
  reader(dir: string, manifest: CodeManifest): Promise<LayoutReader>;
}
