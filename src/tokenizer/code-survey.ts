import { Random } from "../core/random.js";
import {
  type BrokenImage,
  cropImage,
  type FindOptions,
  type ImageNote,
  openSource,
  type RgbImage,
  type SourceItem,
} from "../data/index.js";
import {
  CodeCounts,
  type CodeGeometry,
  leastUsedCodes,
  mostUsedCodes,
  ScaleCounter,
  type ScaleCounts,
} from "../metrics/index.js";
import { type Codes, sequenceLength } from "./codes.js";
import { prepareImage } from "./prepared-image.js";
import type { Tokenizer } from "./tokenizer.js";

/** One code as images show it. */
export interface SurveyedCode {
  readonly index: number;
  /** Places that have this code, drawn at random: squares of `patchSide` pixels, surroundings included. */
  readonly patches: readonly RgbImage[];
  /**
   * What the decoder makes of this code amid its like: the middle f×f pixels of a grid filled with it; the other
   * codebooks, where there are several, have the code that they used most in these images, and so have the coarser
   * scales of a sequence.
   */
  readonly alone: RgbImage;
}

/** What a set of images says about a model's codes. No tensor is in it. */
export interface CodeSurvey {
  readonly counts: CodeCounts;
  /** The same scale by scale, of codes that are sequences. */
  readonly scales?: readonly ScaleCounts[];
  readonly images: number;
  /** null where the images have no common size. */
  readonly geometry: CodeGeometry | null;
  /** The indices, for whoever wants to know where codes stand. */
  readonly grids: readonly Codes[];
  /** What codes look like, one entry a codebook. */
  readonly atlases: readonly CodeSurveyAtlas[];
}

/** Pictures of one codebook's codes, the most used first. */
export interface CodeSurveyAtlas {
  readonly images: number;
  /** Three times the downsampling factor. */
  readonly patchSide: number;
  /** Pixels around what the code stands for, on each side. */
  readonly surroundings: number;
  readonly codes: readonly SurveyedCode[];
}

export interface CodeSurveyOptions extends Pick<FindOptions, "onPassedOver" | "outputs"> {
  /**
   * Codes with pictures at most, in all codebooks together: two thirds of them the most used, the rest the least used;
   * default 600.
   */
  readonly codes?: number;
  /** Patches of each at most; default 6. */
  readonly patches?: number;
  /** Decides which places are taken; default 0. */
  readonly seed?: number;
  /** As `encodeAll`: where absent, a broken image ends the survey. */
  readonly onBroken?: (broken: BrokenImage) => void;
  /** Told what a person should know of how an image was read. */
  readonly onNote?: (note: ImageNote) => void;
}

/**
 * Encodes images at their own size, counts their codes and cuts out what codes stand for. The images are read twice:
 * indices stay in memory, pixels do not.
 *
 * @param source paths, folders or glob patterns
 * @throws as `Tokenizer.encodeAll`
 */
export async function surveyCodes(
  tokenizer: Tokenizer,
  source: string | readonly string[],
  options: CodeSurveyOptions = {},
): Promise<CodeSurvey> {
  const { codes: limit = 600, patches = 6, seed = 0, ...found } = options;
  const { codebookSize, numCodebooks } = tokenizer;
  const counts = new CodeCounts(codebookSize, numCodebooks);
  const scales = tokenizer.scales && new ScaleCounter(codebookSize, numCodebooks, tokenizer.scales);
  const grids: Codes[] = [];
  for await (const batch of tokenizer.encodeAll(source, found)) {
    counts.add(batch.indices);
    scales?.add(batch.indices);
    grids.push(batch);
  }
  const images = grids.reduce((sum, grid) => sum + grid.images.length, 0);
  const perCodebook = Math.max(1, Math.floor(limit / numCodebooks));
  const chosen = Array.from({ length: numCodebooks }, (_, q) => listedCodes(counts, perCodebook, q));
  const random = new Random(seed, "code survey");
  const places = chosen.flatMap((codes, codebook) => drawPlaces(grids, { codes, codebook, patches, random }));
  const items = await openSource(source, { outputs: found.outputs ?? [], onBroken: toldBefore });
  const cut = await cutPatches(tokenizer, items, { grids, places });
  const factor = tokenizer.downsamplingFactor;
  const atlases: CodeSurveyAtlas[] = [];
  for (const [codebook, codes] of chosen.entries()) {
    const alone = await decodeAlone(tokenizer, { codes, codebook, counts });
    atlases.push({
      images,
      patchSide: 3 * factor,
      surroundings: factor,
      codes: codes.map((index, i) => ({
        index,
        patches: cut.get(keyOf(codebook, index)) ?? [],
        alone: alone[i] as RgbImage,
      })),
    });
  }
  const byScale = scales === undefined ? {} : { scales: scales.scales };
  return { counts, ...byScale, images, geometry: commonGeometry(grids), grids, atlases };
}

