import { createHash } from "node:crypto";
import { copyFile, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type CodeFormat,
  type Codes,
  type CodeWriterOptions,
  codeFormats,
  type EncodedBatch,
  openCodeWriter,
  readCodeManifest,
  writeCodes,
} from "../../../src/tokenizer/index.js";
import { temporaryFolder } from "../../runs/temporary-folder.js";
import { anyBatches, fingerprint } from "./arbitrary.js";

/** As `encodeAll` yields them: every third item of the source is broken. */
function encoded(batches: readonly Codes[]): EncodedBatch[] {
  let images = 0;
  return batches.map((codes) => {
    images += codes.images.length;
    const itemsBroken = Math.floor(images / 2);
    const itemsDone = images + itemsBroken;
    return { ...codes, itemsDone, itemsBroken, itemsDigest: String(itemsDone).padStart(64, "0") };
  });
}

/** A digest of every file. */
async function contents(dir: string): Promise<Record<string, string>> {
  const names = (await readdir(dir)).sort();
  const digest = async (name: string) =>
    createHash("sha256")
      .update(await readFile(join(dir, name)))
      .digest("hex");
  return Object.fromEntries(await Promise.all(names.map(async (name) => [name, await digest(name)])));
}

/** A copy as a killed process leaves the folder: nothing was closed, some bytes came after what was saved. */
async function kill(dir: string, to: string): Promise<void> {
  await mkdir(to);
  for (const name of await readdir(dir)) {
    await copyFile(join(dir, name), join(to, name));
    if (name.endsWith(".partial")) await writeFile(join(to, name), "torn", { flag: "a" });
  }
}

const small = { shardBytes: 9000 };
const one: Codes = {
  indices: Uint16Array.of(3, 1, 4, 1, 5, 9),
  shape: [1, 2, 3, 1],
  codebookSize: 10,
  images: [{ name: "a.jpg", width: 12, height: 8 }],
  fingerprint,
};
const [first, second, third] = encoded([one, one, one]) as [EncodedBatch, EncodedBatch, EncodedBatch];

describe.each(codeFormats)("an interrupted writer of format %s", (format) => {
  it("ends with the same bytes wherever it was killed", async () => {
    const folder = await temporaryFolder();
    let run = 0;
    const kills = fc.array(fc.nat(), { minLength: 1, maxLength: 3 });
    await fc.assert(
      fc.asyncProperty(anyBatches, kills, async (codes, moments) => {
        const name = join(folder, String(run++));
        const batches = encoded(codes);
        await writeCodes(`${name}-whole`, codes, { format, ...small });
        let dir = `${name}-0`;
        let done = 0;
        for (const [i, moment] of moments.entries()) {
          const writer = await openCodeWriter(dir, { format, resume: true, saveEvery: 0, ...small });
          // A row group of Parquet is longer than these batches: then the run begins anew.
          const resumed = batches.findIndex((b) => b.itemsDone === writer.resumedAt?.itemsDone) + 1;
          expect(writer.resumedAt === undefined).toBe(resumed === 0);
          if (format !== "parquet") expect(resumed).toBe(done);
          done = resumed + (moment % (batches.length - resumed + 1));
          for (const batch of batches.slice(resumed, done)) await writer.write(batch);
          const next = `${name}-${i + 1}`;
          if (done > 0) await kill(dir, next);
          dir = next;
        }
        const writer = await openCodeWriter(dir, { format, resume: true, ...small });
        const resumed = batches.findIndex((b) => b.itemsDone === writer.resumedAt?.itemsDone) + 1;
        for (const batch of batches.slice(resumed)) await writer.write(batch);
        await writer.finish();
        expect(await contents(dir)).toEqual(await contents(`${name}-whole`));
      }),
      { numRuns: 15, seed: 11 },
    );
  });

  it("can be killed between its last steps", async () => {
    const folder = await temporaryFolder();
    const whole = join(folder, "whole");
    await writeCodes(whole, [one, one], { format });
    const dir = join(folder, "killed");
    const writer = await openCodeWriter(dir, { format });
    for (const batch of [first, second]) await writer.write(batch);
    // A folder stands where the manifest goes, so that the very last step fails.
    await mkdir(join(dir, "manifest.json", "in the way"), { recursive: true });
    await expect(writer.finish()).rejects.toThrow();
    expect(await readdir(dir)).toContain(".progress.json");
    await rm(join(dir, "manifest.json"), { recursive: true });
    await expect(readCodeManifest(dir)).rejects.toMatchObject({ code: "codes" });
    await expect(openCodeWriter(dir, { format, resume: true })).rejects.toMatchObject({
      code: "codes",
      message: `${dir}: expected an interrupted run to go on with, got finished codes of 2 images. Nothing is left to do.`,
    });
    expect(await contents(dir)).toEqual(await contents(whole));
  });
});

