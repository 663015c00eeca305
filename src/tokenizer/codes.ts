import { ShapeError, VqkitError } from "../core/errors.js";
import { joinArrays } from "../core/typed-arrays.js";

/** Whose codes an entry of `Codes` are. */
export interface CodedImage {
  /** The file, or what the caller called the image; all tiles of an image have its name. */
  readonly name: string;
  /** Pixels that count, from the top left of what the latent grid covers; the rest is padding, which `decode` cuts off. */
  readonly width: number;
  readonly height: number;
  /** Its class, as the place in a list of classes, from 0 (`withLabels`); absent for an image without one. */
  readonly label?: number;
  /** Which of several views of its image this is (`views` of `EncodeOptions`), from 0; absent for an image by itself. */
  readonly view?: number;
  /** Where this is one tile of a larger image (size policy `tile`); absent for a whole image. */
  readonly tile?: TilePlace;
}

/**
 * A tile's place in its image, in pixels. The tiles of an image follow one another in row-major order, and their places
 * follow from the image's size, the tile's size and the overlap (see tiles.ts).
 */
export interface TilePlace {
  /** The image's pixel that is the tile's top left one; multiples of the downsampling factor. */
  readonly top: number;
  readonly left: number;
  readonly imageHeight: number;
  readonly imageWidth: number;
  /** Pixels that neighbours share at least; a multiple of the downsampling factor, >= 0. */
  readonly overlap: number;
}

/** Indices as the tokenizer holds them: 16 bits where the codebook has at most 65,536 codes. */
export type IndexArray = Uint16Array<ArrayBuffer> | Uint32Array<ArrayBuffer>;

/**
 * [N, H, W, Q]: images, latent grid, codebooks. Never squeezed. Of a sequence [N, 1, L, Q]: the scales, one behind the
 * other, each row by row.
 */
export type CodesShape = readonly [images: number, height: number, width: number, codebooks: number];

/** Images as integers. Plain data: it survives `structuredClone`, and no tensor is in it. */
export interface Codes {
  /** Row by row, shape `shape`, each in 0..codebookSize-1. */
  readonly indices: IndexArray;
  readonly shape: CodesShape;
  /** K. */
  readonly codebookSize: number;
  /** One entry an image: N of them. */
  readonly images: readonly CodedImage[];
  /** `Tokenizer.fingerprint` of the model that made the codes; no other model can decode them. */
  readonly fingerprint: string;
  /**
   * Where the codes of an image are a sequence and no grid (kind `multi-scale`): the sides of its square grids in their
   * order. Their squares add up to W of the shape, and the last one is the side of the latent grid.
   */
  readonly scales?: readonly number[];
}

/** Codes of an image that are a sequence: Σ s². */
export function sequenceLength(scales: readonly number[]): number {
  return scales.reduce((sum, side) => sum + side ** 2, 0);
}

/** `scales` of what has them, to be spread. */
export function scalesOf({ scales }: { readonly scales?: readonly number[] | undefined }): {
  readonly scales?: readonly number[];
} {
  return scales === undefined ? {} : { scales };
}

/** Pixels that codes cover: the sides of their latent grid times the downsampling factor. */
export function pixelsCovered(
  { shape: [, height, width], scales }: Pick<Codes, "shape" | "scales">,
  factor: number,
): { readonly height: number; readonly width: number } {
  const side = scales?.at(-1);
  return { height: (side ?? height) * factor, width: (side ?? width) * factor };
}

/** How far a source has been read: enough to resume there. Plain data. */
export interface SourceProgress {
  /** Items of the source that are done: encoded, or skipped because they are broken. */
  readonly itemsDone: number;
  /** Those among them that were broken. */
  readonly itemsBroken: number;
  /** Of the names of all items done, in order: shows a changed source when encoding resumes. 64 hexadecimal digits. */
  readonly itemsDigest: string;
}

/** What `encodeAll` yields: the codes of whole images (all tiles of each), and how far the source has been read. */
export interface EncodedBatch extends Codes, SourceProgress {}

/** What `decode` takes: `Codes`, or indices from elsewhere, such as a generative model. */
export interface CodesInput {
  /** Row by row, shape `shape`. */
  readonly indices: ArrayLike<number>;
  readonly shape: readonly number[];
  /** Where absent, each image fills its latent grid. */
  readonly images?: readonly CodedImage[];
  /** Where absent, the caller vouches that the indices are this model's. */
  readonly fingerprint?: string;
}

