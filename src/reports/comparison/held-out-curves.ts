import { type PictureGeometry, picturesOf, type RgbImage } from "../../data/index.js";
import { type Chart, lineChart, type Point } from "../../drawing/charts/index.js";
import { readWhole } from "../../files/index.js";
import { RunFolder } from "../../runs/index.js";
import { readRunRecord } from "../records/run-record.js";
import type { Comparison } from "./comparison.js";

/** More rows than there are colours are not told apart. */
const MOST_ROWS = 8;
/** Between the images of a strip. */
const GAP = 2;
/** A strip is a few hundred kilobytes. */
const MAX_BYTES = 64 * 2 ** 20;

/**
 * PSNR over training of the evaluation images that runs keep pictures of: a curve that every run has, whether it was
 * evaluated on the way or not. Of each row's lowest seed; no chart where pictures are missing.
 *
 * @throws VqkitError("run" | "format" | "file")
 */
export async function heldOutCharts({ rows, heldOut }: Comparison): Promise<Chart[]> {
  if (rows.length > MOST_ROWS) return [];
  const series = [];
  let images = 0;
  for (const { label, runs } of rows) {
    const curve = await curveOf(runs[0] as string); // a row has a run
    if (curve === undefined) return [];
    images = Math.max(images, curve.images);
    series.push({ name: label, points: curve.points });
  }
  const which = heldOut ? "held-out" : "training";
  return [
    lineChart(series, {
      title: `PSNR of ${which} crops over training (dB)`,
      xTitle: "step",
      note: `Mean of the ${images} ${which} crops whose pictures each run keeps, of its lowest seed; the figures below are of all crops.`,
    }),
  ];
}

async function curveOf(
  dir: string,
): Promise<{ readonly images: number; readonly points: readonly Point[] } | undefined> {
  const run = await RunFolder.open(dir);
  const { figures } = await readRunRecord(run);
  const strips = await run.strips().list();
  if (figures.reconstructions === null || strips.length === 0) return undefined;
  const geometry: PictureGeometry = { ...figures.reconstructions, rows: 1, gap: GAP, left: 0, top: 0 };
  const read = async (path: string): Promise<RgbImage[]> =>
    (await picturesOf(await readWhole(path, MAX_BYTES), geometry, path))[0] ?? [];
  const originals = await read(run.strips().originals);
  const points: Point[] = [];
  for (const { step, path } of strips) {
    const psnr = (await read(path)).flatMap((image, i) => psnrOf(originals[i] as RgbImage, image) ?? []);
    if (psnr.length > 0) points.push([step, psnr.reduce((sum, value) => sum + value, 0) / psnr.length]);
  }
  return points.length === 0 ? undefined : { images: originals.length, points };
}

/** As the metric card has it: 8-bit values, all channels, range 255; undefined for equal images. */
function psnrOf(original: RgbImage, image: RgbImage): number | undefined {
  const sum = image.pixels.reduce(
    (total, value, i) => total + (value - (original.pixels[i] as number)) ** 2,
    0,
  );
  return sum === 0 ? undefined : 10 * Math.log10((255 ** 2 * image.pixels.length) / sum);
}
