import { z } from "zod";
import { parseConfig } from "../core/config.js";
import { messageOf, VqkitError } from "../core/errors.js";
import { Random } from "../core/random.js";
import {
  dataConfigSchema,
  decodeAll,
  describePassedOver,
  findDatasetImages,
  ImageDataset,
  ImageError,
  type RgbImage,
  type SourceItem,
} from "../data/index.js";

/** Images on which an export is held against the model it was made from. */
export interface SampleImages {
  /** What they are, e.g. `30 images of samples/photos`. */
  readonly description: string;
  readonly count: number;
  /** What a person should know about the choice. */
  readonly warnings: readonly string[];
  /** Decoded one after the other. @throws ImageError for one that cannot be read */
  images(): AsyncGenerator<{ readonly name: string; readonly image: RgbImage }, void, undefined>;
}

/** Of a run's evaluation files at most this many, spread evenly. */
const MOST_EVALUATION_FILES = 64;

/**
 * The images given, all of them; else the run's own evaluation files, where they can still be found; else synthetic
 * ones, with a warning.
 *
 * @param given a folder, a file, a glob pattern, or a list of these
 * @param run the run's configuration, where there is one
 * @param most of the run's own files
 * @throws VqkitError("data") when nothing is found at a path given
 */
export async function sampleImages(
  given: string | readonly string[] | undefined,
  run: Readonly<Record<string, unknown>> | undefined,
  most = MOST_EVALUATION_FILES,
): Promise<SampleImages> {
  if (given !== undefined) return givenSamples(given);
  try {
    const chosen = await (await datasetOf(run)).evaluation.sample(most);
    return asSamples({ length: chosen.length, read: () => chosen }, "of the run's evaluation files");
  } catch (error) {
    if (!(error instanceof VqkitError)) throw error;
    const reason = run === undefined ? "the model file names none" : messageOf(error);
    return synthetic([
      `No evaluation images (${reason.replace(/\.$/, "")}): checked on synthetic ones. Give some (option check).`,
    ]);
  }
}

/** The same images cut to squares, for a model that takes one size: their middle, edges repeated where they are smaller. */
export function ofOneSize(samples: SampleImages, side: number | undefined): SampleImages {
  if (side === undefined) return samples;
  return {
    ...samples,
    async *images() {
      for await (const { name, image } of samples.images()) yield { name, image: squareOf(image, side) };
    },
  };
}

function squareOf({ pixels, height, width }: RgbImage, side: number): RgbImage {
  const square = new Uint8Array(side * side * 3);
  const from = (at: number, size: number): number =>
    Math.min(size - 1, Math.max(0, Math.floor((size - side) / 2)) + at);
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      const at = 3 * (from(y, height) * width + from(x, width));
      square.set(pixels.subarray(at, at + 3), 3 * (y * side + x));
    }
  }
  return { pixels: square, height: side, width: side };
}

async function givenSamples(given: string | readonly string[]): Promise<SampleImages> {
  const warnings: string[] = [];
  const { images } = await findDatasetImages(
    { images: given },
    {
      onBroken: ({ file, reason }) => warnings.push(`${file} is left out: ${reason}.`),
      onPassedOver(passedOver) {
        const all = describePassedOver(passedOver);
        if (all !== "") warnings.push(`Passed over ${all}.`);
      },
    },
  );
  const all = Array.from({ length: images.length }, (_, i) => i);
  return { ...asSamples({ length: all.length, read: () => images.read(all) }, "given"), warnings };
}

/**
 * The images of a run, as its configuration leads to them from the current folder.
 *
 * @throws VqkitError("config") without a usable configuration; VqkitError("data") when they are not there
 */
export async function datasetOf(run: Readonly<Record<string, unknown>> | undefined): Promise<ImageDataset> {
  const schema = z.looseObject({ data: dataConfigSchema, seed: z.int() });
  const { data, seed } = parseConfig(schema, run ?? {}, "config");
  // Training told of what it left out.
  return ImageDataset.open(data, seed);
}

/** Some images, which can be read anew as often as they are wanted. */
interface Readable {
  readonly length: number;
  read(): Iterable<SourceItem> | AsyncIterable<SourceItem>;
}

function asSamples({ length, read }: Readable, which: string): SampleImages {
  return {
    description: `${length} ${length === 1 ? "image" : "images"} ${which}`,
    count: length,
    warnings: [],
    async *images() {
      for await (const next of decodeAll(read(), { concurrency: 2 })) {
        if ("reason" in next) throw new ImageError(next.file, next.reason);
        yield { name: next.file, image: next.image };
      }
    },
  };
}

/** Height and width of the synthetic images: no multiples of any downsampling factor, and one that is. */
const SYNTHETIC_SIZES = [
  [64, 96],
  [67, 45],
  [121, 203],
  [250, 187],
] as const;

/** Smooth colours under noise of growing strength, from a fixed seed. */
function synthetic(warnings: readonly string[]): SampleImages {
  return {
    description: `${SYNTHETIC_SIZES.length} synthetic images`,
    count: SYNTHETIC_SIZES.length,
    warnings,
    async *images() {
      for (const [i, [height, width]] of SYNTHETIC_SIZES.entries()) {
        yield { name: `synthetic ${i}`, image: syntheticImage(i, height, width) };
      }
    },
  };
}

function syntheticImage(index: number, height: number, width: number): RgbImage {
  const random = new Random(0, "export check", index);
  const waves = Array.from({ length: 3 }, () => [
    random.uniform(1, 9),
    random.uniform(1, 9),
    random.uniform(0, 6),
  ]);
  const noise = 8 * (index + 1);
  const pixels = new Uint8ClampedArray(height * width * 3);
  let at = 0;
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      for (const [down = 0, along = 0, phase = 0] of waves) {
        const wave = Math.sin((down * y) / height + (along * x) / width + phase);
        pixels[at++] = 128 + 100 * wave + random.uniform(-noise, noise);
      }
  return { pixels: new Uint8Array(pixels.buffer), height, width };
}