/** Whether an entry of codes is an image, or the first tile or view of one: as many as there are images. */
export function beginsImage({ tile, view = 0 }: CodedImage): boolean {
  return view === 0 && (tile === undefined || (tile.top === 0 && tile.left === 0));
}

/** Of codes that are a sequence the last scale alone, as the grid that it is; others as they are. */
export function finestGrid(codes: Pick<Codes, "indices" | "shape" | "scales">): {
  readonly indices: IndexArray;
  readonly shape: CodesShape;
} {
  const { indices, shape, scales } = codes;
  const side = scales?.at(-1);
  if (side === undefined) return { indices, shape };
  const [count, , length, codebooks] = shape;
  const kept = side ** 2 * codebooks;
  const parts = Array.from({ length: count }, (_, i) =>
    indices.subarray((i + 1) * length * codebooks - kept, (i + 1) * length * codebooks),
  );
  const finest =
    indices instanceof Uint16Array ? new Uint16Array(count * kept) : new Uint32Array(count * kept);
  for (const [i, part] of parts.entries()) finest.set(part, i * kept);
  return { indices: finest, shape: [count, side, side, codebooks] };
}

/** An array for `length` indices of a codebook of `codebookSize` codes. */
export function indexArray(codebookSize: number, length: number): IndexArray {
  return codebookSize <= 65_536 ? new Uint16Array(length) : new Uint32Array(length);
}

/**
 * The codes of images `start` to `end` - 1; the indices are a view, not a copy.
 *
 * @throws RangeError outside 0..N, or where there would be no image
 */
export function sliceCodes(codes: Codes, start: number, end = codes.shape[0]): Codes {
  const [count, height, width, codebooks] = codes.shape;
  if (!Number.isInteger(start) || !Number.isInteger(end) || start < 0 || end > count || start >= end) {
    throw new RangeError(`codes: expected images within 0..${count}, got ${start} to ${end}.`);
  }
  const length = height * width * codebooks;
  const { codebookSize, fingerprint } = codes;
  return {
    codebookSize,
    fingerprint,
    indices: codes.indices.subarray(start * length, end * length),
    shape: [end - start, height, width, codebooks],
    images: codes.images.slice(start, end),
    ...scalesOf(codes),
  };
}

/**
 * One `Codes` of several, in order; copies.
 *
 * @param parts at least one
 * @throws VqkitError("codes") as `checkSameGrid`
 */
export function concatCodes(parts: readonly Codes[]): Codes {
  const first = parts[0];
  if (first === undefined) throw new VqkitError("codes", "codes: expected at least one part, got none.");
  for (const part of parts) checkSameGrid(first, part);
  const all = parts.map(({ indices }) => indices);
  const indices = joinArrays(all, (length) => indexArray(first.codebookSize, length));
  const images = parts.flatMap((part) => part.images);
  const { codebookSize, fingerprint } = first;
  const [, height, width, codebooks] = first.shape;
  const shape: CodesShape = [images.length, height, width, codebooks];
  return { codebookSize, fingerprint, indices, images, shape, ...scalesOf(first) };
}

/** @throws VqkitError("codes") when two codes differ in their latent grids or models; it names an image of each */
export function checkSameGrid(a: Codes, b: Codes): void {
  if (a.fingerprint !== b.fingerprint) throw otherModel(a.fingerprint, b.fingerprint);
  const gridOf = ({ shape: [, height, width] }: Codes): string => `${height}×${width}`;
  if (gridOf(a) === gridOf(b)) return;
  throw new VqkitError(
    "codes",
    `codes: expected one latent grid, got ${gridOf(a)} for ${nameOf(a)} and ${gridOf(b)} for ${nameOf(b)}. ` +
      "Give every image one size (option size), or use encodeAll, which takes any.",
  );
}

/** Codes of one model came where those of another were due. */
export function otherModel(expected: string, got: string): VqkitError {
  return new VqkitError(
    "codes",
    `codes: expected those of model ${short(expected)}, got those of model ${short(got)}. Load the model that made them.`,
  );
}

/** What codes must agree with before a model decodes them. */
export interface CodesModel {
  readonly codebookSize: number;
  readonly numCodebooks: number;
  readonly downsamplingFactor: number;
  readonly fingerprint: string;
  /** Of a model whose codes are a sequence. */
  readonly scales?: readonly number[] | undefined;
}

