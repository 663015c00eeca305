import { expect, test } from "vitest";
import { ScaleCounter, scaleFigures } from "../../src/metrics/index.js";

// Two images, scales 1 and 2: five indices each, the first of the 1×1 grid.
const SEQUENCES = Uint16Array.of(3, 0, 1, 1, 1, 3, 2, 0, 1, 1);

test("each scale has the indices of its grid, of all images", () => {
  const counter = new ScaleCounter(4, 1, [1, 2]);
  counter.add(SEQUENCES);
  expect(counter.scales.map(({ side, counts }) => [side, [...counts.counts()]])).toEqual([
    [1, [0, 0, 0, 2]],
    [2, [2, 5, 1, 0]],
  ]);
  const [coarse, fine] = scaleFigures(counter.scales);
  expect(coarse).toMatchObject({ side: 1, samples: 2, used: 1, usage: 0.25, perplexity: 1, entropyBits: 0 });
  expect(fine).toMatchObject({ side: 2, samples: 8, used: 3, usage: 0.75 });
  // −(2/8 log₂ 2/8 + 5/8 log₂ 5/8 + 1/8 log₂ 1/8) = 0.5 + 0.42379 + 0.375
  expect(fine?.entropyBits).toBeCloseTo(1.2988, 4);
  expect(fine?.perplexity).toBeCloseTo(2 ** 1.2988, 3);
});

test("half a sequence is refused", () => {
  const counter = new ScaleCounter(4, 1, [1, 2]);
  expect(() => counter.add(SEQUENCES.subarray(0, 7))).toThrow(
    "indices: expected a multiple of 5 (the scales of an image), got 7.",
  );
});
