import { sharp } from "../core/sharp.js";
import type { RgbImage } from "../data/index.js";
import { formatCount, formatPercent, Html, html } from "../drawing/index.js";

/** What codes look like. `codeAtlas` of the tokenizer makes one. */
export interface CodeAtlas {
  /** Images that the patches were taken from. */
  readonly images: number;
  /** Sides of each patch in pixels, the surroundings included. */
  readonly patchSide: number;
  /** Pixels of surroundings on each side of what the code stands for. */
  readonly surroundings: number;
  readonly codes: readonly AtlasCode[];
}

/** One code of an atlas. */
export interface AtlasCode {
  readonly index: number;
  /** Places where the image has this code, each `patchSide` square. */
  readonly patches: readonly RgbImage[];
  /** What the model makes of this code alone: the middle of a grid filled with it. */
  readonly alone: RgbImage;
}

/** An atlas as one picture. */
export interface AtlasSheet {
  /** The class of its pictures. */
  readonly name: string;
  /** Rules that the entries need. */
  readonly style: Html;
  /** Codes of the sheet by entry, and how many pictures each has. */
  readonly entries: readonly { readonly index: number; readonly patches: number }[];
  /** Pictures of an entry at most: the code alone, then its patches. */
  readonly slots: number;
  /** Entries in each row of the sheet. */
  readonly perRow: number;
  readonly rows: number;
  readonly images: number;
}

const SHEET_WIDTH = 4096;
const QUALITY = 82;

/**
 * Puts all pictures of an atlas into one WebP file, so that a page holds hundreds of codes.
 *
 * @param name of the sheet on its page: a CSS class
 */
export async function atlasSheet(
  { codes, patchSide, images }: CodeAtlas,
  name: string,
): Promise<AtlasSheet | undefined> {
  if (codes.length === 0) return undefined;
  const slots = 1 + codes.reduce((most, { patches }) => Math.max(most, patches.length), 0);
  const perRow = Math.max(1, Math.min(codes.length, Math.floor(SHEET_WIDTH / (slots * patchSide))));
  const rows = Math.ceil(codes.length / perRow);
  const width = perRow * slots * patchSide;
  const pixels = new Uint8Array(width * rows * patchSide * 3);
  for (const [entry, { patches, alone }] of codes.entries()) {
    const left = (entry % perRow) * slots * patchSide;
    const top = Math.floor(entry / perRow) * patchSide;
    for (const [slot, picture] of [alone, ...patches].entries()) {
      paste(picture, { pixels, width, left: left + slot * patchSide, top, side: patchSide });
    }
  }
  const webp = await sharp(pixels, { raw: { width, height: rows * patchSide, channels: 3 } })
    .webp({ quality: QUALITY, smartSubsample: true })
    .toBuffer();
  // A sprite is a window on the sheet: sizes and places are shares of it, so that the window may have any size.
  const style = new Html(
    `.${name} { background-image: url("data:image/webp;base64,${webp.toString("base64")}"); background-size: ${100 * perRow * slots}% ${100 * rows}%; }\n`,
  );
  const entries = codes.map(({ index, patches }) => ({ index, patches: patches.length }));
  return { name, style, entries, slots, perRow, rows, images };
}

interface Place {
  readonly pixels: Uint8Array;
  readonly width: number;
  readonly left: number;
  readonly top: number;
  readonly side: number;
}

/** Copies a picture, enlarged pixel by pixel to `side`. */
function paste(picture: RgbImage, { pixels, width, left, top, side }: Place): void {
  for (let y = 0; y < side; y++) {
    const row = Math.floor((y * picture.height) / side) * picture.width;
    for (let x = 0; x < side; x++) {
      const from = 3 * (row + Math.floor((x * picture.width) / side));
      const to = 3 * ((top + y) * width + left + x);
      for (let c = 0; c < 3; c++) pixels[to + c] = picture.pixels[from + c] as number;
    }
  }
}

/** Where a picture of the sheet is, as CSS takes it. The page's script computes the same. */
export function spritePosition({ slots, perRow, rows }: AtlasSheet, entry: number, slot: number): string {
  const share = (at: number, count: number): string => `${count === 1 ? 0 : (100 * at) / (count - 1)}%`;
  const column = (entry % perRow) * slots + slot;
  return `${share(column, perRow * slots)} ${share(Math.floor(entry / perRow), rows)}`;
}

/** Codes with what they look like, in the order given; those that the sheet does not have are left out. */
export function atlasEntries(
  sheet: AtlasSheet,
  codes: readonly { readonly index: number; readonly count: number }[],
  samples: number,
): Html {
  const entryOf = new Map(sheet.entries.map(({ index }, entry) => [index, entry]));
  const shown = codes.flatMap(({ index, count }) => {
    const entry = entryOf.get(index);
    return entry === undefined ? [] : [{ index, count, entry }];
  });
  return html`<div class="atlas">${shown.map(({ index, count, entry }) => {
    const patches = sheet.entries[entry]?.patches ?? 0;
    const sprites = Array.from(
      { length: 1 + patches },
      (_, slot) =>
        html`<span class="sprite ${sheet.name}${slot === 0 ? " alone" : ""}" style="background-position: ${spritePosition(sheet, entry, slot)}"></span>`,
    );
    return html`<div class="code"><span class="label">${String(index)}<small>${formatCount(count)} · ${formatPercent(samples === 0 ? 0 : count / samples)}</small></span><span class="sprites">${sprites}</span></div>\n`;
  })}</div>`;
}
