import { sharp } from "../../core/sharp.js";
import { cropImage, type RgbImage } from "../../data/index.js";
import { ramp, rampStep } from "../../drawing/charts/index.js";
import { encodeIndexedPng, pngUrl } from "../../drawing/index.js";
import { compareImages } from "../../metrics/index.js";
import type { Examples } from "./examples.js";

/** A row's examples as pictures for a page: images side by side, without gaps. */
export interface PicturedRow {
  readonly label: string;
  readonly seed: number;
  /** For `src` attributes. */
  readonly images: string;
  /** The error maps. */
  readonly errors: string;
  /** Of each image shown, over all of its pixels, in dB; null for one without an error. */
  readonly psnr: readonly (number | null)[];
}

/** Examples as pictures. */
export interface PicturedExamples {
  readonly columns: number;
  /** Of one image, in pixels. */
  readonly width: number;
  readonly height: number;
  /** Images are larger, and only their middles are shown. */
  readonly isCut: boolean;
  /** 8-bit steps at the bright end of the error maps. */
  readonly brightest: number;
  readonly originals: string;
  readonly rows: readonly PicturedRow[];
  /** Rows that are left out to keep the page small. */
  readonly leftOut: number;
}

/** Bytes that all pictures of a page may take together, before base64 makes a third more of them. */
const BUDGET = 2.4 * 2 ** 20;
const MOST_COLUMNS = 8;
const LONGEST_SIDE = 256;
const MOST_ROWS = 32;

/** Draws examples, as many images of each row as the page has room for. */
export async function pictureExamples(examples: Examples): Promise<PicturedExamples> {
  const rows = examples.rows.slice(0, MOST_ROWS);
  const cut = { ...examples, rows };
  const most = Math.min(MOST_COLUMNS, examples.originals.length);
  const brightest = brightestStep(cut);
  const drawn = await drawExamples(cut, { columns: most, brightest });
  const columns = Math.max(1, Math.min(most, Math.floor((most * BUDGET) / sizeOf(drawn))));
  const fitting = columns === most ? drawn : await drawExamples(cut, { columns, brightest });
  return { ...fitting, leftOut: examples.rows.length - rows.length };
}

interface DrawOptions {
  readonly columns: number;
  readonly brightest: number;
}

async function drawExamples(
  examples: Examples,
  { columns, brightest }: DrawOptions,
): Promise<Omit<PicturedExamples, "leftOut">> {
  const shown = examples.originals.slice(0, columns);
  const originals = shown.map(middle);
  const [first] = originals as [RgbImage]; // examples have images
  const rows: PicturedRow[] = [];
  for (const { row, seed, reconstructions } of examples.rows) {
    const images = reconstructions.slice(0, columns).map(middle);
    const errors = images.map((image, i) => errorMap(originals[i] as RgbImage, image));
    rows.push({
      label: row.label,
      seed,
      images: await webpUrl(images),
      errors: errorUrl(errors, first, brightest),
      psnr: shown.map((original, i) => psnrOf(original, reconstructions[i] as RgbImage)),
    });
  }
  const { width, height } = first;
  const isCut = width !== shown[0]?.width || height !== shown[0]?.height;
  return { columns, width, height, isCut, brightest, originals: await webpUrl(originals), rows };
}

function sizeOf({ originals, rows }: Pick<PicturedExamples, "originals" | "rows">): number {
  const texts = [originals, ...rows.flatMap(({ images, errors }) => [images, errors])];
  return 0.75 * texts.reduce((sum, { length }) => sum + length, 0);
}

function psnrOf(original: RgbImage, reconstruction: RgbImage): number | null {
  const [figures] = compareImages({ ...original, count: 1 }, { ...reconstruction, count: 1 });
  return figures?.psnr ?? null;
}

/** At most 256 pixels a side, from the middle. */
function middle(image: RgbImage): RgbImage {
  const { width, height } = image;
  const size = { width: Math.min(width, LONGEST_SIDE), height: Math.min(height, LONGEST_SIDE) };
  if (size.width === width && size.height === height) return image;
  const [left, top] = [Math.floor((width - size.width) / 2), Math.floor((height - size.height) / 2)];
  return cropImage(image, { left, top, ...size });
}

/** Mean over the channels of the absolute difference, 0..255 in 8-bit steps: one value a pixel. */
export function errorMap(original: RgbImage, reconstruction: RgbImage): Float32Array {
  const [a, b] = [original.pixels, reconstruction.pixels];
  return Float32Array.from({ length: a.length / 3 }, (_, pixel) => {
    let sum = 0;
    for (let at = 3 * pixel; at < 3 * pixel + 3; at++) sum += Math.abs((a[at] as number) - (b[at] as number));
    return sum / 3;
  });
}

/** The bright end of the scale: the power of two that 99 of 100 pixels of all rows stay within, 8..256. */
function brightestStep({ originals, rows }: Examples): number {
  const histogram = new Float64Array(256);
  let pixels = 0;
  for (const { reconstructions } of rows) {
    for (const [i, image] of reconstructions.entries()) {
      for (const error of errorMap(originals[i] as RgbImage, image)) {
        const step = Math.floor(error);
        histogram[step] = (histogram[step] as number) + 1;
        pixels++;
      }
    }
  }
  let within = 0;
  let step = 0;
  while (step < 255 && within + (histogram[step] as number) < 0.99 * pixels)
    within += histogram[step++] as number;
  return Math.max(8, 2 ** Math.ceil(Math.log2(step + 1)));
}

function errorUrl(maps: readonly Float32Array[], { width, height }: RgbImage, brightest: number): string {
  const pixels = new Uint8Array(maps.length * width * height);
  for (const [i, map] of maps.entries()) {
    for (let y = 0; y < height; y++) {
      const row = map.subarray(y * width, (y + 1) * width);
      pixels.set(
        Uint8Array.from(row, (error) => rampStep(error / brightest)),
        (y * maps.length + i) * width,
      );
    }
  }
  return pngUrl(
    encodeIndexedPng({ width: maps.length * width, height, pixels, colours: ramp("sequential") }),
  );
}

/** Images side by side as lossless WebP. */
async function webpUrl(images: readonly RgbImage[]): Promise<string> {
  const [first] = images as [RgbImage];
  const { width, height } = first;
  const layers = images.map(({ pixels }, i) => ({
    input: Buffer.from(pixels),
    raw: { width, height, channels: 3 as const },
    left: i * width,
    top: 0,
  }));
  const canvas = sharp({
    create: { width: images.length * width, height, channels: 3, background: "black" },
  });
  const file = await canvas.composite(layers).removeAlpha().webp({ lossless: true }).toBuffer();
  return `data:image/webp;base64,${file.toString("base64")}`;
}
