import { joinArrays } from "../core/typed-arrays.js";
import type { RgbImage } from "../data/index.js";
import type { CodedImage } from "./codes.js";
import { DecodedImage } from "./decoded-image.js";
import { withoutPadding } from "./prepared-image.js";
import { blendShares, contentOf } from "./tiled-side.js";
import { type TileLayout, TileSequence } from "./tiles.js";

/** Makes whole images of what the model decodes, in order: padding is cut off, tiles are put together. */
export class WholeImages {
  readonly #tiles: TileSequence;
  #blender: TileBlender | undefined;

  /** @param factor the model's downsampling factor */
  constructor(factor: number) {
    this.#tiles = new TileSequence(factor);
  }

  /**
   * @param made with its padding
   * @returns the image that is complete with it; undefined while tiles are to come
   * @throws VqkitError("codes") for a tile that is not the one due
   */
  add(made: RgbImage, coded: CodedImage): DecodedImage | undefined {
    const tile = this.#tiles.take(coded, made);
    if (tile === undefined) return new DecodedImage(coded.name, withoutPadding(made, coded));
    this.#blender ??= new TileBlender(tile.layout);
    const image = this.#blender.add(made);
    if (image === undefined) return undefined;
    this.#blender = undefined;
    return new DecodedImage(coded.name, image);
  }

  /** @throws VqkitError("codes") when tiles are still to come */
  end(): void {
    this.#tiles.end();
  }
}

/**
 * Puts one image together from its decoded tiles, in order. Where tiles overlap, each pixel is their weighted mean
 * (`blendShares` of row and column multiplied), rounded half up; where they agree, it is what they agree on.
 *
 * Memory: the rows of pixels that are done, one row of tiles, and their overlap with the next.
 */
class TileBlender {
  readonly #layout: TileLayout;
  /** Tiles of the current row so far. */
  #row: RgbImage[] = [];
  #rowsDone = 0;
  /** Sums of shares times values, [rows from #top on, imageWidth, 3]. */
  #sums = new Float32Array(0);
  #top = 0;
  readonly #finished: Uint8Array[] = [];

  constructor(layout: TileLayout) {
    this.#layout = layout;
  }

  /** @param tile with the padding that its latent grid covers @returns the image, with its last tile */
  add(tile: RgbImage): RgbImage | undefined {
    const { rows, columns } = this.#layout;
    this.#row.push(tile);
    if (this.#row.length < columns.count) return undefined;
    this.#addRow(this.#rowsDone++);
    this.#row = [];
    const last = this.#rowsDone === rows.count;
    this.#finish(last ? rows.length : rows.start(this.#rowsDone));
    if (!last) return undefined;
    const pixels = joinArrays(this.#finished, (length) => new Uint8Array(length));
    return { pixels, height: rows.length, width: columns.length };
  }

  #addRow(row: number): void {
    const { rows, columns } = this.#layout;
    const end = rows.start(row) + contentOf(rows, row);
    const stride = columns.length * 3;
    this.#sums = resized(this.#sums, (end - this.#top) * stride);
    const down = blendShares(rows, row);
    for (const [column, tile] of this.#row.entries()) {
      const across = blendShares(columns, column);
      const content = { height: contentOf(rows, row), width: contentOf(columns, column) };
      for (let y = 0; y < content.height; y++) {
        const at = (rows.start(row) - this.#top + y) * stride + columns.start(column) * 3;
        this.#addLine(tile.pixels.subarray(y * tile.width * 3, (y * tile.width + content.width) * 3), {
          at,
          share: down[y] as number,
          shares: across,
        });
      }
    }
  }

  #addLine(
    line: Uint8Array,
    { at, share, shares }: { readonly at: number; readonly share: number; readonly shares: Float64Array },
  ): void {
    const sums = this.#sums;
    for (let x = 0, i = 0; i < line.length; x++) {
      const weight = share * (shares[x] as number);
      for (const end = i + 3; i < end; i++)
        sums[at + i] = (sums[at + i] as number) + weight * (line[i] as number);
    }
  }

  /** Rows above `top` get no further share. */
  #finish(top: number): void {
    const length = (top - this.#top) * this.#layout.columns.length * 3;
    // Shares sum to 1 but for the last bits, which rounding takes away.
    this.#finished.push(Uint8Array.from(this.#sums.subarray(0, length), (value) => Math.floor(value + 0.5)));
    this.#sums = this.#sums.slice(length);
    this.#top = top;
  }
}

function resized(values: Float32Array, length: number): Float32Array<ArrayBuffer> {
  const copy = new Float32Array(length);
  copy.set(values);
  return copy;
}