/**
 * Checks codes against a model and returns them complete, as copies.
 *
 * @throws ShapeError for a shape that is not [N,H,W,Q]; VqkitError("codes") for codes of another model, an index out of
 * range, or images that do not fit the grid
 */
export function checkCodes(codes: CodesInput, model: CodesModel): Codes {
  const { codebookSize, fingerprint } = model;
  if (codes.fingerprint !== undefined && codes.fingerprint !== fingerprint) {
    throw otherModel(fingerprint, codes.fingerprint);
  }
  const shape = checkShape(codes, model);
  const indices = indexArray(codebookSize, codes.indices.length);
  for (let i = 0; i < indices.length; i++) {
    const index = codes.indices[i] as number;
    if (!Number.isInteger(index) || index < 0 || index >= codebookSize) {
      throw new VqkitError(
        "codes",
        `codes.indices[${i}]: expected an integer in 0..${codebookSize - 1}, got ${index}.`,
      );
    }
    indices[i] = index;
  }
  const images = checkImages(codes, shape, model);
  return { indices, shape, codebookSize, images, fingerprint, ...scalesOf(model) };
}

/** A fingerprint for messages. */
function short(fingerprint: string): string {
  return fingerprint.slice(0, 12);
}

function checkShape({ shape, indices }: CodesInput, { numCodebooks, scales }: CodesModel): CodesShape {
  const [count = 0, height = 0, width = 0, codebooks] = shape;
  const whole = shape.length === 4 && shape.every((side) => Number.isSafeInteger(side) && side >= 1);
  const length = scales === undefined ? undefined : sequenceLength(scales);
  if (!whole || codebooks !== numCodebooks || (length !== undefined && (height !== 1 || width !== length))) {
    const grid = length === undefined ? "H,W" : `1,${length}`;
    throw new ShapeError("codes.shape", `[N,${grid},${numCodebooks}]`, shape);
  }
  if (indices.length !== count * height * width * codebooks) {
    throw new ShapeError("codes.indices", `[${shape.join(",")}]`, [indices.length]);
  }
  return [count, height, width, codebooks];
}

function checkImages(codes: CodesInput, shape: CodesShape, model: CodesModel): readonly CodedImage[] {
  const [count] = shape;
  const full = pixelsCovered({ shape, ...scalesOf(model) }, model.downsamplingFactor);
  const images: readonly CodedImage[] =
    codes.images ?? Array.from({ length: count }, (_, i) => ({ name: `image ${i}`, ...full }));
  if (images.length !== count) {
    throw new VqkitError("codes", `codes.images: expected ${count} entries, got ${images.length}.`);
  }
  for (const [i, image] of images.entries()) {
    for (const side of ["height", "width"] as const) {
      const value = image[side];
      if (Number.isInteger(value) && value >= 1 && value <= full[side]) continue;
      throw new VqkitError(
        "codes",
        `codes.images[${i}].${side}: expected an integer in 1..${full[side]} pixels, as the latent grid covers, got ${value}.`,
      );
    }
    for (const field of ["label", "view"] as const) {
      const value = image[field];
      if (value === undefined || (Number.isSafeInteger(value) && value >= 0)) continue;
      throw new VqkitError("codes", `codes.images[${i}].${field}: expected an integer >= 0, got ${value}.`);
    }
    if (image.tile !== undefined) checkTile(image, image.tile, `codes.images[${i}].tile`);
  }
  return images;
}

/** That a tile lies in its image; `TileSequence` checks that all tiles of the image are there. */
function checkTile({ height, width }: CodedImage, tile: TilePlace, where: string): void {
  const { top, left, imageHeight, imageWidth, overlap } = tile;
  const inside = top + height <= imageHeight && left + width <= imageWidth;
  const whole = [top, left, imageHeight, imageWidth, overlap].every((n) => Number.isSafeInteger(n) && n >= 0);
  if (whole && inside) return;
  throw new VqkitError(
    "codes",
    `${where}: expected ${width}×${height} pixels inside the image, with integers >= 0, got row ${top}, column ${left} ` +
      `of ${imageWidth}×${imageHeight}, overlap ${overlap}.`,
  );
}

function nameOf({ images }: Codes): string {
  return images[0]?.name ?? "no image";
}
