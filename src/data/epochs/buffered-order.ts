import { Random } from "../../core/random.js";

/** In which order an epoch reads its images, and in which it shows them. */
export interface BufferedOrder {
  /** Numbers of images, as they are read. */
  readonly reading: Uint32Array;
  /** Places of `reading`, as they are shown: at most `size` - 1 behind the place that stands there. */
  readonly shown: Uint32Array;
}

/**
 * The order of a shuffle buffer: parts of the source come in a random order, each is read from its beginning to its end,
 * and what is shown is drawn from the `size` images that have been read and not yet shown.
 *
 * It depends on nothing but its arguments, so an epoch can be entered anywhere without what came before.
 *
 * @param train numbers of the images, ascending
 * @param options.partLengths images in each part of the whole source
 * @param options.size images in the buffer, >= 1; from all images on, every order is as likely as any other
 */
export function bufferedOrder(
  train: Uint32Array,
  options: {
    readonly partLengths: Iterable<number>;
    readonly size: number;
    readonly seed: number;
    readonly epoch: number;
  },
): BufferedOrder {
  const { size, seed, epoch } = options;
  const reading = readingOrder(train, options.partLengths, new Random(seed, "parts", epoch));
  const shown = new Uint32Array(train.length);
  const random = new Random(seed, "shuffle buffer", epoch);
  const buffer: number[] = [];
  let read = 0;
  for (let position = 0; position < shown.length; position++) {
    while (buffer.length < size && read < reading.length) buffer.push(read++);
    const at = random.integer(buffer.length);
    shown[position] = buffer[at] as number;
    // The last one takes the place of the one that has left.
    const last = buffer.pop() as number;
    if (at < buffer.length) buffer[at] = last;
  }
  return { reading, shown };
}

function readingOrder(train: Uint32Array, partLengths: Iterable<number>, random: Random): Uint32Array {
  const ends: number[] = []; // in `train`, of the parts that have images there
  let [partEnd, at] = [0, 0];
  for (const length of partLengths) {
    partEnd += length;
    const begin = at;
    while (at < train.length && (train[at] as number) < partEnd) at++;
    if (at > begin) ends.push(at);
  }
  const parts = Uint32Array.from(ends, (_, i) => i);
  random.shuffle(parts);
  const reading = new Uint32Array(train.length);
  let filled = 0;
  for (const part of parts) {
    const own = train.subarray(part === 0 ? 0 : ends[part - 1], ends[part]);
    reading.set(own, filled);
    filled += own.length;
  }
  return reading;
}
