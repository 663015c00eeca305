import { mkdir, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import sharp from "sharp";
import { beforeAll, describe, expect, it } from "vitest";
import { parseConfig } from "../../src/core/config.js";
import type { VqkitError } from "../../src/core/errors.js";
import type { BrokenImage, ImageBatch } from "../../src/data/batch.js";
import { type DataConfigInput, dataConfigSchema } from "../../src/data/data-config.js";
import { ImageDataset, type ImageDatasetOptions } from "../../src/data/dataset.js";
import { temporaryFolder } from "./temporary.js";

const root = await temporaryFolder();
const folder = `${root}/photos`;
const COUNT = 7;

/** Image i is (20 + 3i)×(30 + i); its pixel at row r and column c is [10i, r, c], so that a crop tells its place. */
const sizeOf = (i: number) => ({ height: 20 + 3 * i, width: 30 + i });

async function writeImage(i: number, into = folder): Promise<string> {
  const { height, width } = sizeOf(i);
  const pixels = Uint8Array.from({ length: height * width * 3 }, (_, at) => {
    const place = Math.floor(at / 3);
    return [10 * i, Math.floor(place / width), place % width][at % 3] as number;
  });
  await mkdir(into, { recursive: true });
  const file = `${into}/image${i}.png`;
  await sharp(pixels, { raw: { height, width, channels: 3 } }).toFile(file);
  return file;
}

beforeAll(async () => {
  for (let i = 0; i < COUNT; i++) await writeImage(i);
});

interface OpenOptions extends ImageDatasetOptions {
  readonly seed?: number;
}

function open(config: Partial<DataConfigInput> = {}, { seed = 3, ...options }: OpenOptions = {}) {
  const defaults = { images: folder, cropSize: [8, 12], heldOut: 0 };
  return ImageDataset.open(parseConfig(dataConfigSchema, { ...defaults, ...config }, "data"), seed, options);
}

async function take(batches: AsyncIterable<ImageBatch>, count: number): Promise<ImageBatch[]> {
  const taken: ImageBatch[] = [];
  for await (const batch of batches) {
    taken.push(batch);
    if (taken.length === count) break;
  }
  return taken;
}

interface Crop {
  readonly file: string;
  readonly pixels: number[];
}

/** The crops of batches one by one. */
function cropsOf(batches: readonly ImageBatch[]): Crop[] {
  return batches.flatMap(({ pixels, count, height, width, files }) => {
    const bytes = height * width * 3;
    expect(pixels).toHaveLength(count * bytes);
    expect(files).toHaveLength(count);
    return files.map((file, i) => ({
      file: path.basename(file),
      pixels: [...pixels.subarray(i * bytes, (i + 1) * bytes)],
    }));
  });
}

/** Where an 8×12 crop of one of the images above was cut; fails unless every pixel is the right one. */
function placeOf(crop: Crop): { top: number; left: number; flipped: boolean } {
  const i = Number(crop.file.slice(5, 6));
  const flipped = (crop.pixels[2] as number) > (crop.pixels[5] as number);
  const top = crop.pixels[1] as number;
  const left = crop.pixels[flipped ? 11 * 3 + 2 : 2] as number;
  const expected: number[] = [];
  for (let r = 0; r < 8; r++) {
    for (let c = 0; c < 12; c++) expected.push(10 * i, top + r, left + (flipped ? 11 - c : c));
  }
  expect(crop.pixels).toEqual(expected);
  expect(top + 8).toBeLessThanOrEqual(sizeOf(i).height);
  expect(left + 12).toBeLessThanOrEqual(sizeOf(i).width);
  return { top, left, flipped };
}

describe("trainBatches", () => {
  it("shows every file once an epoch, each epoch in another order, in batches that span epochs", async () => {
    const batches = await take((await open()).trainBatches({ batchSize: 3 }), 14);
    expect(batches.every((b) => b.count === 3 && b.height === 8 && b.width === 12)).toBe(true);
    const files = cropsOf(batches).map((crop) => crop.file);
    const epochs = Array.from({ length: 6 }, (_, e) => files.slice(e * COUNT, (e + 1) * COUNT));
    const all = Array.from({ length: COUNT }, (_, i) => `image${i}.png`);
    for (const epoch of epochs) expect([...epoch].sort()).toEqual(all);
    expect(new Set(epochs.map((epoch) => epoch.join())).size).toBeGreaterThan(3);
  });

  it("cuts crops at random places and mirrors about half", async () => {
    const places = cropsOf(await take((await open()).trainBatches({ batchSize: 20 }), 10)).map(placeOf);
    const flips = places.filter((place) => place.flipped).length;
    // 200 fair draws: 100 ± 3.5 standard deviations of √50.
    expect(Math.abs(flips - 100)).toBeLessThan(25);
    expect(new Set(places.map(({ top, left }) => `${top},${left}`)).size).toBeGreaterThan(100);
  });

  it("keeps to the centre and to one side when told so, and flip does not change the places", async () => {
    const centred = await take(
      (await open({ crop: "center", flip: false })).trainBatches({ batchSize: 7 }),
      2,
    );
    for (const crop of cropsOf(centred)) {
      const { height, width } = sizeOf(Number(crop.file.slice(5, 6)));
      const expected = {
        top: Math.floor((height - 8) / 2),
        left: Math.floor((width - 12) / 2),
        flipped: false,
      };
      expect(placeOf(crop)).toEqual(expected);
    }
    const [plain, flipping] = await Promise.all(
      [false, true].map(async (flip) =>
        cropsOf(await take((await open({ flip })).trainBatches({ batchSize: 7 }), 3)),
      ),
    );
    const where = (crops: Crop[] | undefined) => crops?.map(placeOf).map(({ top, left }) => [top, left]);
    expect(where(flipping)).toEqual(where(plain));
    expect(flipping).not.toEqual(plain);
  });

  it("is the same to the last byte for a seed, whatever the cache, the prefetching and the batch size", async () => {
    const reference = cropsOf(await take((await open()).trainBatches({ batchSize: 4 }), 9));
    for (const config of [
      {},
      { prefetch: 0 },
      { prefetch: 9, cacheMegabytes: 0 },
      { cacheMegabytes: 0.005 },
    ]) {
      expect(cropsOf(await take((await open(config)).trainBatches({ batchSize: 4 }), 9))).toEqual(reference);
    }
    expect(cropsOf(await take((await open()).trainBatches({ batchSize: 12 }), 3))).toEqual(reference);
    const other = cropsOf(await take((await open({}, { seed: 4 })).trainBatches({ batchSize: 4 }), 9));
    expect(other).not.toEqual(reference);
  });

  it("resumes at startStep with the batches that an uninterrupted run has there", async () => {
    const whole = await take((await open()).trainBatches({ batchSize: 5 }), 8);
    for (const startStep of [1, 3, 6]) {
      const resumed = await take((await open()).trainBatches({ batchSize: 5, startStep }), 2);
      expect(resumed).toEqual(whole.slice(startStep, startStep + 2));
    }
  });

  it("resizes first, and enlarges what is smaller than the crop", async () => {
    const shrunk = await open({ resize: 10, cropSize: [10, 10] });
    const [batch] = await take(shrunk.trainBatches({ batchSize: 7 }), 1);
    // Rows 0..19 of image 0 stand in 10 rows: the last one is about row 18.5, or 1.95 times its number.
    const first = cropsOf([batch as ImageBatch]).find((crop) => crop.file === "image0.png");
    expect(first?.pixels[9 * 10 * 3 + 1]).toBeGreaterThan(17);
    // The largest image is 38×36; 50×90 needs it 2.5 times as large.
    const large = await take((await open({ cropSize: [50, 90] })).trainBatches({ batchSize: 7 }), 1);
    expect(large[0]).toMatchObject({ count: 7, height: 50, width: 90 });
  });

  it("leaves nothing running after an early break", async () => {
    const dataset = await open({ cacheMegabytes: 0, prefetch: 8 });
    await take(dataset.trainBatches({ batchSize: 16 }), 1);
    expect(sharp.counters()).toEqual({ queue: 0, process: 0 });
    expect(await take(dataset.trainBatches({ batchSize: 2 }), 1)).toHaveLength(1);
  });

  it("keeps no more pixels than the cache may hold", async () => {
    const bytes = Array.from({ length: COUNT }, (_, i) => sizeOf(i).height * sizeOf(i).width * 3);
    const total = bytes.reduce((a, b) => a + b);
    for (const [limit, least] of [
      [0, 0],
      [6000, 1],
      [2 ** 20, total],
    ] as const) {
      const images = `${root}/cached${limit}`;
      const files = await Promise.all(Array.from({ length: COUNT }, (_, i) => writeImage(i, images)));
      const dataset = await open({ images, cacheMegabytes: limit / 2 ** 20, prefetch: 0 });
      await take(dataset.trainBatches({ batchSize: COUNT }), 3);
      // Of files that are gone only those that are kept can still be served.
      await rm(images, { recursive: true });
      await take(dataset.trainBatches({ batchSize: COUNT }), 3).catch((error: VqkitError) =>
        expect(error.code).toBe("data"),
      );
      const gone = new Set(dataset.broken.map(({ file }) => file));
      const kept = files.reduce((sum, file, i) => sum + (gone.has(file) ? 0 : (bytes[i] as number)), 0);
      expect(kept).toBeLessThanOrEqual(Math.min(limit, total));
      expect(kept).toBeGreaterThanOrEqual(least);
    }
  });

  it("refuses a batch size or step that is none", async () => {
    const dataset = await open();
    expect(() => dataset.trainBatches({ batchSize: 0 })).toThrow(
      "batchSize: expected an integer >= 1, got 0.",
    );
    expect(() => dataset.trainBatches({ batchSize: 1, startStep: -1 })).toThrow("startStep: expected");
    expect(() => dataset.evaluationBatches({ batchSize: 1.5 })).toThrow("batchSize: expected");
  });
});

describe("the split", () => {
  it("holds files out by seed, and evaluation shows only those", async () => {
    const dataset = await open({ heldOut: 0.3 });
    expect(dataset.heldOutFiles).toHaveLength(2);
    const all = Array.from({ length: COUNT }, (_, i) => `${folder}/image${i}.png`);
    expect([...dataset.trainFiles, ...dataset.heldOutFiles].sort()).toEqual(all);
    expect((await open({ heldOut: 0.3 })).heldOutFiles).toEqual(dataset.heldOutFiles);
    const trained = (await take(dataset.trainBatches({ batchSize: 5 }), 4)).flatMap((batch) => batch.files);
    expect([...new Set(trained)].sort()).toEqual(dataset.trainFiles);
    const evaluated = (await take(dataset.evaluationBatches({ batchSize: 5 }), -1)).flatMap((b) => b.files);
    expect([...new Set(evaluated)]).toEqual(dataset.heldOutFiles);
  });

  it("follows splitSeed where it is set, and the run's seed still orders training", async () => {
    const expected = (await open({ heldOut: 0.3 }, { seed: 3 })).heldOutFiles;
    const orders: string[][] = [];
    for (const seed of [1, 2]) {
      const dataset = await open({ heldOut: 0.3, splitSeed: 3 }, { seed });
      expect(dataset.heldOutFiles).toEqual(expected);
      const batches = await take(dataset.trainBatches({ batchSize: 5 }), 2);
      orders.push(batches.flatMap((batch) => batch.files));
    }
    expect(orders[0]).not.toEqual(orders[1]);
  });
});

describe("evaluationBatches", () => {
  it("is the grid crops of every file in order, with a smaller last batch", async () => {
    const dataset = await open({ evaluationCropsPerImage: 100 });
    const batches = await take(dataset.evaluationBatches({ batchSize: 7 }), -1);
    const expected = Array.from({ length: COUNT }, (_, i) => {
      const { height, width } = sizeOf(i);
      const [rows, columns] = [Math.floor(height / 8), Math.floor(width / 12)];
      const top = Math.floor((height - rows * 8) / 2);
      const left = Math.floor((width - columns * 12) / 2);
      return Array.from({ length: rows * columns }, (_, cell) => ({
        file: `image${i}.png`,
        top: top + 8 * Math.floor(cell / columns),
        left: left + 12 * (cell % columns),
        flipped: false,
      }));
    }).flat();
    expect(cropsOf(batches).map((crop) => ({ file: crop.file, ...placeOf(crop) }))).toEqual(expected);
    const whole = Math.floor(expected.length / 7);
    expect(batches.map((batch) => batch.count)).toEqual([...Array(whole).fill(7), expected.length % 7]);
    expect(expected.length % 7).toBeGreaterThan(0);
    // Where the crops fill the batches exactly, no empty one follows.
    expect(expected).toHaveLength(48);
    const full = await take(dataset.evaluationBatches({ batchSize: 8 }), -1);
    expect(full.map((batch) => batch.count)).toEqual(Array(6).fill(8));
  });

  it("does not depend on batch size, prefetching, seed or cache, and can be repeated", async () => {
    const config = { evaluationCropsPerImage: 3 };
    const dataset = await open(config);
    const reference = cropsOf(await take(dataset.evaluationBatches({ batchSize: 8 }), -1));
    expect(reference).toHaveLength(COUNT * 3);
    expect(cropsOf(await take(dataset.evaluationBatches({ batchSize: 5 }), -1))).toEqual(reference);
    const other = await open({ ...config, prefetch: 0, cacheMegabytes: 0 }, { seed: 9 });
    expect(cropsOf(await take(other.evaluationBatches({ batchSize: 100 }), -1))).toEqual(reference);
  });

  it("uses the training files when nothing is held out", async () => {
    const dataset = await open();
    expect(dataset.heldOutFiles).toEqual([]);
    expect(dataset.evaluationFiles).toEqual(dataset.trainFiles);
  });
});

describe("broken files", () => {
  const BROKEN = 2;

  /** The folder above with a text in the place of image 2; same names, so the same permutations. */
  async function brokenFolder(name: string): Promise<string> {
    const into = `${root}/${name}`;
    for (let i = 0; i < COUNT; i++) await writeImage(i, into);
    const file = `${into}/image${BROKEN}.png`;
    await rm(file);
    await writeFile(file, "not an image");
    return into;
  }

  it("give way to the next file of the epoch's permutation and change no other sample", async () => {
    const images = await brokenFolder("replaced");
    const sound = cropsOf(await take((await open()).trainBatches({ batchSize: 7 }), 6));
    for (const config of [{}, { prefetch: 0 }, { cacheMegabytes: 0, prefetch: 12 }]) {
      const actual = cropsOf(
        await take((await open({ images, ...config })).trainBatches({ batchSize: 7 }), 6),
      );
      for (const [s, crop] of actual.entries()) {
        const intended = sound[s] as Crop;
        if (intended.file !== `image${BROKEN}.png`) {
          expect(crop).toEqual(intended);
          continue;
        }
        const epochStart = s - (s % COUNT);
        const next = sound[epochStart + ((s - epochStart + 1) % COUNT)] as Crop;
        expect(crop.file).toBe(next.file);
        placeOf(crop);
      }
    }
    const resumed = await take((await open({ images })).trainBatches({ batchSize: 3, startStep: 4 }), 3);
    const whole = await take((await open({ images })).trainBatches({ batchSize: 3 }), 7);
    expect(resumed).toEqual(whole.slice(4));
  });

  it("are reported once, by training and evaluation together", async () => {
    const images = await brokenFolder("reported");
    const reported: BrokenImage[] = [];
    const dataset = await open({ images }, { onBroken: (broken) => reported.push(broken) });
    expect(dataset.broken).toEqual([]);
    await take(dataset.trainBatches({ batchSize: 14 }), 3);
    const evaluated = cropsOf(await take(dataset.evaluationBatches({ batchSize: 4 }), -1));
    expect(new Set(evaluated.map((crop) => crop.file)).size).toBe(COUNT - 1);
    expect(reported).toHaveLength(1);
    expect(dataset.broken).toEqual(reported);
    expect(reported[0]?.file).toBe(`${images}/image${BROKEN}.png`);
    expect(reported[0]?.reason).toContain("unsupported image format");
  });

  it("alone are an error, which names the first", async () => {
    const images = `${root}/all-broken`;
    await mkdir(images);
    for (const name of ["b.jpg", "a.jpg", "c.jpg"]) await writeFile(`${images}/${name}`, "");
    const dataset = await open({ images });
    const message = (use: string) =>
      `data.images: expected at least one readable ${use} image, got none among 3. ` +
      `The first: ${images}/a.jpg: an empty file.`;
    await expect(take(dataset.trainBatches({ batchSize: 2 }), 1)).rejects.toMatchObject({
      code: "data",
      message: message("training"),
    });
    await expect(take(dataset.evaluationBatches({ batchSize: 2 }), 1)).rejects.toMatchObject({
      code: "data",
      message: message("evaluation"),
    });
  });
});
