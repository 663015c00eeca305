import { describe, expect, it } from "vitest";
import type { BrokenImage, SourceItem } from "../../src/data/index.js";
import { parseEncodeOptions } from "../../src/tokenizer/encode-options.js";
import { BATCH_PIXELS, imageBatches, pixelsOf } from "../../src/tokenizer/image-batches.js";

/** A grey image; `value` tells it from others. */
function flat(value: number, height: number, width: number): SourceItem {
  const pixels = new Uint8Array(height * width * 3).fill(value);
  return { name: `image ${value}`, source: { pixels, height, width, channels: 3 } };
}

const broken: SourceItem = { name: "broken", source: Buffer.from("no image") };

async function collect(
  sources: Iterable<SourceItem>,
  { batchSize = 16, onBroken }: { batchSize?: number; onBroken?: (broken: BrokenImage) => void } = {},
) {
  const settings = parseEncodeOptions({ batchSize }, 4);
  const batches = [];
  const options = { settings, factor: 4, ...(onBroken === undefined ? {} : { onBroken }) };
  for await (const { parts, size } of imageBatches(sources, options)) {
    const images = parts.map(({ coded }) => coded);
    batches.push({ ...pixelsOf(parts, size), images });
  }
  return batches;
}

describe("imageBatches", () => {
  it("groups neighbours of one padded size, in order, and fills each batch with their pixels", async () => {
    // 5×7 and 8×8 are both padded to 8×8.
    const sources = [
      flat(1, 8, 8),
      flat(2, 5, 7),
      flat(3, 8, 8),
      flat(4, 8, 8),
      flat(5, 4, 8),
      flat(6, 8, 8),
    ];
    const batches = await collect(sources, { batchSize: 3 });
    expect(batches.map(({ count, height, width }) => [count, height, width])).toEqual([
      [3, 8, 8],
      [1, 8, 8],
      [1, 4, 8],
      [1, 8, 8],
    ]);
    expect(batches[0]?.images).toEqual([
      { name: "image 1", width: 8, height: 8 },
      { name: "image 2", width: 7, height: 5 },
      { name: "image 3", width: 8, height: 8 },
    ]);
    const bytes = 8 * 8 * 3;
    const expected = Uint8Array.from({ length: 3 * bytes }, (_, i) => 1 + Math.floor(i / bytes));
    expect(batches[0]?.pixels).toEqual(expected);
  });

  it("puts fewer large images into a batch, and one that is larger than a batch by itself", async () => {
    const third = flat(1, 512, BATCH_PIXELS / 512 / 2 - 4);
    const batches = await collect([third, third, third]);
    expect(batches.map(({ count }) => count)).toEqual([2, 1]);
    const whole = flat(2, 1028, BATCH_PIXELS / 1024);
    expect((await collect([whole, whole])).map(({ count }) => count)).toEqual([1, 1]);
  });

  it("works ahead by two batches and a little, however many images there are", async () => {
    const batchSize = 2;
    let drawn = 0;
    function* endless(): Generator<SourceItem> {
      for (;;) yield flat(drawn++ % 256, 4, 4);
    }
    const settings = parseEncodeOptions({ batchSize }, 4);
    let taken = 0;
    let most = 0;
    for await (const { parts } of imageBatches(endless(), { settings, factor: 4 })) {
      taken += parts.length;
      // What a slow consumer leaves time for.
      await new Promise((resolve) => setTimeout(resolve, 2));
      most = Math.max(most, drawn - taken);
      if (taken >= 40) break;
    }
    expect(most).toBeGreaterThanOrEqual(batchSize);
    expect(most).toBeLessThanOrEqual(2 * batchSize + 2);
    const end = drawn;
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(drawn).toBe(end);
  });

  it("tells of each broken image and passes it over", async () => {
    const told: BrokenImage[] = [];
    const batches = await collect([flat(1, 4, 4), broken, flat(2, 4, 4)], { onBroken: (b) => told.push(b) });
    expect(batches.map(({ images }) => images.map(({ name }) => name))).toEqual([["image 1", "image 2"]]);
    expect(told).toEqual([{ file: "broken", reason: expect.stringContaining("unsupported") }]);
  });

  it("throws a broken image that nobody wants to be told of, and where all are broken", async () => {
    await expect(collect([flat(1, 4, 4), broken])).rejects.toMatchObject({ code: "data", file: "broken" });
    await expect(collect([broken, broken], { onBroken: () => {} })).rejects.toMatchObject({
      code: "data",
      message: expect.stringMatching(
        /^images: expected at least one readable image, got none among 2\. The first: broken: /,
      ),
    });
  });
});
