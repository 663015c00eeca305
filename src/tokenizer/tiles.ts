import { VqkitError } from "../core/errors.js";
import type { Rect, Size } from "../data/index.js";
import type { CodedImage, TilePlace } from "./codes.js";
import { contentOf, type TiledSide, tiledSide } from "./tiled-side.js";

/** An image's tiles: rows × columns of one size. */
export interface TileLayout {
  readonly rows: TiledSide;
  readonly columns: TiledSide;
  readonly overlap: number;
}

/** A tile, and where it is cut from. */
export interface Tile {
  /** Of the image padded to multiples of the downsampling factor. */
  readonly rect: Rect;
  readonly coded: CodedImage;
}

export interface TileLayoutOptions {
  readonly tile: Size;
  readonly overlap: number;
  /** The model's downsampling factor. */
  readonly factor: number;
}

/** How an image is cut into tiles; see `tiledSide`. */
export function tileLayout(image: Size, { tile, overlap, factor }: TileLayoutOptions): TileLayout {
  return {
    rows: tiledSide({ length: image.height, tile: tile.height, overlap, factor }),
    columns: tiledSide({ length: image.width, tile: tile.width, overlap, factor }),
    overlap,
  };
}

/** The tiles of an image in row-major order. */
export function tilesOf(name: string, layout: TileLayout): Tile[] {
  const { rows, columns } = layout;
  return Array.from({ length: rows.count * columns.count }, (_, i) => {
    const coded = tileAt(name, layout, i);
    return {
      rect: { top: coded.tile.top, left: coded.tile.left, height: rows.tile, width: columns.tile },
      coded,
    };
  });
}

function tileAt(
  name: string,
  { rows, columns, overlap }: TileLayout,
  i: number,
): CodedImage & { tile: TilePlace } {
  const row = Math.floor(i / columns.count);
  const column = i % columns.count;
  const tile = {
    top: rows.start(row),
    left: columns.start(column),
    imageHeight: rows.length,
    imageWidth: columns.length,
    overlap,
  };
  return { name, width: contentOf(columns, column), height: contentOf(rows, row), tile };
}

/**
 * Checks that tiles come as `tilesOf` has them: all of an image, in order, before anything else. What codes say is
 * compared with what follows from their first tile, so that nothing is computed from a claim.
 */
export class TileSequence {
  readonly #factor: number;
  #open: { readonly name: string; readonly layout: TileLayout; next: number } | undefined;

  /** @param factor the model's downsampling factor */
  constructor(factor: number) {
    this.#factor = factor;
  }

  /**
   * Takes what comes next.
   *
   * @param frame the pixels that its latent grid covers
   * @returns for a tile, its layout and number, and whether it is the last one; undefined for a whole image
   * @throws VqkitError("codes") when it is not what is due
   */
  take(image: CodedImage, frame: Size): { layout: TileLayout; number: number; last: boolean } | undefined {
    if (image.tile === undefined) {
      this.end();
      return undefined;
    }
    this.#open ??= { name: image.name, layout: this.#layout(image.tile, frame), next: 0 };
    const { name, layout, next } = this.#open;
    const due = tileAt(name, layout, next);
    const fits = frame.height === layout.rows.tile && frame.width === layout.columns.tile;
    if (!fits || !sameTile(image, due)) {
      throw new VqkitError(
        "codes",
        `codes: expected ${describe(due, layout, next)}, got ${describeTile(image)}.`,
      );
    }
    const last = next + 1 === layout.rows.count * layout.columns.count;
    if (last) this.#open = undefined;
    else this.#open.next++;
    return { layout, number: next, last };
  }

  /** @throws VqkitError("codes") when tiles of an image are missing */
  end(): void {
    if (this.#open === undefined) return;
    const { name, layout, next } = this.#open;
    const due = describe(tileAt(name, layout, next), layout, next);
    throw new VqkitError(
      "codes",
      `codes: expected ${due}, got no further tile of it. Give all tiles of an image, in order.`,
    );
  }

  #layout({ imageHeight, imageWidth, overlap }: TilePlace, frame: Size): TileLayout {
    const factor = this.#factor;
    // A side that is covered by one tile shares nothing, however short it is.
    const sides = [
      { tile: frame.height, image: imageHeight },
      { tile: frame.width, image: imageWidth },
    ];
    const tiled = sides.filter(({ tile, image }) => tile < image);
    const most = Math.min(...tiled.map(({ tile }) => Math.floor(tile / 2)));
    if (overlap % factor !== 0 || overlap > most) {
      throw new VqkitError(
        "codes",
        `codes: expected tiles that overlap by a multiple of ${factor} in 0..${most} pixels, got ${overlap}.`,
      );
    }
    return tileLayout({ height: imageHeight, width: imageWidth }, { tile: frame, overlap, factor });
  }
}

function sameTile(a: CodedImage, b: CodedImage): boolean {
  const fields = ["top", "left", "imageHeight", "imageWidth", "overlap"] as const;
  return (
    a.name === b.name &&
    a.height === b.height &&
    a.width === b.width &&
    fields.every((field) => a.tile?.[field] === b.tile?.[field])
  );
}

function describe(tile: CodedImage, { rows, columns }: TileLayout, number: number): string {
  return `tile ${number + 1} of ${rows.count * columns.count}, ${describeTile(tile)}`;
}

function describeTile({ name, height, width, tile }: CodedImage): string {
  const place = tile === undefined ? "" : ` at row ${tile.top}, column ${tile.left}`;
  const whole = tile === undefined ? "" : ` of ${tile.imageWidth}×${tile.imageHeight}`;
  return `${width}×${height} pixels${place} of ${JSON.stringify(name)}${whole}`;
}
