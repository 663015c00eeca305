import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import type { BrokenImage } from "../../src/data/index.js";
import { type Codes, readCodes, Tokenizer, writeCodes } from "../../src/tokenizer/index.js";
import { noise, temporaryFolder } from "../data/temporary.js";
import { useEngine } from "../engine.js";
import { modelFile, quantizers } from "./model.js";

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

async function all(codes: AsyncIterable<Codes>): Promise<Codes[]> {
  const batches: Codes[] = [];
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