describe("openCodeWriter", () => {
  it("goes on after a row group of Parquet, also in the middle of the next", async () => {
    const folder = await temporaryFolder();
    // 1000 images end a row group.
    const images = Array.from({ length: 300 }, (_, i) => ({ name: `${i}.jpg`, width: 8, height: 4 }));
    const indices = Uint16Array.from({ length: 600 }, (_, i) => (i * 37) % 601);
    const codes: Codes = { indices, shape: [300, 1, 2, 1], codebookSize: 601, images, fingerprint };
    const batches = encoded(Array.from({ length: 9 }, () => codes));
    await writeCodes(join(folder, "whole"), batches, { format: "parquet" });
    const dir = join(folder, "killed");
    const writer = await openCodeWriter(dir, { format: "parquet" });
    for (const batch of batches.slice(0, 6)) await writer.write(batch);
    await writer.suspend();
    const later = await openCodeWriter(dir, { format: "parquet", resume: true });
    expect([later.images, later.resumedAt?.itemsDone]).toEqual([1200, batches[3]?.itemsDone]);
    for (const batch of batches.slice(4)) await later.write(batch);
    await later.finish();
    expect(await contents(dir)).toEqual(await contents(join(folder, "whole")));
  });

  it("suspends and goes on, and says how far the source was", async () => {
    const dir = join(await temporaryFolder(), "codes");
    const writer = await openCodeWriter(dir, { settings: { policy: "native" } });
    await writer.write(first);
    await writer.write(second);
    await writer.suspend();
    await expect(readCodeManifest(dir)).rejects.toMatchObject({
      code: "codes",
      message: `${dir}: expected finished codes, got those of an interrupted run. Go on with it first (encode --resume).`,
    });
    await expect(openCodeWriter(dir)).rejects.toMatchObject({
      message: `${dir}: expected a new or empty folder, got one with an interrupted run in it. Go on with it (--resume), choose another folder, or set overwrite (--overwrite).`,
    });
    const again = await openCodeWriter(dir, { resume: true, settings: { policy: "native" }, fingerprint });
    const { itemsDone, itemsBroken, itemsDigest } = second;
    expect(again.resumedAt).toEqual({ itemsDone, itemsBroken, itemsDigest });
    expect(again.images).toBe(2);
    await again.write(third);
    expect(await again.finish()).toMatchObject({ images: 3, settings: { policy: "native" } });
    expect(await readCodeManifest(dir)).toMatchObject({ images: 3, settings: { policy: "native" } });
    await expect(openCodeWriter(dir, { resume: true })).rejects.toThrow(/Nothing is left to do/);
  });

  it("saves no position behind a batch that has none", async () => {
    const dir = join(await temporaryFolder(), "codes");
    const writer = await openCodeWriter(dir, { saveEvery: 0 });
    await writer.write(first);
    await writer.write(one);
    await writer.suspend();
    const again = await openCodeWriter(dir, { resume: true });
    expect([again.images, again.resumedAt?.itemsDone]).toEqual([1, first.itemsDone]);
    await again.abort();
    expect(await readdir(join(dir, ".."))).toEqual([dir.split("/").at(-1)]); // it did not make the folder
    expect(await readdir(dir)).toEqual([]);
  });

  it.each<[string, CodeWriterOptions, RegExp]>([
    [
      "another model",
      { fingerprint: "f".repeat(64) },
      /expected those of model 0123456789ab, got those of model ffffffffffff/,
    ],
    ["another format", { format: "packed" }, /expected format "npy" as in the interrupted run, got "packed"/],
    ["other settings", { settings: { size: 256 } }, /expected size 128 as in the interrupted run, got 256/],
  ])("does not go on with %s", async (_, options, message) => {
    const dir = join(await temporaryFolder(), "codes");
    const writer = await openCodeWriter(dir, { settings: { size: 128 } });
    await writer.write(first);
    await writer.suspend();
    await expect(
      openCodeWriter(dir, { resume: true, settings: { size: 128 }, ...options }),
    ).rejects.toMatchObject({ code: "codes", message: expect.stringMatching(message) });
  });

  it("does not go on when a file lost what was saved", async () => {
    const dir = join(await temporaryFolder(), "codes");
    const writer = await openCodeWriter(dir, { saveEvery: 0 });
    await writer.write(first);
    await writeFile(join(dir, ".codes-2x3.npy.partial"), "short");
    await expect(openCodeWriter(dir, { resume: true })).rejects.toMatchObject({
      code: "format",
      message: expect.stringMatching(/\.codes-2x3\.npy\.partial: expected at least 204 bytes, got 5/),
    });
  });

  it("begins anew over what a run left that was killed before it saved anything", async () => {
    const dir = join(await temporaryFolder(), "codes");
    const formats: CodeFormat[] = ["packed", "npy"];
    for (const format of formats) {
      const writer = await openCodeWriter(dir, { format });
      await writer.write(first);
    }
    const manifest = await writeCodes(dir, [one]);
    expect(manifest.images).toBe(1);
    expect((await readdir(dir)).sort()).toEqual(["codes-2x3.npy", "images.jsonl", "manifest.json"]);
  });
});