/** Two thirds the most used, the rest the least used. */
function listedCodes(counts: CodeCounts, limit: number, codebook: number): number[] {
  const most = mostUsedCodes(counts, Math.ceil((2 * limit) / 3), codebook);
  const listed = new Set(most.map(({ index }) => index));
  for (const { index } of leastUsedCodes(counts, limit, codebook)) if (listed.size < limit) listed.add(index);
  return [...listed];
}

/** Where a code stands: the number of the image, and the position in its grid. */
/** A position as a row and a column of the latent grid; of a coarse scale the middle of what it covers. */
type PlaceIn = (position: number) => { readonly row: number; readonly column: number };

function gridPlace(width: number): PlaceIn {
  return (position) => ({ row: Math.floor(position / width), column: position % width });
}

function sequencePlace(scales: readonly number[]): PlaceIn {
  const finest = scales.at(-1) as number;
  const places = scales.flatMap((side) =>
    Array.from({ length: side ** 2 }, (_, i) => {
      const middle = (at: number): number => Math.floor(((at + 0.5) * finest) / side);
      return { row: middle(Math.floor(i / side)), column: middle(i % side) };
    }),
  );
  return (position) => places[position] as { row: number; column: number };
}

interface Place {
  readonly codebook: number;
  readonly index: number;
  readonly image: number;
  readonly row: number;
  readonly column: number;
}

/** For each code up to `patches` of its places, each set of them equally likely (reservoir sampling). */
function drawPlaces(
  grids: readonly Codes[],
  {
    codes,
    codebook,
    patches,
    random,
  }: {
    readonly codes: readonly number[];
    readonly codebook: number;
    readonly patches: number;
    readonly random: Random;
  },
): Place[] {
  const drawn = new Map(codes.map((index) => [index, { seen: 0, places: [] as Place[] }]));
  let before = 0;
  for (const { indices, shape, images, scales } of grids) {
    const [, height, width, numCodebooks] = shape;
    const placeIn = scales === undefined ? gridPlace(width) : sequencePlace(scales);
    for (let i = 0; numCodebooks * i < indices.length; i++) {
      const index = indices[numCodebooks * i + codebook] as number;
      const found = drawn.get(index);
      if (found === undefined) continue;
      const at = found.seen < patches ? found.seen : random.integer(found.seen + 1);
      found.seen++;
      if (at >= patches) continue;
      found.places[at] = {
        codebook,
        index,
        image: before + Math.floor(i / (height * width)),
        ...placeIn(i % (height * width)),
      };
    }
    before += images.length;
  }
  return [...drawn.values()].flatMap(({ places }) => places);
}

/** Reads the images that places are in once more, and cuts each place out with its surroundings; by `keyOf`. */
async function cutPatches(
  tokenizer: Tokenizer,
  items: AsyncIterable<SourceItem>,
  { grids, places }: { readonly grids: readonly Codes[]; readonly places: readonly Place[] },
): Promise<Map<string, RgbImage[]>> {
  const factor = tokenizer.downsamplingFactor;
  const settings = tokenizer.encodeSettings();
  const byImage = groupByImage(places);
  const patches = new Map<string, RgbImage[]>();
  for await (const { item, position } of encodedItems(items, grids)) {
    const wanted = byImage.get(position);
    if (wanted === undefined) continue;
    const { image } = await prepareImage(item, settings, { factor });
    for (const { codebook, index, row, column } of wanted) {
      const rest = patches.get(keyOf(codebook, index)) ?? [];
      rest.push(cut(image, { top: (row - 1) * factor, left: (column - 1) * factor, side: 3 * factor }));
      patches.set(keyOf(codebook, index), rest);
    }
  }
  return patches;
}

