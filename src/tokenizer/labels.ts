/** Classes of images by the folders that they lie in, and labels: places in a list of classes. */
import { VqkitError } from "../core/errors.js";
import type { EncodedBatch } from "./codes.js";

/**
 * The class of an image: the first folder in its name, as torchvision's ImageFolder has it of a folder with a subfolder a
 * class. The names of a source begin behind the folder that all of its images have in common.
 *
 * @returns undefined for a name without a folder
 */
export function classOf(name: string): string | undefined {
  const end = name.indexOf("/");
  return end < 1 ? undefined : name.slice(0, end);
}

/**
 * The classes of images, each once, sorted by code point: a class's label is its place in this list, from 0.
 *
 * @param names as `names` of an `ImageCollection` has them
 * @throws VqkitError("data") for an image without a folder
 */
export function classesOf(names: Iterable<string>): string[] {
  const classes = new Set<string>();
  for (const name of names) classes.add(classOf(name) ?? refuse(name));
  return [...classes].sort(byCodePoint);
}

/**
 * Gives each image the label of its class. Write what it yields with the same list (option `classes`).
 *
 * @param classes each once; the place of an image's class in it is its label
 * @throws VqkitError("data") for an image whose class is not among them
 */
export async function* withLabels(
  batches: AsyncIterable<EncodedBatch>,
  classes: readonly string[],
): AsyncGenerator<EncodedBatch, void, undefined> {
  const labels = new Map(classes.map((name, label) => [name, label]));
  for await (const batch of batches) {
    const images = batch.images.map((image) => ({ ...image, label: labelOf(image.name, labels) }));
    yield { ...batch, images };
  }
}

function labelOf(name: string, labels: ReadonlyMap<string, number>): number {
  const found = classOf(name) ?? refuse(name);
  const label = labels.get(found);
  if (label !== undefined) return label;
  throw new VqkitError(
    "data",
    `${name}: expected an image of one of the ${labels.size} classes, got ${JSON.stringify(found)}. Add it to the list of classes.`,
  );
}

function refuse(name: string): never {
  throw new VqkitError(
    "data",
    `${name}: expected an image in a folder that is named after its class, got none in its name, which begins behind the folder that all images have in common. Give the folder of all classes.`,
  );
}

/** UTF-8's order, which is that of Python's strings; JavaScript's own differs behind U+FFFF. */
function byCodePoint(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
