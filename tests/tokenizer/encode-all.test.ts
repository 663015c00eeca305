import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import type { BrokenImage } from "../../src/data/index.js";
import { type EncodedBatch, readCodes, Tokenizer, writeCodes } from "../../src/tokenizer/index.js";
import { imageParquet, writeTar } from "../data/sources/shards.js";
import { noise, temporaryFolder } from "../data/temporary.js";
import { useEngine } from "../engine.js";
import { modelFile, quantizers, rawImage } from "./model.js";

const folder = await temporaryFolder();
const photos = join(folder, "photos");
const sizes: Record<string, [height: number, width: number]> = {
  "1.png": [8, 12],
  "2.png": [7, 11],
  "3.png": [12, 8],
  "sub/4.png": [12, 8],
};
let tokenizer: Tokenizer;

beforeAll(async () => {
  await useEngine();
  await mkdir(join(photos, "sub"), { recursive: true });
  for (const [i, [name, [height, width]]] of Object.entries(sizes).entries()) {
    await noise(i, { height, width }).image.png().toFile(join(photos, name));
  }
  tokenizer = await Tokenizer.load(await modelFile(folder, quantizers.rotation));
  return () => tokenizer.dispose();
});

async function all(codes: AsyncIterable<EncodedBatch>): Promise<EncodedBatch[]> {
  const batches: EncodedBatch[] = [];
  for await (const batch of codes) batches.push(batch);
  return batches;
}

