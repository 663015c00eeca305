/** An entry of codes (an image, or a tile of one) as files have it: the fields of its image, and its indices. */
import { z } from "zod";
import { VqkitError } from "../../core/errors.js";
import type { JsonObject } from "../../files/index.js";
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
  label: offset.exactOptional(),
  view: offset.exactOptional(),
  tile: z
    .object({ top: offset, left: offset, imageHeight: whole, imageWidth: whole, overlap: offset })
    .exactOptional(),
});

/** Fields of an image in the order in which files have them. */
export function imageFields({ name, width, height, label, view, tile }: CodedImage): CodedImage {
  const fields = {
    ...{ name, width, height },
    ...(label === undefined ? {} : { label }),
    ...(view === undefined ? {} : { view }),
  };
  if (tile === undefined) return fields;
  const { top, left, imageHeight, imageWidth, overlap } = tile;
  return { ...fields, tile: { top, left, imageHeight, imageWidth, overlap } };
}

/** Which fields of an image beyond those of every one a folder of codes has. */
export interface ImageExtras {
  readonly label: boolean;
  readonly view: boolean;
}

/** What settings say of it: `classes` is the list that labels are of, `views` which views there are. */
export function imageExtras({ classes, views }: JsonObject): ImageExtras {
  return { label: classes !== undefined, view: views !== undefined };
}

/**
 * Checks that an image has no more than its folder says, so that every file can say so at its beginning.
 *
 * @throws VqkitError("codes")
 */
export function checkExtras({ name, label, view }: CodedImage, settings: JsonObject): void {
  const { classes = [], views } = settings;
  if (label !== undefined && !(Array.isArray(classes) && label < classes.length)) {
    throw new VqkitError(
      "codes",
      `image ${JSON.stringify(name)}, label ${label}: expected a class of the list that the codes are written with (option classes), got none there.`,
    );
  }
  if (view === undefined || views !== undefined) return;
  throw new VqkitError(
    "codes",
    `image ${JSON.stringify(name)}, view ${view}: expected settings that say which views there are (settings.views), got none.`,
  );
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
