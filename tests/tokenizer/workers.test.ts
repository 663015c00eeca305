/** Worker threads start from the built package, so these tests run on `dist`, beside the sources on this thread. */
import { mkdir } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { VqkitError } from "../../dist/src/core/errors.js";
import { Tokenizer as BuiltTokenizer, type LoadOptions } from "../../dist/src/tokenizer/index.js";
import { Tokenizer } from "../../src/tokenizer/index.js";
import { noise, temporaryFolder } from "../data/temporary.js";
import { useEngine } from "../engine.js";
import { modelFile, quantizers, rawImage } from "./model.js";

const folder = await temporaryFolder();
let model: string;
/** On this thread, from the sources. */
let here: Tokenizer;
/** Two workers of one thread each. */
let there: BuiltTokenizer;

beforeAll(async () => {
  await useEngine();
  model = await modelFile(folder, quantizers.vq);
  here = await Tokenizer.load(model);
  there = await BuiltTokenizer.load(model, { workers: 2 });
});

afterAll(async () => {
  await there?.dispose();
  await here?.dispose();
});

async function withWorkers<T>(
  options: LoadOptions,
  use: (tokenizer: BuiltTokenizer) => Promise<T>,
): Promise<T> {
  const tokenizer = await BuiltTokenizer.load(model, { workers: 1, ...options });
  try {
    return await use(tokenizer);
  } finally {
    await tokenizer.dispose();
  }
}

const image = (seed: number, height = 24, width = 40) => rawImage(seed, { height, width });

describe("a tokenizer with workers", () => {
  it("says the same of its model", async () => {
    for (const fact of ["fingerprint", "codebookSize", "numCodebooks", "downsamplingFactor"] as const)
      expect(there[fact]).toBe(here[fact]);
    expect(await there.codeVectors()).toEqual(await here.codeVectors());
  });

  it("gives the same codes and images, alone, among others and in tiles", async () => {
    const images = Array.from({ length: 11 }, (_, i) => image(i + 1));
    const alone = await Promise.all(images.map((each) => there.encode(each)));
    for (const [i, codes] of alone.entries()) expect(codes).toEqual(await here.encode(image(i + 1)));
    expect(await there.encode(images)).toEqual(await here.encode(images));
    const tiles = { policy: "tile", size: 16, overlap: 4 } as const;
    const tiled = await there.encode(image(3, 37, 50), tiles);
    expect(tiled).toEqual(await here.encode(image(3, 37, 50), tiles));
    expect(tiled.shape[0]).toBeGreaterThan(5);

    const decoded = await Promise.all(alone.map((codes) => there.decode(codes)));
    for (const [i, codes] of alone.entries())
      expect({ ...decoded[i] }).toEqual({ ...(await here.decode(codes)) });
    expect({ ...(await there.decode(tiled)) }).toEqual({ ...(await here.decode(tiled)) });
    const made = await Promise.all(images.slice(0, 5).map((each) => there.reconstruct(each)));
    expect(made).toEqual(decoded.slice(0, 5));
  });

  it("leaves the caller's arrays where they are", async () => {
    const mine = image(4);
    const before = mine.pixels.slice();
    const codes = await there.encode(mine);
    expect(mine.pixels).toEqual(before);
    await there.decode(codes);
    expect(codes.indices).toHaveLength(60);
    expect(await there.decodeBatch(codes)).toEqual([await there.reconstruct(mine)]);
  });

  it("encodes and decodes streams: same batches in the same order, with broken images told", async () => {
    const photos = path.join(folder, "photos");
    await mkdir(photos);
    for (let i = 0; i < 9; i++) {
      const size = i % 4 === 3 ? { height: 20, width: 32 } : { height: 16, width: 24 };
      await noise(i, size)
        .image.png()
        .toFile(path.join(photos, `${i}.png`));
    }
    const collect = async (tokenizer: Tokenizer | BuiltTokenizer) => {
      const batches = [];
      for await (const batch of tokenizer.encodeAll(photos, { batchSize: 2 })) batches.push(batch);
      return batches;
    };
    const batches = await collect(there);
    expect(batches).toEqual(await collect(here));
    expect(batches.map(({ shape: [count] }) => count)).toEqual([2, 1, 1, 2, 1, 1, 1]);
    const images = async (tokenizer: Tokenizer | BuiltTokenizer) => {
      const all = [];
      for await (const each of tokenizer.decodeImages(batches)) all.push({ ...each });
      return all;
    };
    expect(await images(there)).toEqual(await images(here));
  });

  it("keeps the types of errors: those of loading, of a pass, and of options", async () => {
    const missing = path.join(folder, "none");
    const cases = [
      [() => BuiltTokenizer.load(missing, { workers: 1 }), VqkitError, "run"],
      [() => BuiltTokenizer.load(model, { workers: 1.5 }), VqkitError, "config"],
      [() => BuiltTokenizer.load(model, { workers: 1, maxQueue: 0 }), VqkitError, "config"],
      [() => there.encode(image(1), { size: 0 } as never), VqkitError, "config"],
      [() => there.encode(Buffer.from("no image")), VqkitError, "data"],
      [() => there.decode({ indices: [60], shape: [1, 1, 1, 1] }), VqkitError, "codes"],
    ] as const;
    for (const [call, type, code] of cases) {
      const error = await call().then(String, (reason: unknown) => reason);
      expect(error).toBeInstanceOf(type);
      expect(error).toMatchObject({ code, message: expect.stringMatching(/^[^\n]+$/) });
    }
  });

  it("is busy beyond maxQueue, with an error of its own, and not afterwards", () =>
    withWorkers({ maxQueue: 2 }, async (tokenizer) => {
      const calls = await Promise.allSettled([1, 2, 3].map((seed) => tokenizer.encode(image(seed))));
      expect(calls.map(({ status }) => status)).toEqual(["fulfilled", "fulfilled", "rejected"]);
      expect(calls[2]).toMatchObject({
        reason: { code: "busy", message: expect.stringContaining("at most 2") },
      });
      expect((await tokenizer.encode(image(3))).indices).toHaveLength(60);
    }));
});