describe("Tokenizer.encodeAll", () => {
  it("encodes every file in order, neighbours of one grid together, as encode does", async () => {
    const batches = await all(tokenizer.encodeAll(photos));
    expect(batches.map(({ shape, images }) => [shape, images.map(({ name }) => name)])).toEqual([
      [
        [2, 2, 3, 1],
        ["1.png", "2.png"],
      ],
      [
        [2, 3, 2, 1],
        ["3.png", "sub/4.png"],
      ],
    ]);
    expect(batches[0]?.images[1]).toEqual({ name: "2.png", height: 7, width: 11 });
    const expected = await tokenizer.encode([join(photos, "3.png"), join(photos, "sub/4.png")]);
    expect(batches[1]?.indices).toEqual(expected.indices);
    expect(batches[1]?.fingerprint).toBe(tokenizer.fingerprint);
  });

  it("gives every image one size when asked to", async () => {
    const batches = await all(tokenizer.encodeAll(photos, { size: [8, 4], batchSize: 3 }));
    expect(batches.map(({ shape }) => shape)).toEqual([
      [3, 2, 1, 1],
      [1, 2, 1, 1],
    ]);
  });

  it("tells of a broken file by its path and goes on, or throws it", async () => {
    const mixed = join(folder, "mixed");
    await mkdir(mixed);
    await noise(9, { height: 8, width: 8 }).image.png().toFile(join(mixed, "a.png"));
    await writeFile(join(mixed, "b.png"), "no image");
    const told: BrokenImage[] = [];
    const batches = await all(tokenizer.encodeAll(mixed, { onBroken: (broken) => told.push(broken) }));
    expect(batches.flatMap(({ images }) => images.map(({ name }) => name))).toEqual(["a.png"]);
    expect(told.map(({ file }) => file)).toEqual([join(mixed, "b.png")]);
    await expect(all(tokenizer.encodeAll(mixed))).rejects.toMatchObject({
      code: "data",
      file: join(mixed, "b.png"),
    });
  });

  it("refuses wrong options at once, and a source without images when it is read", async () => {
    expect(() => tokenizer.encodeAll(photos, { size: 6 })).toThrow(/^size: expected a multiple/);
    await expect(all(tokenizer.encodeAll(join(folder, "none")))).rejects.toMatchObject({ code: "data" });
  });

  it("goes on from any batch, and yields what is left as it would have", async () => {
    const told: string[] = [];
    const onBroken = ({ file }: BrokenImage) => told.push(file);
    const bad = { name: "bad", source: Buffer.from("no image") };
    const good = (n: number) => ({
      name: `good ${n}`,
      source: rawImage(n, { height: 8, width: n < 5 ? 8 : 12 }),
    });
    // Broken ones at the start, within a batch, between two batches and at the end.
    const items = [bad, good(0), good(1), bad, good(2), good(3), bad, bad, good(5), good(6), bad];
    // In tiles of 8×8 the wide ones are two each, so that 3 at once are 0, 1, 2; 3, 5; 6.
    for (const options of [{ batchSize: 2 }, { policy: "tile", size: [8, 8], batchSize: 3 }] as const) {
      const whole = await all(tokenizer.encodeAll(items, { ...options, onBroken }));
      expect(whole.map(({ itemsDone, itemsBroken }) => [itemsDone, itemsBroken])).toEqual(
        options.batchSize === 2
          ? [
              [3, 1],
              [6, 2],
              [10, 4],
            ]
          : [
              [5, 2],
              [9, 4],
              [10, 4],
            ],
      );
      for (const [i, { itemsDone, itemsBroken, itemsDigest }] of whole.entries()) {
        const start = { itemsDone, itemsBroken, itemsDigest };
        expect(await all(tokenizer.encodeAll(items, { ...options, onBroken, start }))).toEqual(
          whole.slice(i + 1),
        );
        const counted = await all(tokenizer.encodeAll(items, { ...options, onBroken, start: itemsDone }));
        expect(counted.map(({ indices }) => indices)).toEqual(
          whole.slice(i + 1).map(({ indices }) => indices),
        );
      }
    }
    expect(new Set(told)).toEqual(new Set(["bad"]));
  });

  it("reads nothing of the items before the start", async () => {
    let read = 0;
    const items = Array.from({ length: 6 }, (_, i) => ({
      name: `${i}`,
      source: async () => {
        read++;
        return rawImage(i, { height: 8, width: 8 });
      },
    }));
    const [batch] = await all(tokenizer.encodeAll(items, { start: 4 }));
    expect(batch?.images.map(({ name }) => name)).toEqual(["4", "5"]);
    expect(read).toBe(2);
  });

  it("refuses to go on in another source", async () => {
    const items = [0, 1, 2].map((i) => ({ name: `${i}`, source: rawImage(i, { height: 8, width: 8 }) }));
    const [start] = await all(tokenizer.encodeAll(items, { batchSize: 2 }));
    if (start === undefined) throw new Error("expected a batch");
    const refused = async (other: typeof items) =>
      (await all(tokenizer.encodeAll(other, { start })).catch((error: unknown) => error)) as Error;
    expect((await refused([...items].reverse())).message).toBe(
      "images: expected the first 2 to be those that are done, got others or in another order. Give the same images as before.",
    );
    expect((await refused(items.slice(0, 1))).message).toBe(
      "images: expected at least the 2 that are done, got 1. Give the same images as before.",
    );
  });

  it("reads tar shards, Parquet files and images side by side", async () => {
    const mixed = join(folder, "shards");
    await mkdir(mixed);
    const png = async (seed: number) =>
      new Uint8Array(await noise(seed, { height: 8, width: 8 }).image.png().toBuffer());
    const [a, b, c] = [await png(1), await png(2), await png(3)];
    await writeTar(join(mixed, "a.tar"), [
      ["x/0.png", a],
      ["../1.png", b],
    ]);
    await writeFile(join(mixed, "b.parquet"), imageParquet([b, null, c]));
    await writeFile(join(mixed, "c.png"), c);
    const told: BrokenImage[] = [];
    const batches = await all(tokenizer.encodeAll(mixed, { onBroken: (broken) => told.push(broken) }));
    expect(batches.flatMap(({ images }) => images.map(({ name }) => name))).toEqual([
      "a.tar/x/0",
      "b.parquet/0",
      "b.parquet/2",
      "c.png",
    ]);
    expect(told).toEqual([
      { file: `${mixed}/a.tar/"../1.png"`, reason: "a tar entry whose path leads out of its archive" },
      { file: `${mixed}/b.parquet row 1 (image)`, reason: "no bytes" },
    ]);
    const expected = await tokenizer.encode([a, b, c, c]);
    expect(batches.map(({ indices }) => indices)).toEqual([expected.indices]);
  });

  it("goes through a code folder and back to the model's own reconstructions", async () => {
    const dir = join(folder, "codes");
    await writeCodes(dir, tokenizer.encodeAll(photos));
    const decoded = [];
    for await (const codes of readCodes(dir)) decoded.push(...(await tokenizer.decodeBatch(codes)));
    expect(decoded.map(({ name }) => name)).toEqual(Object.keys(sizes));
    for (const image of decoded) {
      const expected = await tokenizer.reconstruct(join(photos, image.name));
      expect(image.pixels).toEqual(expected.pixels);
      expect([image.height, image.width]).toEqual(sizes[image.name]);
    }
  });
});
