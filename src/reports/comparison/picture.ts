import { type PictureRow, pictureGrid } from "../../data/index.js";
import { formatFixed } from "../../drawing/index.js";
import type { Comparison, ComparisonRow } from "./comparison.js";
import { readExamples } from "./examples.js";

const COLUMNS = 8;
/** Crops are enlarged (pixel by pixel) until they are at least this wide. */
const LEAST_WIDTH = 96;

/**
 * A picture with one row of originals and one a row of the comparison, labelled with its mean PSNR, as `readExamples`
 * chooses them; undefined when there are no examples.
 *
 * @returns a PNG file
 * @throws VqkitError("run") when runs of one seed show different originals; VqkitError("format" | "file") for a broken
 * picture
 */
export async function comparisonPicture(comparison: Comparison): Promise<Buffer | undefined> {
  const examples = await readExamples(comparison);
  const first = examples?.originals[0];
  if (examples === undefined || first === undefined) return undefined;
  const lines: PictureRow[] = [
    { label: "originals", images: examples.originals.slice(0, COLUMNS) },
    ...examples.rows.map(({ row, reconstructions }) => ({
      label: labelOf(row),
      images: reconstructions.slice(0, COLUMNS),
    })),
  ];
  const scale = Math.max(1, Math.ceil(LEAST_WIDTH / first.width));
  return (await pictureGrid(lines, { gap: 4, scale })).png;
}

/** Lettering is ASCII. */
function labelOf({ label, psnr }: ComparisonRow): string {
  const plain = label.replace(/[^\x20-\x7e]/g, "?");
  return psnr === null ? plain : `${plain}\n${formatFixed(psnr.mean, 2)} dB`;
}
