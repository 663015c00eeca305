import { VqkitError } from "../../core/errors.js";
import { type PictureRow, pictureGrid, type RgbImage } from "../../data/index.js";
import { RunFolder } from "../../runs/index.js";
import { formatFixed } from "../format.js";
import { type RunPictures, readPictures } from "../run-pictures.js";
import { readRunRecord } from "../run-record.js";
import type { Comparison, ComparisonRow } from "./comparison.js";

const COLUMNS = 8;
/** Crops are enlarged (pixel by pixel) until they are at least this wide. */
const LEAST_WIDTH = 96;

/**
 * A picture with one row of originals and one a quantizer, labelled with its mean PSNR. The images are of each
 * quantizer's lowest seed; undefined when its run kept no pictures.
 *
 * @returns a PNG file
 * @throws VqkitError("run") when runs show different originals; VqkitError("format" | "file") for a broken picture
 */
export async function comparisonPicture({ rows }: Comparison): Promise<Buffer | undefined> {
  const examples = await Promise.all(rows.map(examplesOf));
  const shown = rows.flatMap((row, i) => {
    const images = examples[i];
    return images === undefined ? [] : [{ row, ...images }];
  });
  const [first] = shown;
  if (first === undefined || shown.length < rows.length) return undefined;
  const columns = Math.min(COLUMNS, ...shown.map(({ originals }) => originals.length));
  for (const { row, originals } of shown) {
    if (!sameImages(originals.slice(0, columns), first.originals.slice(0, columns))) {
      throw new VqkitError(
        "run",
        `${row.runs[0]}: expected the originals of ${first.row.runs[0]} in its picture, got other images. Compare runs on the same images.`,
      );
    }
  }
  const lines: PictureRow[] = [
    { label: "originals", images: first.originals.slice(0, columns) },
    ...shown.map(({ row, reconstructions }) => ({
      label: labelOf(row),
      images: reconstructions.slice(0, columns),
    })),
  ];
  const scale = Math.max(1, Math.ceil(LEAST_WIDTH / (first.originals[0]?.width ?? LEAST_WIDTH)));
  return (await pictureGrid(lines, { gap: 4, scale })).png;
}

function labelOf({ label, psnr }: ComparisonRow): string {
  return psnr === null ? label : `${label}\n${formatFixed(psnr.mean, 2)} dB`;
}

async function examplesOf({ runs: [dir] }: ComparisonRow): Promise<RunPictures | undefined> {
  return dir === undefined ? undefined : readPictures(await readRunRecord(await RunFolder.open(dir)));
}

function sameImages(a: readonly RgbImage[], b: readonly RgbImage[]): boolean {
  return a.length === b.length && a.every((image, i) => sameImage(image, b[i]));
}

function sameImage(a: RgbImage, b: RgbImage | undefined): boolean {
  return b !== undefined && a.width === b.width && Buffer.compare(a.pixels, b.pixels) === 0;
}
