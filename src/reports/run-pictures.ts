import { picturesOf, type RgbImage } from "../data/index.js";
import { readWhole } from "../files/index.js";
import type { RunRecord } from "./records/run-record.js";

/** A run's picture, and the images in it: entry i of both lists belongs together. */
export interface RunPictures {
  /** A PNG file: originals above reconstructions. */
  readonly png: Uint8Array;
  readonly originals: readonly RgbImage[];
  readonly reconstructions: readonly RgbImage[];
}

/** A handful of examples is a few megabytes at most. */
const MAX_BYTES = 64 * 2 ** 20;

/**
 * The examples that a run kept; undefined when it kept none.
 *
 * @throws VqkitError("format") for a picture that is broken or another than the run describes; VqkitError("file")
 */
export async function readPictures({ run, figures }: RunRecord): Promise<RunPictures | undefined> {
  if (figures.reconstructions === null) return undefined;
  const path = run.path("reconstructions");
  const png = await readWhole(path, MAX_BYTES);
  const [originals = [], reconstructions = []] = await picturesOf(png, figures.reconstructions, path);
  return { png, originals, reconstructions };
}

/** The width at which a row of images is shown: small crops at twice their size. */
export function enlarged(width: number): number {
  return width <= 560 ? 2 * width : width;
}
