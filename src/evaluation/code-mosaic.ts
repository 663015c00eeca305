import { VqkitError } from "../core/errors.js";
import type { RgbImage } from "../data/index.js";
import { type CodeVectors, projectToAxes } from "../metrics/index.js";

/** The codes of one image, of one codebook. */
export interface CodeGrid {
  /** Row by row, `height`·`width` of them. */
  readonly indices: ArrayLike<number>;
  readonly height: number;
  readonly width: number;
}

/** Red, green and blue, each 0..255. */
export type Rgb = readonly [red: number, green: number, blue: number];

/** Multiples of these, modulo 1, fill a cube evenly: powers of 1/g with g⁴ = g + 1 (the R3 sequence). */
const STEPS = [0.8191725133961645, 0.6710436067037893, 0.5497004779019703] as const;

/**
 * A colour for each code that occurs. Codes that lie near each other have similar colours: the first principal
 * component of the codes that occur is lightness, the second and third are the two axes of colour (OKLab,
 * https://bottosson.github.io/posts/oklab/), each by rank, so that colours differ as much as they can. Without vectors
 * every code has a colour of its own that says nothing of the others.
 *
 * @param indices of an image, or of several whose colours are to be the same
 * @param vectors the codes; null where they are no table
 */
export function codeColours(
  indices: ArrayLike<number>,
  vectors: CodeVectors | null,
): ReadonlyMap<number, Rgb> {
  const used = [...new Set(Array.from(indices))].sort((a, b) => a - b);
  const ranks = vectors === null ? used.map(scattered) : axisRanks(used, vectors);
  return new Map(used.map((index, i) => [index, colourOf(ranks[i] as Ranks)]));
}

/**
 * Codes as squares of their colours.
 *
 * @param side of a square in pixels; with the downsampling factor the mosaic covers the image
 * @returns `height`·`side` × `width`·`side` pixels
 * @throws VqkitError("codes") for a number of codes that is not the grid's, or a code without colour
 */
export function codeMosaic(
  { indices, height, width }: CodeGrid,
  colours: ReadonlyMap<number, Rgb>,
  side: number,
): RgbImage {
  if (indices.length !== height * width) {
    throw new VqkitError(
      "codes",
      `code mosaic: expected ${height}×${width} codes, got ${indices.length}. Give those of one image and one codebook.`,
    );
  }
  const image = {
    pixels: new Uint8Array(height * side * width * side * 3),
    height: height * side,
    width: width * side,
  };
  for (let y = 0; y < image.height; y++) {
    const row = Math.floor(y / side) * width;
    for (let x = 0; x < image.width; x++) {
      const index = indices[row + Math.floor(x / side)] as number;
      const colour = colours.get(index);
      if (colour === undefined) {
        throw new VqkitError("codes", `code mosaic: expected a colour for code ${index}, got none.`);
      }
      image.pixels.set(colour, 3 * (y * image.width + x));
    }
  }
  return image;
}

/** Places along three axes, each 0..1. */
type Ranks = readonly [number, number, number];

function scattered(index: number): Ranks {
  const [light, green, blue] = STEPS;
  return [(index * light) % 1, (index * green) % 1, (index * blue) % 1];
}

/** Of each code its rank along the three strongest axes; 1/2 along an axis on which all are alike. */
function axisRanks(used: readonly number[], { codeDim, values }: CodeVectors): Ranks[] {
  const rows = new Float64Array(used.length * codeDim);
  for (const [i, index] of used.entries()) {
    for (let k = 0; k < codeDim; k++) rows[i * codeDim + k] = values[index * codeDim + k] as number;
  }
  const { points } = projectToAxes({ codeDim, values: rows }, 3);
  const along = [0, 1, 2].map((axis) => ranksOf(used.map((_, i) => points[3 * i + axis] as number)));
  return used.map((_, i) => along.map((ranks) => ranks[i] as number) as unknown as Ranks);
}

/** The middle of the ranks that equal values share, from 0 to 1. */
function ranksOf(values: readonly number[]): number[] {
  const sorted = [...values].sort((a, b) => a - b);
  const [first, last] = [new Map<number, number>(), new Map<number, number>()];
  for (const [rank, value] of sorted.entries()) {
    if (!first.has(value)) first.set(value, rank);
    last.set(value, rank);
  }
  const most = Math.max(1, values.length - 1);
  if (values.length === 1) return [0.5];
  return values.map((value) => ((first.get(value) as number) + (last.get(value) as number)) / 2 / most);
}

/** Lightness from 0.25 to 0.95 and moderate colour, so that most of it is within sRGB; the rest is clipped. */
function colourOf([light, green, blue]: Ranks): Rgb {
  const [l, a, b] = [0.25 + 0.7 * light, 0.3 * (green - 0.5), 0.3 * (blue - 0.5)];
  const cones = [
    l + 0.3963377774 * a + 0.2158037573 * b,
    l - 0.1055613458 * a - 0.0638541728 * b,
    l - 0.0894841775 * a - 1.291485548 * b,
  ].map((cone) => cone ** 3) as [number, number, number];
  const [long, medium, short] = cones;
  return [
    gamma(4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short),
    gamma(-1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short),
    gamma(-0.0041960863 * long - 0.7034186147 * medium + 1.707614701 * short),
  ];
}

/** Linear light 0..1 to an 8-bit value of sRGB. */
function gamma(linear: number): number {
  const value = linear <= 0.0031308 ? 12.92 * linear : 1.055 * linear ** (1 / 2.4) - 0.055;
  return Math.round(255 * Math.min(1, Math.max(0, value)));
}