/** Encoding has told of it. */
function toldBefore(): void {}

function keyOf(codebook: number, index: number): string {
  return `${codebook}/${index}`;
}

function groupByImage(places: readonly Place[]): Map<number, Place[]> {
  const groups = new Map<number, Place[]>();
  for (const place of places) {
    const group = groups.get(place.image);
    if (group === undefined) groups.set(place.image, [place]);
    else group.push(place);
  }
  return groups;
}

/** The items of a source that have been encoded, with their numbers: those that were broken are not among them. */
async function* encodedItems(
  items: AsyncIterable<SourceItem>,
  grids: readonly Codes[],
): AsyncGenerator<{ item: SourceItem; position: number }, void, undefined> {
  const names = grids.flatMap(({ images }) => images.map(({ name }) => name));
  let position = 0;
  for await (const item of items) {
    if (item.name !== names[position]) continue;
    yield { item, position };
    position++;
  }
}

/** A square of an image; beyond its edges the edge's pixels are repeated. */
function cut(
  { pixels, height, width }: RgbImage,
  { top, left, side }: { readonly top: number; readonly left: number; readonly side: number },
): RgbImage {
  const square = new Uint8Array(side * side * 3);
  for (let y = 0; y < side; y++) {
    const row = Math.min(height - 1, Math.max(0, top + y)) * width;
    for (let x = 0; x < side; x++) {
      const from = 3 * (row + Math.min(width - 1, Math.max(0, left + x)));
      square.set(pixels.subarray(from, from + 3), 3 * (y * side + x));
    }
  }
  return { pixels: square, height: side, width: side };
}

/** Positions a side of the grids that show a code alone: far enough from the edges, whose padding the decoder sees too. */
const FILLED = 5;

async function decodeAlone(
  tokenizer: Tokenizer,
  {
    codes,
    codebook,
    counts,
  }: { readonly codes: readonly number[]; readonly codebook: number; readonly counts: CodeCounts },
): Promise<RgbImage[]> {
  if (codes.length === 0) return [];
  const { numCodebooks, scales, downsamplingFactor: side } = tokenizer;
  const usual = Array.from({ length: numCodebooks }, (_, q) => mostUsedCodes(counts, 1, q)[0]?.index ?? 0);
  const indices = codes.flatMap((code) => {
    const position = usual.map((other, q) => (q === codebook ? code : other));
    return Array.from({ length: FILLED * FILLED }, () => position).flat();
  });
  const input =
    scales === undefined
      ? { indices, shape: [codes.length, FILLED, FILLED, numCodebooks] }
      : filledSequences(codes, scales, usual[0] ?? 0);
  const made = await tokenizer.decodeBatch(input);
  const cells = scales?.at(-1) ?? FILLED;
  const start = Math.floor((cells - 1) / 2) * side;
  return made.map((image) => cropImage(image, { top: start, left: start, height: side, width: side }));
}

/** Of each code a sequence whose last scale is filled with it; the others have the code that was used most. */
function filledSequences(codes: readonly number[], scales: readonly number[], usual: number) {
  const length = sequenceLength(scales);
  const coarse = length - (scales.at(-1) as number) ** 2;
  const indices = codes.flatMap((code) =>
    Array.from({ length }, (_, position) => (position < coarse ? usual : code)),
  );
  return { indices, shape: [codes.length, 1, length, 1] };
}

function commonGeometry(grids: readonly Codes[]): CodeGeometry | null {
  const [first] = grids;
  const image = first?.images[0];
  if (first === undefined || image === undefined) return null;
  const [, gridHeight, gridWidth, numCodebooks] = first.shape;
  const isSame = grids.every(({ images }) =>
    images.every(({ width, height }) => width === image.width && height === image.height),
  );
  return isSame
    ? { gridHeight, gridWidth, imageHeight: image.height, imageWidth: image.width, numCodebooks }
    : null;
}
