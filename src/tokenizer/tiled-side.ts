/** One side of an image, cut into overlapping tiles. */
export interface TiledSide {
  /** Pixels of the image. */
  readonly length: number;
  /** Pixels of a tile. */
  readonly tile: number;
  /** Tiles, >= 1. */
  readonly count: number;
  /** First pixel of tile i. */
  readonly start: (i: number) => number;
}

/** Pixels that a tiled side is made from; `tile` and `overlap` are multiples of `factor`, `overlap` at most half `tile`. */
export interface TiledSideInput {
  readonly length: number;
  readonly tile: number;
  readonly overlap: number;
  /** The model's downsampling factor. */
  readonly factor: number;
}

/**
 * As few tiles as cover the side with at least `overlap` pixels shared, spread evenly.
 *
 * With L the length rounded up to a multiple of f: where L <= tile there is one tile, of L pixels. Else there are
 * n = ⌈(L - overlap) / (tile - overlap)⌉, and tile i starts at f·⌊(2·i·s + n - 1) / (2·(n - 1))⌋ with
 * s = (L - tile) / f: the multiple of f nearest to an even spacing. All latent grids lie on one grid of the image, so
 * that neighbours see the same latents where they overlap.
 */
export function tiledSide({ length, tile, overlap, factor }: TiledSideInput): TiledSide {
  const covered = Math.ceil(length / factor) * factor;
  if (covered <= tile) return { length, tile: covered, count: 1, start: () => 0 };
  const count = Math.ceil((covered - overlap) / (tile - overlap));
  const steps = (covered - tile) / factor;
  const gaps = count - 1;
  return { length, tile, count, start: (i) => factor * Math.floor((2 * i * steps + gaps) / (2 * gaps)) };
}

/** How many of tile i's pixels are the image's; the rest is padding beyond its end. */
export function contentOf({ length, tile, start }: TiledSide, i: number): number {
  return Math.min(tile, length - start(i));
}

/**
 * The share that each pixel of tile i has in the image: 1 where no other tile covers it, falling smoothly to almost 0
 * towards an end that a neighbour overlaps. At every pixel of the side, the shares of all tiles sum to 1.
 */
export function blendShares(side: TiledSide, i: number): Float64Array {
  const own = side.start(i);
  const covering = [i];
  for (let j = i - 1; j >= 0 && side.start(j) + side.tile > own; j--) covering.push(j);
  for (let j = i + 1; j < side.count && side.start(j) < own + side.tile; j++) covering.push(j);
  return Float64Array.from({ length: side.tile }, (_, x) => {
    let sum = 0;
    for (const j of covering) sum += rise(side, j, own + x);
    return rise(side, i, own + x) / sum;
  });
}

/** How much tile i alone would want the pixel at `position`: 0 outside of it, 1 away from its neighbours. */
function rise(side: TiledSide, i: number, position: number): number {
  const { tile, count, start } = side;
  const at = position - start(i);
  if (at < 0 || at >= tile) return 0;
  const before = i === 0 ? 1 : smooth((at + 0.5) / (start(i - 1) + tile - start(i)));
  const after = i === count - 1 ? 1 : smooth((tile - at - 0.5) / (start(i) + tile - start(i + 1)));
  return before * after;
}

/** From 0 at 0 to 1 at 1 and beyond, level at both ends. */
function smooth(u: number): number {
  return u >= 1 ? 1 : u * u * (3 - 2 * u);
}
