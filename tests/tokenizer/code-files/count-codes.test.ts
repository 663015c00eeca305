import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { countCodes, writeCodes } from "../../../src/tokenizer/index.js";
import { temporaryFolder } from "../../runs/temporary-folder.js";
import { codesOf, twoGrids } from "./samples.js";

describe("countCodes", () => {
  it("counts every index of every stack, each codebook by itself", async () => {
    const dir = join(await temporaryFolder(), "codes");
    await writeCodes(dir, twoGrids);
    const { counts, images, geometry } = await countCodes(dir);
    const expected = [new Map<number, number>(), new Map<number, number>()];
    for (const { indices } of twoGrids) {
      for (const [i, index] of indices.entries()) {
        const table = expected[i % 2] as Map<number, number>;
        table.set(index, (table.get(index) ?? 0) + 1);
      }
    }
    for (const q of [0, 1]) {
      expect(new Map(counts.usedCodes(q).map(({ index, count }) => [index, count]))).toEqual(expected[q]);
    }
    expect([counts.codebookSize, counts.numCodebooks, counts.samples, images]).toEqual([
      900,
      2,
      6 * 6 + 3 * 4,
      9,
    ]);
    expect(geometry).toBeNull();
  });

  it("counts an image once, however many tiles it has", async () => {
    const dir = join(await temporaryFolder(), "codes");
    const codes = codesOf({ seed: 3, count: 5 });
    const size = { width: 12, height: 8 };
    const place = { top: 0, imageHeight: 8, imageWidth: 16, overlap: 4 };
    const images = [0, 1, 2, 3, 4].map((i) =>
      // A whole image, then two of two tiles each.
      i === 0
        ? { name: "0", ...size }
        : { name: `${(i + 1) >> 1}`, ...size, tile: { ...place, left: 4 * ((i + 1) % 2) } },
    );
    expect(await writeCodes(dir, [{ ...codes, images }])).toMatchObject({ entries: 5 });
    // All cover 12×8 pixels, which is no size of an image.
    expect(await countCodes(dir)).toMatchObject({ images: 3, geometry: null });
  });

  it("states the geometry that all images have in common", async () => {
    const folder = await temporaryFolder();
    const codes = codesOf({ seed: 7, count: 3 });
    const images = codes.images.map((image) => ({ ...image, width: 11, height: 8 }));
    await writeCodes(join(folder, "same"), [{ ...codes, images }]);
    expect((await countCodes(join(folder, "same"))).geometry).toEqual({
      gridHeight: 2,
      gridWidth: 3,
      imageHeight: 8,
      imageWidth: 11,
      numCodebooks: 2,
    });
    // One grid, but the last image is a pixel narrower.
    await writeCodes(join(folder, "different"), [codes]);
    expect((await countCodes(join(folder, "different"))).geometry).toBeNull();
  });
});
