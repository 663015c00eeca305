import { VqkitError } from "../../core/errors.js";
import type { RgbImage } from "../../data/index.js";
import { RunFolder } from "../../runs/index.js";
import { readRunRecord } from "../records/run-record.js";
import { readPictures } from "../run-pictures.js";
import type { Comparison, ComparisonRow } from "./comparison.js";

/** What a row's model made of the images that all rows show. */
export interface ExampleRow {
  readonly row: ComparisonRow;
  /** Of the run that is shown. */
  readonly seed: number;
  readonly reconstructions: readonly RgbImage[];
}

/** The same images by every row. */
export interface Examples {
  readonly originals: readonly RgbImage[];
  readonly rows: readonly ExampleRow[];
}

/**
 * The examples that runs kept, by the lowest seed that all rows have: of that seed they are the same images. Rows without
 * a common seed are shown by their lowest ones, if these show the same images. undefined where they do not, or where a
 * run kept no examples.
 *
 * @throws VqkitError("run") when runs of one seed show different originals; VqkitError("format" | "file")
 */
export async function readExamples({ rows }: Comparison): Promise<Examples | undefined> {
  const common = rows[0]?.seeds.find((seed) => rows.every(({ seeds }) => seeds.includes(seed)));
  const read = [];
  for (const row of rows) {
    const seed = common ?? (row.seeds[0] as number); // a row has a run
    const dir = row.runs[row.seeds.indexOf(seed)] as string;
    const pictures = await readPictures(await readRunRecord(await RunFolder.open(dir)));
    if (pictures === undefined) return undefined;
    read.push({ row, seed, dir, ...pictures });
  }
  const [first] = read;
  if (first === undefined) return undefined;
  const count = Math.min(...read.map(({ originals }) => originals.length));
  const originals = first.originals.slice(0, count);
  const odd = read.find((each) => !sameImages(each.originals.slice(0, count), originals));
  if (odd !== undefined && common === undefined) return undefined;
  if (odd !== undefined) {
    throw new VqkitError(
      "run",
      `${odd.dir}: expected the originals of ${first.dir} in its picture, got other images. Compare runs on the same images.`,
    );
  }
  return {
    originals,
    rows: read.map(({ row, seed, reconstructions }) => ({
      row,
      seed,
      reconstructions: reconstructions.slice(0, count),
    })),
  };
}

function sameImages(a: readonly RgbImage[], b: readonly RgbImage[]): boolean {
  return a.length === b.length && a.every((image, i) => sameImage(image, b[i]));
}

function sameImage(a: RgbImage, b: RgbImage | undefined): boolean {
  return b !== undefined && a.width === b.width && Buffer.compare(a.pixels, b.pixels) === 0;
}
