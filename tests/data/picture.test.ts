import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { cellOf, type PictureRow, pictureGrid, picturesOf } from "../../src/data/picture.js";
import { noise } from "./temporary.js";

function image(seed: number, height = 5, width = 7) {
  return { pixels: noise(seed, { height, width }).pixels, height, width };
}

const rows: PictureRow[] = [
  { images: [image(1), image(2), image(3)] },
  { images: [image(4), image(5), image(6)] },
];

describe("pictureGrid", () => {
  it("without labels is as large as its images and the gaps between them", async () => {
    const { png, geometry } = await pictureGrid(rows);
    expect(geometry).toEqual({
      rows: 2,
      columns: 3,
      cellWidth: 7,
      cellHeight: 5,
      gap: 2,
      left: 0,
      top: 0,
    });
    // 3·7 + 2·2 and 2·5 + 2
    expect(await sharp(png).metadata()).toMatchObject({ format: "png", width: 25, height: 12, channels: 3 });
    expect(cellOf(geometry, 1, 2)).toEqual({ top: 7, left: 18, height: 5, width: 7 });
  });

  it("gives its images back byte for byte, with labels too", async () => {
    for (const label of [undefined, "fsq <&> é\n21.3 dB"]) {
      const labelled = rows.map((row) => (label === undefined ? row : { ...row, label }));
      const { png, geometry } = await pictureGrid(labelled, { gap: 3 });
      expect(await picturesOf(png, geometry)).toEqual(rows.map(({ images }) => images));
      expect((await pictureGrid(labelled, { gap: 3 })).png.equals(png)).toBe(true);
    }
  });

  it("is white where there is no image, and dark somewhere in a label", async () => {
    const { png, geometry } = await pictureGrid(rows.map((row) => ({ ...row, label: "vq\n19.1 dB" })));
    const { data, info } = await sharp(png).raw().toBuffer({ resolveWithObject: true });
    const label = [...data].filter((_, i) => Math.floor(i / 3) % info.width < geometry.left);
    expect(Math.min(...label)).toBeLessThan(128);
    expect([...data.subarray(0, 3 * info.width)].every((value) => value === 255)).toBe(true);
    const gap = (geometry.top + geometry.cellHeight) * info.width + geometry.left;
    expect([...data.subarray(3 * gap, 3 * gap + 3)]).toEqual([255, 255, 255]);
  });

  it("enlarges pixels to squares", async () => {
    const small = { pixels: Uint8Array.of(10, 20, 30, 200, 100, 50), height: 1, width: 2 };
    const { png, geometry } = await pictureGrid([{ images: [small] }], { scale: 2 });
    expect(geometry).toMatchObject({ cellWidth: 4, cellHeight: 2 });
    const row = [10, 20, 30, 10, 20, 30, 200, 100, 50, 200, 100, 50];
    expect([...((await picturesOf(png, geometry))[0]?.[0]?.pixels ?? [])]).toEqual([...row, ...row]);
  });

  it.each([
    ["no rows", [], "at least one image"],
    ["no images", [{ images: [] }], "at least one image"],
    ["a shorter row", [rows[0], { images: [image(4)] }], "row 1: expected 3 images as in row 0, got 1"],
    ["another size", [{ images: [image(1), image(2, 5, 8)] }], "row 0: expected images of 7×5, got 8×5"],
  ])("refuses %s", async (_, bad, reason) => {
    await expect(pictureGrid(bad as PictureRow[])).rejects.toMatchObject({
      code: "data",
      message: expect.stringContaining(reason),
    });
  });
});

describe("picturesOf", () => {
  it("refuses a picture smaller than described, and what is no picture", async () => {
    const { png, geometry } = await pictureGrid(rows);
    const larger = { ...geometry, columns: 4 };
    await expect(picturesOf(png, larger, "runs/a/reconstructions.png")).rejects.toMatchObject({
      code: "format",
      // 4·7 + 3·2 = 34
      message: expect.stringContaining(
        "runs/a/reconstructions.png: expected at least 34×12 pixels, got 25×12",
      ),
    });
    await expect(picturesOf(Uint8Array.of(1, 2), geometry)).rejects.toMatchObject({ code: "format" });
  });
});
