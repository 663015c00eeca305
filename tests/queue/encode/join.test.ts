import { afterAll, describe, expect, it } from "vitest";
import { cutSource, foundFiles } from "../../../src/data/index.js";
import { PieceJoin } from "../../../src/queue/encode/join.js";
import { encodePiece, readPiece } from "../../../src/queue/encode/piece.js";
import type { EncodePlan } from "../../../src/queue/encode/plan.js";
import {
  beginsImage,
  type EncodedBatch,
  type SourceProgress,
  Tokenizer,
} from "../../../src/tokenizer/index.js";
import { temporaryFolder } from "../../data/temporary.js";
import { mixedSource } from "../mixed-source.js";

const { model, images } = await mixedSource();
const tokenizer = await Tokenizer.load(model);
afterAll(() => tokenizer.dispose());
const dir = await temporaryFolder();
/** Tiles, so that an image has several entries. */
const options = {
  policy: "tile",
  size: [16, 16],
  overlap: 0,
  batchSize: 3,
  maxPixels: 1e6,
  allowOversize: true,
} as const;

async function pieces() {
  const plan = { options: { ...options, size: [...options.size] } } as unknown as EncodePlan;
  const made: Awaited<ReturnType<typeof readPiece>>[] = [];
  for await (const source of cutSource(await foundFiles(images), { imagesPerPiece: 4 })) {
    const work = { piece: made.length, source, plan, dir, signal: new AbortController().signal };
    made.push(await readPiece(dir, await encodePiece(tokenizer, work)));
  }
  return made;
}
const made = await pieces();

/** Every entry as [name, place, indices]. */
function flat(batches: readonly EncodedBatch[]): unknown[] {
  return batches.flatMap(({ images: all, indices, shape: [count] }) =>
    all.map((image, i) => {
      const length = indices.length / count;
      return [
        image.name,
        image.tile?.top,
        image.tile?.left,
        indices.subarray(i * length, (i + 1) * length).join(),
      ];
    }),
  );
}

async function joined(start?: SourceProgress): Promise<EncodedBatch[]> {
  const join = new PieceJoin(start);
  const batches: EncodedBatch[] = [];
  for (const { record, codes } of made)
    for await (const batch of join.add(record, codes)) batches.push(batch);
  join.end();
  return batches;
}

async function encodedHere(batchSize: number): Promise<EncodedBatch[]> {
  const batches: EncodedBatch[] = [];
  const all = tokenizer.encodeAll(images, { ...options, size: [16, 16], batchSize, onBroken: () => {} });
  for await (const batch of all) batches.push(batch);
  return batches;
}

describe("PieceJoin", () => {
  it("has the entries of one machine, and its progress", async () => {
    const [here, there] = [await encodedHere(3), await joined()];
    expect(flat(there)).toEqual(flat(here));
    expect(flat(there).length).toBeGreaterThan(20);
    const { itemsDone, itemsBroken, itemsDigest } = here.at(-1) as EncodedBatch;
    expect(there.at(-1)).toMatchObject({ itemsDone, itemsBroken, itemsDigest });
  });

  it("begins behind every batch of its own, and of one machine with other batches", async () => {
    const whole = flat(await joined());
    for (const starts of [await joined(), await encodedHere(3), await encodedHere(64)]) {
      let before = 0;
      for (const start of starts) {
        before += start.images.length;
        const rest = await joined(start);
        expect(flat(rest)).toEqual(whole.slice(before));
        expect(rest.every((batch) => beginsImage(batch.images[0] as EncodedBatch["images"][number]))).toBe(
          true,
        );
      }
    }
  });

  it("refuses to continue behind other images, or more of them", async () => {
    const start = (await joined())[2] as EncodedBatch;
    await expect(joined({ ...start, itemsDigest: "0".repeat(64) })).rejects.toThrow(
      /got others or in another order/,
    );
    await expect(joined({ ...start, itemsDone: 1000 })).rejects.toThrow(/at least the 1000 that are done/);
  });
});

it("views of images come through pieces as they are encoded here", async () => {
  const views = {
    policy: "crop",
    size: [16, 24] as [number, number],
    views: "ten-crop",
    cropRange: 1.5,
  } as const;
  const [batch] = [{ ...views, batchSize: 3, maxPixels: 1e6, allowOversize: true }];
  const plan = { options: batch } as unknown as EncodePlan;
  const files = ["a0.png", "a1.png"].map((name) => ({ path: `${images}/${name}`, name }));
  const place = await temporaryFolder();
  const work = { piece: 0, source: { files }, plan, dir: place, signal: new AbortController().signal };
  const { record, codes } = await readPiece(place, await encodePiece(tokenizer, work));
  const found: EncodedBatch[] = [];
  const start = new PieceJoin();
  for await (const each of start.add(record, codes)) found.push(each);
  const here: EncodedBatch[] = [];
  const items = files.map(({ path: source, name }) => ({ source, name }));
  for await (const each of tokenizer.encodeAll(items, { ...views, allowOversize: true })) here.push(each);
  const withViews = (batches: EncodedBatch[]) => [
    flat(batches),
    batches.flatMap((each) => each.images.map(({ view }) => view)),
  ];
  expect(withViews(found)).toEqual(withViews(here));
  expect(withViews(found)[1]).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  // Behind the first image: all views of the other one, and no more.
  const rest: EncodedBatch[] = [];
  const behind = new PieceJoin({ ...(found[0] as EncodedBatch) });
  for await (const each of behind.add(record, codes)) rest.push(each);
  expect(rest.flatMap((each) => each.images.map(({ name, view }) => `${name} ${view}`))).toEqual(
    Array.from({ length: 10 }, (_, view) => `a1.png ${view}`),
  );
});

describe("encodePiece", () => {
  it("has no codes where nothing is readable, and tells why", () => {
    const { record } = made.at(-1) as (typeof made)[number];
    expect(record).toMatchObject({
      names: ["d.tar/0"],
      batches: [],
      broken: [{ reason: expect.any(String) }],
    });
  });

  it("leaves nothing when it fails, and is not taken when it was changed", async () => {
    const { readdir, appendFile } = await import("node:fs/promises");
    const [source] = [{ files: [{ path: `${images}/a0.png`, name: "a0.png" }] }];
    const plan = { options } as unknown as EncodePlan;
    const place = await temporaryFolder();
    const aborted = encodePiece(tokenizer, {
      ...{ piece: 7, source, plan, dir: place },
      signal: AbortSignal.abort(new Error("stopped")),
    });
    await expect(aborted).rejects.toThrow("stopped");
    expect(await readdir(place)).toEqual([]);
    const work = { piece: 7, source, plan, dir: place, signal: new AbortController().signal };
    const result = await encodePiece(tokenizer, work);
    expect(result.folder).toMatch(/^000007-[0-9a-f]{16}$/);
    await appendFile(`${place}/${result.folder}/piece.json`, " ");
    await expect(readPiece(place, result)).rejects.toMatchObject({ code: "format" });
  });
});