describe.each([
  ["on this thread", () => Tokenizer.load(model)],
  ["with a worker", () => BuiltTokenizer.load(model, { workers: 1 })],
] as const)("calls that are aborted, %s", (_, load) => {
  it("fail at once with the signal's reason, and the others go on", async () => {
    const tokenizer = await load();
    try {
      const codes = await tokenizer.encode(image(1));
      const gone = AbortSignal.abort(new Error("gone"));
      for (const call of [
        () => tokenizer.encode(image(1), { signal: gone }),
        () => tokenizer.reconstruct(image(1), { signal: gone }),
        () => tokenizer.decode(codes, { signal: gone }),
        () => tokenizer.decodeBatch(codes, { signal: gone }),
        () => tokenizer.encodeAll([image(1)], { signal: gone }).next(),
        () => tokenizer.decodeImages([codes], { signal: gone }).next(),
      ])
        await expect(call()).rejects.toThrow("gone");

      const controllers = Array.from({ length: 6 }, () => new AbortController());
      const calls = controllers.map(({ signal }, i) => tokenizer.encode(image(i + 1), { signal }));
      for (const i of [0, 2, 5]) controllers[i]?.abort(i);
      const settled = await Promise.allSettled(calls);
      expect(settled.map((each) => (each.status === "rejected" ? each.reason : "done"))).toEqual([
        0,
        "done",
        2,
        "done",
        "done",
        5,
      ]);
      expect(settled[3]).toMatchObject({ value: { indices: (await here.encode(image(4))).indices } });
    } finally {
      await tokenizer.dispose();
    }
  });

  it("fail by a timeout, as one that a stream is read under", async () => {
    const tokenizer = await load();
    try {
      const many = Array.from({ length: 500 }, (_, i) => image(i));
      const signal = AbortSignal.timeout(100);
      const read = async () => {
        for await (const batch of tokenizer.encodeAll(many, { batchSize: 1, signal })) void batch;
        // Where a machine is this fast, the signal has yet to come.
        await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
      };
      await expect(read()).rejects.toMatchObject({ name: "TimeoutError" });
      expect((await tokenizer.encode(image(2))).indices).toEqual((await here.encode(image(2))).indices);
    } finally {
      await tokenizer.dispose();
    }
  });
});

describe("the end of a tokenizer with workers", () => {
  it("close() finishes what is under way and takes no more", async () => {
    const tokenizer = await BuiltTokenizer.load(model, { workers: 1 });
    const calls = [1, 2, 3, 4, 5].map((seed) => tokenizer.encode(image(seed)));
    const closed = tokenizer.close();
    await expect(tokenizer.encode(image(6))).rejects.toMatchObject({ code: "engine" });
    const done = await Promise.all(calls);
    expect(done[4]?.indices).toEqual((await here.encode(image(5))).indices);
    await closed;
  });

  it("dispose() fails what waits and ends the threads", async () => {
    const tokenizer = await BuiltTokenizer.load(model, { workers: 1 });
    const calls = Promise.allSettled([1, 2, 3].map((seed) => tokenizer.encode(image(seed))));
    // Past the decoding of the images: the first is computed, two wait.
    await new Promise((next) => setTimeout(next, 0));
    await tokenizer.dispose();
    const settled = await calls;
    for (const each of settled)
      if (each.status === "rejected") expect(each.reason).toMatchObject({ code: "engine" });
    expect(settled.some(({ status }) => status === "rejected")).toBe(true);
    await expect(tokenizer.decode({ indices: [1], shape: [1, 1, 1, 1] })).rejects.toMatchObject({
      code: "engine",
    });
  });
});
