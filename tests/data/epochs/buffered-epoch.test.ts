import { describe, expect, it } from "vitest";
import { BufferedEpoch } from "../../../src/data/epochs/buffered-epoch.js";
import type { IndexedImages, IndexedItem } from "../../../src/data/index.js";
import { itemAt } from "../../../src/data/indexed/indexed-images.js";

const COUNT = 200;
const train = Uint32Array.from({ length: COUNT }, (_, i) => i);

/** Images whose bytes are their number; says which were loaded, and how often it was closed. */
class CountedImages implements IndexedImages {
  readonly length = COUNT;
  readonly sequential = undefined;
  readonly loaded: number[] = [];
  readonly broken = new Set<number>();
  closed = 0;

  name = (index: number) => `image ${index}`;
  identity = this.name;

  async load(index: number): Promise<Uint8Array> {
    this.loaded.push(index);
    if (this.broken.has(index)) throw new Error("broken");
    return Uint8Array.of(index);
  }

  async *read(indices: Iterable<number>): AsyncGenerator<IndexedItem, void, undefined> {
    try {
      for (const index of indices) yield itemAt(this, index);
    } finally {
      this.closed++;
    }
  }

  partLengths = () => [50, 10, 140];
}

const options = { number: 2, seed: 5, size: 20, start: 0 };

async function shown(epoch: BufferedEpoch, from: number, to: number): Promise<number[]> {
  const all: number[] = [];
  for (let position = from; position < to; position++) {
    const [value] = (await epoch.source(position)()) as Uint8Array;
    expect(value).toBe(epoch.index(position));
    all.push(value as number);
  }
  return all;
}

describe("BufferedEpoch", () => {
  it("shows every image once, having read each once and held few", async () => {
    const images = new CountedImages();
    const epoch = new BufferedEpoch(images, train, options);
    const all: number[] = [];
    for (let position = 0; position < COUNT; position++) {
      all.push(...(await shown(epoch, position, position + 1)));
      // The buffer, and 64 that are kept behind.
      expect(epoch.held).toBeLessThanOrEqual(20 + 64);
    }
    expect(all.sort((a, b) => a - b)).toEqual([...train]);
    expect([...images.loaded].sort((a, b) => a - b)).toEqual([...train]);
    expect(images.closed).toBe(1); // with the last image, before `close`
  });

  it("shows from any position on what it would have shown there, and reads nothing that was shown before", async () => {
    const whole = await shown(new BufferedEpoch(new CountedImages(), train, options), 0, COUNT);
    for (const start of [1, 37, 190]) {
      const images = new CountedImages();
      const epoch = new BufferedEpoch(images, train, { ...options, start });
      expect(await shown(epoch, start, COUNT)).toEqual(whole.slice(start));
      expect(images.loaded).toHaveLength(COUNT - start);
      await epoch.close();
    }
  });

  it("answers many who ask at a time", async () => {
    const epoch = new BufferedEpoch(new CountedImages(), train, options);
    const sources = Array.from({ length: COUNT }, (_, position) => epoch.source(position));
    const values = await Promise.all(sources.map((source) => source()));
    expect(values.map((value) => (value as Uint8Array)[0])).toEqual(
      Array.from({ length: COUNT }, (_, position) => epoch.index(position)),
    );
  });

  it("tells of a broken image where it is shown, and of none that nobody asks for", async () => {
    const images = new CountedImages();
    const epoch = new BufferedEpoch(images, train, options);
    images.broken.add(epoch.index(3));
    images.broken.add(epoch.index(5));
    await shown(epoch, 0, 3);
    await expect(epoch.source(3)()).rejects.toThrow("broken");
    await shown(epoch, 4, 5);
    epoch.source(5);
    await shown(epoch, 6, 30);
    await epoch.close();
    expect(images.closed).toBe(1);
  });

  it("brings what is far behind by itself: the first of an epoch in the place of a broken last one", async () => {
    const images = new CountedImages();
    const epoch = new BufferedEpoch(images, train, options);
    await shown(epoch, 0, COUNT);
    const before = images.loaded.length;
    await shown(epoch, 0, 1);
    expect(images.loaded.slice(before)).toEqual([epoch.index(0)]);
  });
});
