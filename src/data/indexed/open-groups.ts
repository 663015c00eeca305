import type { ImageSource } from "../image-source.js";
import { GroupImages, type GroupPlace, type RowGroup } from "../sources/parquet-file.js";

/** Row groups of which is known where their pages are. */
const MOST_KNOWN = 64;

/**
 * The images of row groups of any number of files, in any order. One page is in memory at a time, so images that stand
 * near to one another are read faster than those that are strewn about.
 */
export class OpenGroups {
  /** The one that was used last comes last. */
  readonly #known = new Map<RowGroup, GroupImages>();
  #latest: GroupImages | undefined;
  /** Whoever asks waits for those who asked before. */
  #turn: Promise<unknown> = Promise.resolve();

  /** @param where what errors call the image. @throws ImageError */
  load(place: GroupPlace, entry: number, where: string): Promise<ImageSource> {
    const image = this.#turn.then(() => this.#imagesOf(place).load(entry, where));
    this.#turn = image.catch(() => {
      // Whoever asked is told; the next one is not concerned.
    });
    return image;
  }

  #imagesOf(place: GroupPlace): GroupImages {
    const { group } = place;
    const images = this.#known.get(group) ?? new GroupImages(place);
    this.#known.delete(group);
    this.#known.set(group, images);
    if (images !== this.#latest) this.#latest?.release();
    this.#latest = images;
    const [oldest] = this.#known.keys();
    if (this.#known.size > MOST_KNOWN) this.#known.delete(oldest as RowGroup);
    return images;
  }
}
