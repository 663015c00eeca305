import { describe, expect, it } from "vitest";
import { bufferedOrder } from "../../../src/data/epochs/buffered-order.js";

const PARTS = [7, 1, 20, 12]; // 40 images
/** Without those whose number leaves 3 by 5: 32 images. */
const train = Uint32Array.from(Array.from({ length: 40 }, (_, i) => i).filter((i) => i % 5 !== 3));

const order = (options: Partial<Parameters<typeof bufferedOrder>[1]> = {}) =>
  bufferedOrder(train, { partLengths: PARTS, size: 6, seed: 3, epoch: 0, ...options });

/** Which part an image stands in. */
const partOf = (image: number) => (image < 7 ? 0 : image < 8 ? 1 : image < 28 ? 2 : 3);

describe("bufferedOrder", () => {
  it("reads parts in a random order, each from its beginning to its end", () => {
    const seen = new Set<string>();
    for (let epoch = 0; epoch < 20; epoch++) {
      const { reading } = order({ epoch });
      expect([...reading].sort((a, b) => a - b)).toEqual([...train]);
      const parts = [...reading].map(partOf).filter((part, i, all) => part !== all[i - 1]);
      expect(new Set(parts).size).toBe(parts.length); // no part comes twice
      for (let i = 1; i < reading.length; i++) {
        const [a, b] = [reading[i - 1] as number, reading[i] as number];
        if (partOf(a) === partOf(b)) expect(b).toBeGreaterThan(a);
      }
      seen.add(parts.join());
    }
    expect(seen.size).toBeGreaterThan(5); // of 24
  });

  it("shows each image once, and none before the buffer can have read it", () => {
    for (const size of [1, 2, 6, 31, 32, 1000]) {
      const { shown } = order({ size });
      expect([...shown].sort((a, b) => a - b)).toEqual([...train.keys()]);
      const ahead = [...shown].map((place, position) => place - position);
      expect(Math.max(...ahead)).toBeLessThan(size);
      // What is shown leaves room: at any position no more than `size` have been read and not shown.
      let read = 0;
      for (const [position, place] of shown.entries()) {
        read = Math.max(read, place + 1);
        expect(read - position).toBeLessThanOrEqual(size);
      }
    }
    expect([...order({ size: 1 }).shown]).toEqual([...train.keys()]);
  });

  it("draws evenly: with room for all, each image comes first about as often", () => {
    const first = new Map<number, number>();
    for (let seed = 0; seed < 1600; seed++) {
      const place = order({ size: 32, seed }).shown[0] as number;
      first.set(place, (first.get(place) ?? 0) + 1);
    }
    // 1,600 draws of 32: 50 each, with a standard deviation of 7.
    expect(first.size).toBe(32);
    for (const count of first.values()) expect(Math.abs(count - 50)).toBeLessThan(5 * 7);
  });

  it("depends on seed and epoch, and on nothing else", () => {
    expect(order()).toEqual(order());
    expect(order({ seed: 4 }).shown).not.toEqual(order().shown);
    expect(order({ epoch: 1 }).shown).not.toEqual(order().shown);
    expect(order({ size: 7 }).reading).toEqual(order().reading);
  });
});
