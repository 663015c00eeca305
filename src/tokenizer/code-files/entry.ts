/** An entry of codes (an image, or a tile of one) as files have it: the fields of its image, and its indices. */
import { z } from "zod";
import { VqkitError } from "../../core/errors.js";
import { type CodedImage, type Codes, type IndexArray, indexArray } from "../codes.js";
import type { CodeKind } from "./contents.js";

/** The codes of one entry. */
export interface EntryCodes {
  readonly image: CodedImage;
  readonly gridHeight: number;
  readonly gridWidth: number;
  /** Row by row, [H, W, Q]. */
  readonly indices: IndexArray;
}

const whole = z.int().min(1);
const offset = z.int().min(0);

/** The fields of `CodedImage` as JSON files have them; each format adds its own. */
export const imageSchema = z.object({
  name: z.string().min(1),
  width: whole,
  height: whole,
  tile: z
    .object({ top: offset, left: offset, imageHeight: whole, imageWidth: whole, overlap: offset })
    .exactOptional(),
});

/** Fields of an image in the order in which files have them. */
export function imageFields({ name, width, height, tile }: CodedImage): CodedImage {
  if (tile === undefined) return { name, width, height };
  const { top, left, imageHeight, imageWidth, overlap } = tile;
  return { name, width, height, tile: { top, left, imageHeight, imageWidth, overlap } };
}

/** The entries of a batch; their indices are views, not copies. */
export function entriesOf({ images, indices, shape }: Codes): EntryCodes[] {
  const [, gridHeight, gridWidth, codebooks] = shape;
  const length = gridHeight * gridWidth * codebooks;
  return images.map((image, i) => ({
    image,
    gridHeight,
    gridWidth,
    indices: indices.subarray(i * length, (i + 1) * length),
  }));
}

/** How `.npy` files name the element type of `indexArray`. */
export function indexDtype(codebookSize: number): "U16" | "U32" {
  return codebookSize <= 65_536 ? "U16" : "U32";
}

/** Where indices stand, for messages, and what they are of. */
export interface IndexPlace extends Pick<CodeKind, "codebookSize" | "numCodebooks"> {
  /** Of the image. */
  readonly name: string;
  readonly gridWidth: number;
}

/** Indices that a file has as plain numbers. @throws VqkitError("format") naming one that the codebook does not have */
export function indicesFrom(values: ArrayLike<unknown>, place: IndexPlace): IndexArray {
  const indices = indexArray(place.codebookSize, values.length);
  for (let at = 0; at < indices.length; at++) {
    const value = values[at] as number;
    if (!(Number.isInteger(value) && value >= 0 && value < place.codebookSize)) {
      throw indexFault(value, at, place);
    }
    indices[at] = value;
  }
  return indices;
}

/** An index that the codebook does not have. @param at position among the entry's indices */
export function indexFault(
  value: unknown,
  at: number,
  { name, gridWidth, codebookSize, numCodebooks }: IndexPlace,
): VqkitError {
  const position = Math.floor(at / numCodebooks);
  return new VqkitError(
    "format",
    `image ${JSON.stringify(name)}, row ${Math.floor(position / gridWidth)}, column ${position % gridWidth}, codebook ${at % numCodebooks}: ` +
      `expected an index in 0..${codebookSize - 1}, got ${JSON.stringify(value)}.`,
  );
}
